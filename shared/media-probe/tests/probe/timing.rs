//! Tests of durations and frame rates.

use media_facts::DurationSource;
use media_probe::Media;

use crate::support::{ffmpeg, media};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

fn pictures(rate: &str) -> String {
    format!("-f lavfi -i testsrc2=size=160x90:rate={rate}:duration=3")
}

fn ratio(media: &Media) -> Option<&str> {
    media.facts.frame_rate_ratio.as_deref()
}

/// Changes the bytes of each edit list after its version and flags.
fn with_edits(mut mp4: Vec<u8>, change: impl Fn(&mut [u8])) -> Vec<u8> {
    let places: Vec<usize> =
        mp4.windows(4).enumerate().filter(|(_, word)| word == b"elst").map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        change(&mut mp4[at + 8..at + 24]);
    }
    mp4
}

#[tokio::test]
async fn edits_without_a_duration_extend_to_the_end() {
    let sound = "-f lavfi -i sine=duration=3";
    let mp4 = ffmpeg("mp4", &format!("{} {sound} {H264} -bf 2 -c:a aac", pictures("30")));
    let no_length = with_edits(mp4.clone(), |list| list[4..8].fill(0));
    let no_entries = with_edits(mp4.clone(), |list| list[..4].fill(0));
    // Empty edits only.
    let only_pauses = with_edits(mp4.clone(), |list| list[8..12].fill(0xFF));
    for (name, bytes) in
        [("as made", mp4), ("0 long", no_length), ("none", no_entries), ("pauses", only_pauses)]
    {
        let summary = media(bytes).await.summary;
        let duration = summary.duration.unwrap_or_default();
        assert!((duration - 3.0).abs() < 0.05, "{name}: {duration}");
        assert_eq!(summary.duration_source, Some(DurationSource::Stated), "{name}");
        assert!(summary.bit_rate.is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_raw_stream_has_the_frame_rate_that_it_states_or_none() {
    let h264 = ffmpeg("h264", &format!("{} {H264}", pictures("30000/1001")));
    assert_eq!(ratio(&media(h264).await), Some("30000/1001"));
    let hevc = "-c:v libx265 -preset ultrafast -x265-params log-level=none";
    assert_eq!(ratio(&media(ffmpeg("hevc", &format!("{} {hevc}", pictures("50")))).await), Some("50/1"));
    let silent = ffmpeg("hevc", &format!("{} {hevc}:vui-timing-info=0", pictures("30")));
    assert_eq!(ratio(&media(silent).await), None);
    for (extension, codec) in [("m1v", "mpeg1video"), ("m2v", "mpeg2video")] {
        let bytes = ffmpeg(extension, &format!("{} -c:v {codec}", pictures("60000/1001")));
        assert_eq!(ratio(&media(bytes).await), Some("60000/1001"), "{codec}");
    }
    let part2 = ffmpeg("m4v", &format!("{} -c:v mpeg4 -f m4v", pictures("24")));
    assert_eq!(ratio(&media(part2).await), Some("24/1"));
}

/// Replaces the frame duration in Matroska's header by a void element of the same size.
fn without_rate(mut matroska: Vec<u8>) -> Vec<u8> {
    let is_duration = |id: &[u8]| matches!(id, b"\x23\xe3\x83\x83" | b"\x23\xe3\x83\x84");
    let at = matroska.windows(4).position(is_duration).expect("DefaultDuration");
    // The identifier takes three bytes, the length one.
    let length = 4 + (matroska[at + 3] & 0x7F);
    matroska[at..at + usize::from(length)].fill(0);
    matroska[at..at + 2].copy_from_slice(&[0xEC, 0x80 | (length - 2)]);
    matroska
}

#[tokio::test]
async fn frame_rates_are_derived_from_rounded_times() {
    // The data rate is so high that ffprobe analyses few frames and guesses 60.
    let large = "-vf noise=alls=80:allf=t -c:v libx264 -preset ultrafast -crf 5 -pix_fmt yuv420p";
    let film = "-f lavfi -i testsrc2=size=640x360:rate=30:duration=3";
    assert_eq!(ratio(&media(without_rate(ffmpeg("mkv", &format!("{film} {large}")))).await), Some("30/1"));
    let one = "-f lavfi -i testsrc2=size=160x90:rate=30 -frames:v 1 -c:v libvpx";
    let alone = media(without_rate(ffmpeg("webm", one))).await;
    assert_eq!((ratio(&alone), alone.summary.frame_rate), (None, None), "one picture has no rate");
    let windows = ffmpeg("asf", &format!("{} -c:v mpeg4", pictures("30")));
    assert_eq!(ratio(&media(windows).await), Some("30/1"));
}

/// Replaces the clock of pictures whose distances vary, as phones record them, by one of milliseconds.
#[tokio::test]
async fn an_average_over_all_pictures_is_not_replaced_by_one_over_the_first() {
    let film = "-f lavfi -i testsrc2=size=160x90:rate=30:duration=8";
    // 90 pictures in 3 s, then 50 in 5 s.
    let varying = "-vf select='lt(t,3)+gte(t,3)*not(mod(n,3))' -fps_mode vfr -video_track_timescale 1000";
    let found = media(ffmpeg("mp4", &format!("{film} {varying} {H264}"))).await;
    let rate = found.summary.frame_rate.unwrap_or_default();
    assert!((rate - 17.5).abs() < 0.2, "{rate}");
    for (rate, expected) in
        [("24000/1001", 23.976), ("30000/1001", 29.97), ("60000/1001", 59.94), ("25", 25.0)]
    {
        let bytes = ffmpeg("mp4", &format!("{} {H264} -video_track_timescale 1000", pictures(rate)));
        let found = media(bytes).await.summary.frame_rate.unwrap_or_default();
        assert!((found - expected).abs() < 0.02, "{rate}: {found}");
        let matroska = ffmpeg("mkv", &format!("{} {H264}", pictures(rate)));
        for bytes in [without_rate(matroska.clone()), matroska] {
            let exact = if rate == "25" { "25/1" } else { rate };
            assert_eq!(ratio(&media(bytes).await), Some(exact));
        }
    }
}

/// Checks the start that pictures and sound share, with and without a data track.
#[tokio::test]
async fn a_common_start_does_not_count() {
    let folder = tempfile::TempDir::new().unwrap();
    let sound = "-f lavfi -i sine=duration=3";
    std::fs::write(
        folder.path().join("in.mp4"),
        ffmpeg("mp4", &format!("{} {sound} {H264} -bf 0 -c:a aac", pictures("30"))),
    )
    .unwrap();
    for offset in ["0.06", "0.5"] {
        for (extension, data) in [("mp4", ""), ("mov", "-timecode 00:00:00:00")] {
            let arguments = format!("-itsoffset {offset} -i in.mp4 -c copy {data}");
            let bytes = crate::support::ffmpeg_in(folder.path(), extension, &arguments);
            let found = media(bytes).await.summary.duration.unwrap_or_default();
            assert!((found - 3.024).abs() < 0.002, "{offset} {extension}: {found}");
        }
    }
}

/// Checks a data track like that of a camera, which is a little longer than pictures and sound.
#[tokio::test]
async fn a_longer_track_of_data_does_not_count() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("words.srt"), "1\n00:00:00,000 --> 00:00:03,900\nWords\n").unwrap();
    let arguments = format!(
        "{} -f lavfi -i sine=duration=3 -i words.srt -map 0 -map 1 -map 2 {H264} -c:a aac -c:s mov_text",
        pictures("30")
    );
    let mut file = crate::support::ffmpeg_in(folder.path(), "mp4", &arguments);
    for (from, to) in [(b"sbtl", b"meta"), (b"tx3g", b"gpmd")] {
        let at = file.windows(4).position(|word| word == from).unwrap();
        file[at..at + 4].copy_from_slice(to);
    }
    let found = media(file).await;
    assert!(found.full["streams"].as_array().unwrap().iter().any(|stream| stream["codec_type"] == "data"));
    let duration = found.summary.duration.unwrap_or_default();
    assert!((duration - 3.0).abs() < 0.03, "{duration}");
}
