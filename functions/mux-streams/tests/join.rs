//! Joins streams that Debian's ffmpeg makes, with the layer's ffmpeg, from and to a server that responds as S3 does. The packets of
//! the result equal those of `ffmpeg -c copy` of the same inputs.

mod bucket;
mod support;

use std::path::Path;
use std::time::Duration;

use mux_protocol::{Container, MuxRefusal};
use mux_streams::{Ffmpeg, Limits, MuxError};
use support::{PART, Test, program, shown};

const H264: &str = "-c:v libx264 -preset ultrafast -g 50 -bf 2 -pix_fmt yuv420p";
const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -b:v 300k";

#[tokio::test]
async fn mp4_of_fragments_files_and_transport_streams() {
    let test = Test::new().await;
    test.make_picture("picture.mp4", H264);
    test.make_picture(
        "fragments.mp4",
        &format!("{H264} -movflags frag_keyframe+empty_moov+default_base_moof"),
    );
    test.make_picture("picture.ts", H264);
    test.make_sound("sound.m4a", "-c:a aac");
    test.make_sound(
        "fragments.m4a",
        "-c:a aac -movflags frag_every_frame+empty_moov+default_base_moof -f mp4",
    );
    test.make_sound("sound.aac", "-c:a aac");
    test.make_sound("sound.mp3", "-c:a libmp3lame");
    for (picture, sound) in
        [("picture.mp4", "sound.m4a"), ("picture.ts", "sound.aac"), ("picture.mp4", "sound.mp3")]
    {
        test.compare(picture, sound, Container::Mp4, "").await;
    }
    // Without an edit list, the picture starts after its two B-frames.
    test.compare("fragments.mp4", "fragments.m4a", Container::Mp4, "-itsoffset 0.08 ").await;
}

#[tokio::test]
async fn webm_and_mixed_containers() {
    let test = Test::new().await;
    test.make_picture("picture.webm", VP9);
    test.make_picture("picture.mp4", H264);
    test.make_sound("opus.webm", "-c:a libopus");
    test.make_sound("vorbis.ogg", "-c:a libvorbis");
    test.compare("picture.webm", "opus.webm", Container::Webm, "").await;
    test.compare("picture.webm", "opus.webm", Container::Mp4, "").await;
    test.compare("picture.mp4", "opus.webm", Container::Mp4, "").await;
    test.compare("picture.mp4", "vorbis.ogg", Container::Matroska, "").await;
}

#[tokio::test]
async fn hevc_and_another_start_time() {
    let test = Test::new().await;
    test.make_picture("hevc.mp4", "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=none");
    test.make_picture("late.mp4", &format!("{H264} -output_ts_offset 3"));
    test.make_sound("sound.m4a", "-c:a aac");
    test.compare("hevc.mp4", "sound.m4a", Container::Mp4, "").await;
    test.compare("late.mp4", "sound.m4a", Container::Mp4, "-itsoffset 3 ").await;
}

#[tokio::test]
async fn what_cannot_be_joined_is_refused_by_name() {
    let test = Test::new().await;
    test.make_picture("picture.mp4", H264);
    test.make_sound("sound.m4a", "-c:a aac");
    let (picture, sound) = (test.serve("picture.mp4"), test.serve("sound.m4a"));
    assert_eq!(test.refused(&sound, &sound, Container::Mp4).await, MuxRefusal::NoPicture);
    assert_eq!(test.refused(&picture, &picture, Container::Mp4).await, MuxRefusal::NoSound);
    assert_eq!(test.refused(&picture, &sound, Container::Webm).await, MuxRefusal::Container);
    for (name, bytes) in [
        ("text", b"<html>not a picture</html>".to_vec()),
        ("empty", Vec::new()),
        ("playlist", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/secret\n".to_vec()),
        ("half", std::fs::read(test.path().join("picture.mp4")).expect("a sample")[..20_000].to_vec()),
    ] {
        let url = test.bucket.put(name, bytes);
        assert_eq!(test.refused(&url, &sound, Container::Mp4).await, MuxRefusal::Unreadable, "{name}");
    }
}

#[tokio::test]
async fn limits_end_a_run_by_name() {
    let test = Test::new().await;
    test.make_picture("picture.mp4", H264);
    test.make_sound("sound.m4a", "-c:a aac");
    let (picture, sound) = (test.serve("picture.mp4"), test.serve("sound.m4a"));
    let join = |path: &Path, address_space, parts, time| {
        let limits = Limits { address_space, ..Limits::default() };
        let ffmpeg = Ffmpeg { path: path.to_owned(), limits };
        test.join_with(ffmpeg, &picture, &sound, Container::Mp4, (parts, time))
    };
    let (minute, space) = (Duration::from_secs(60), Limits::default().address_space);
    let run = join(&program(), space, 1, minute).await.expect("a run");
    assert_eq!(run.outcome, Err(MuxRefusal::Size { bytes: PART as u64 }));
    // A program that hangs is killed, and the process of the function with it.
    let hanging = test.path().join("hanging");
    std::fs::write(&hanging, "#!/bin/sh\nwhile :; do :; done\n").expect("a script");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hanging, executable).expect("a script");
    let run = join(&hanging, space, 9, Duration::from_secs(1)).await.expect("a run");
    assert_eq!((run.outcome, run.killed), (Err(MuxRefusal::Time { seconds: 1 }), true));
}

#[tokio::test]
async fn failures_of_the_bucket_are_worth_another_run() {
    let test = Test::new().await;
    test.make_picture("picture.mp4", H264);
    test.make_sound("sound.m4a", "-c:a aac");
    let (picture, sound) = (test.serve("picture.mp4"), test.serve("sound.m4a"));
    let gone = test.join(&test.bucket.url("gone"), &sound, Container::Mp4).await;
    assert!(matches!(gone, Err(MuxError::Object(_))), "{gone:?}");
    test.bucket.refuse("part-1");
    let refused = test.join(&picture, &sound, Container::Mp4).await;
    assert!(matches!(refused, Err(MuxError::Sink(_))), "{refused:?}");
}

#[tokio::test]
async fn an_object_that_changes_is_no_result() {
    let test = Test::new().await;
    // More than one block, with the index at the end.
    test.make("-f lavfi -i testsrc2=size=1280x720:rate=25:duration=8 -c:v libx264 -preset ultrafast -qp 12 large.mp4");
    test.make_sound("sound.m4a", "-c:a aac");
    let (picture, sound) = (test.serve("large.mp4"), test.serve("sound.m4a"));
    test.bucket.change_after_first_read("large.mp4");
    let changed = test.join(&picture, &sound, Container::Mp4).await;
    assert!(matches!(changed, Err(MuxError::Object(_))), "{changed:?}");
}

#[tokio::test]
async fn av1_in_both_containers() {
    let test = Test::new().await;
    test.make_picture("av1.mp4", "-c:v libsvtav1 -preset 12 -g 50");
    test.make("-i av1.mp4 -c copy av1.webm");
    test.make_sound("opus.webm", "-c:a libopus");
    test.make_sound("sound.m4a", "-c:a aac");
    test.compare("av1.webm", "opus.webm", Container::Webm, "").await;
    test.compare("av1.mp4", "sound.m4a", Container::Mp4, "").await;
    test.compare("av1.mp4", "opus.webm", Container::Mp4, "").await;
}

/// Gives the HEVC picture of an MP4 whose index is at its end another tag and Dolby Vision's configuration of profile 8.4.
fn with_dolby_vision(mp4: &[u8], tag: &[u8; 4]) -> Vec<u8> {
    let mut bytes = mp4.to_vec();
    let position = |bytes: &[u8], name: &[u8]| {
        bytes.windows(4).rposition(|four| four == name).unwrap_or_else(|| panic!("no {name:?}"))
    };
    let configuration = [b"\0\0\0\x20dvvC\x01\0\x10\x0d\x40".as_slice(), &[0; 19]].concat();
    let entry = position(&bytes, b"hev1");
    let size = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at - 4..at].try_into().expect("4 bytes"));
    let end = entry - 4 + size(&bytes, entry) as usize;
    for name in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hev1"] {
        let at = position(&bytes, name);
        let larger = size(&bytes, at) + 32;
        bytes[at - 4..at].copy_from_slice(&larger.to_be_bytes());
    }
    bytes[entry..entry + 4].copy_from_slice(tag);
    bytes.splice(end..end, configuration);
    bytes
}

#[tokio::test]
async fn hevc_has_the_tag_that_all_players_accept() {
    let test = Test::new().await;
    test.make_picture("hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none");
    test.make_sound("sound.m4a", "-c:a aac");
    assert_eq!(tags(&test, "hevc.mp4"), ["hev1"]);
    for name in ["hevc.ts", "hevc.mkv"] {
        test.make(&format!("-i hevc.mp4 -c copy {name}"));
    }
    for name in ["hevc.mp4", "hevc.ts", "hevc.mkv"] {
        test.join_samples(name, "sound.m4a", Container::Mp4).await;
        assert_eq!(tags(&test, "joined"), ["hvc1", "mp4a"], "{name}");
    }
    // Dolby Vision keeps its own tags, and its configuration.
    let hevc = std::fs::read(test.path().join("hevc.mp4")).expect("a sample");
    for (tag, expected) in [(b"dvh1", "dvh1"), (b"hev1", "hvc1")] {
        std::fs::write(test.path().join("dolby.mp4"), with_dolby_vision(&hevc, tag)).expect("a file");
        assert_eq!(dolby_vision(&test, "dolby.mp4"), "8");
        test.join_samples("dolby.mp4", "sound.m4a", Container::Mp4).await;
        assert_eq!(tags(&test, "joined"), [expected, "mp4a"]);
        assert_eq!(dolby_vision(&test, "joined"), "8", "{expected}");
    }
}

/// Returns the codec tags of a file's streams.
fn tags(test: &Test, file: &str) -> Vec<String> {
    let lines = shown(test.path(), "stream=codec_tag_string", file);
    let tags = lines.iter().map(|line| line.trim_end_matches(',').to_owned()); // side data adds a comma and a line
    tags.filter(|tag| !tag.is_empty()).collect()
}

/// Returns the profile of Dolby Vision that ffprobe shows.
fn dolby_vision(test: &Test, file: &str) -> String {
    shown(test.path(), "stream_side_data=dv_profile", file).concat()
}
