//! Joins streams that Debian's ffmpeg makes, with the layer's ffmpeg, from and to a server that responds as S3 does. The packets of
//! the result equal those of `ffmpeg -c copy` of the same inputs.

mod bucket;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bucket::Bucket;
use lambda_startup::{Aws, AwsEndpoints};
use mux_protocol::{Container, MuxRefusal};
use mux_streams::{Assembly, Ffmpeg, Limits, MuxError, PresignedParts, Run, Streams};
use tempfile::TempDir;

const PART: usize = 64 * 1024;

/// Returns the layer's ffmpeg, which `make build` puts beside the functions; `FILES_FFMPEG` names another one.
fn program() -> PathBuf {
    let named = std::env::var_os("FILES_FFMPEG").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/ffmpeg"))
}

/// Runs Debian's ffmpeg in a folder and returns what it prints.
fn ffmpeg(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(arguments.split(' ')).current_dir(folder);
    let output = command.output().expect("ffmpeg runs");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// One packet: its stream, its size and checksum, and its times in seconds.
#[derive(Debug)]
struct Packet {
    stream: usize,
    content: String,
    times: [f64; 2],
}

/// Returns the packets, sorted by stream: releases of FFmpeg interleave differently.
fn packets(folder: &Path, arguments: &str) -> Vec<Packet> {
    let printed = ffmpeg(folder, &format!("{arguments} -c copy -f framemd5 -"));
    let base = |line: &str| {
        let (_, ticks) = line.strip_prefix("#tb ")?.split_once(": ")?;
        let (one, ticks) = ticks.split_once('/')?;
        Some(one.parse::<f64>().expect("a number") / ticks.parse::<f64>().expect("a number"))
    };
    let bases: Vec<f64> = printed.lines().filter_map(base).collect();
    let packet = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let stream: usize = fields[0].parse().expect("a number");
        let time = |text: &str| text.parse::<f64>().expect("a time") * bases[stream];
        Packet { stream, content: fields[4..6].join(" "), times: [time(fields[1]), time(fields[2])] }
    };
    let mut all: Vec<_> = printed.lines().filter(|line| !line.starts_with('#')).map(packet).collect();
    all.sort_by_key(|packet| packet.stream);
    all
}

/// The packets have the same bytes, and the same times but for what releases of FFmpeg round differently.
fn assert_same(found: &[Packet], expected: &[Packet], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let late = found.times.iter().zip(expected.times).map(|(found, expected)| (found - expected).abs());
        let is_same = (found.stream, &found.content) == (expected.stream, &expected.content);
        assert!(is_same && late.fold(0.0, f64::max) < 0.01, "{what}: {found:?}, expected {expected:?}");
    }
}

/// Returns what ffprobe shows of one entry, one line for each stream.
fn shown(folder: &Path, entry: &str, file: &str) -> Vec<String> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-of", "csv=p=0", "-show_entries", entry, file]).current_dir(folder);
    let text = String::from_utf8(ffprobe.output().expect("ffprobe runs").stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

struct Test {
    folder: TempDir,
    bucket: Bucket,
}

impl Test {
    async fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder"), bucket: Bucket::start().await }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn make(&self, arguments: &str) {
        ffmpeg(self.path(), arguments);
    }

    fn make_picture(&self, name: &str, codec: &str) {
        self.make(&format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=8 {codec} {name}"));
    }

    fn make_sound(&self, name: &str, codec: &str) {
        self.make(&format!("-f lavfi -i sine=duration=8:frequency=330 {codec} {name}"));
    }

    fn serve(&self, name: &str) -> String {
        self.bucket.put(name, std::fs::read(self.path().join(name)).expect("a sample"))
    }

    async fn join_with(
        &self,
        ffmpeg: Ffmpeg,
        picture: &str,
        sound: &str,
        container: Container,
        (parts, time): (u32, Duration),
    ) -> Result<Run, MuxError> {
        let credentials = aws_credential_types::Credentials::new("x", "x", None, None, "test");
        let aws = Aws::new("eu-central-1".to_owned(), credentials, AwsEndpoints::default());
        let urls = (1..=parts).map(|part| self.bucket.url(&format!("part-{part}")).parse().expect("a URL"));
        let assembly = Assembly::new(PresignedParts::new(aws.downloads(), urls.collect()), PART);
        let (picture, sound) = (picture.parse().expect("a URL"), sound.parse().expect("a URL"));
        ffmpeg.join(aws.downloads(), Streams { picture, sound, container, time }, assembly).await
    }

    async fn join(&self, picture: &str, sound: &str, container: Container) -> Result<Run, MuxError> {
        let ffmpeg = Ffmpeg { path: program(), limits: Limits::default() };
        self.join_with(ffmpeg, picture, sound, container, (200, Duration::from_secs(60))).await
    }

    async fn refused(&self, picture: &str, sound: &str, container: Container) -> MuxRefusal {
        self.join(picture, sound, container).await.expect("a run").outcome.expect_err("a refusal")
    }

    /// Joins two samples, and compares the result with `ffmpeg -c copy` of them.
    async fn compare(&self, picture: &str, sound: &str, container: Container) {
        let run = self.join(&self.serve(picture), &self.serve(sound), container).await.expect("a run");
        let assembled = run.outcome.unwrap_or_else(|refusal| panic!("{picture}, {sound}: {refusal}"));
        assert!(!run.killed);
        let joined = self.bucket.joined(assembled.parts);
        assert_eq!(joined.len() as u64, assembled.size, "{picture}, {sound}");
        assert_eq!(assembled.parts, assembled.size.div_ceil(PART as u64));
        std::fs::write(self.path().join("joined"), joined).expect("a file");
        let extension = container.extension();
        self.make(&format!("-i {picture} -i {sound} -map 0:v:0 -map 1:a:0 -c copy expected.{extension}"));
        let expected = packets(self.path(), &format!("-i expected.{extension} -map 0"));
        let found = packets(self.path(), "-i joined -map 0");
        assert_same(&found, &expected, &format!("{picture}, {sound}"));
        assert!(expected.len() > 200);
        self.compare_containers(extension);
    }

    /// The duration and the index are in the container: ffprobe shows the same within one frame, and a seek finds the same frame.
    fn compare_containers(&self, extension: &str) {
        let expected = format!("expected.{extension}");
        for entry in ["format=nb_streams,format_name", "stream=codec_name,width,height,sample_rate,channels"]
        {
            assert_eq!(shown(self.path(), entry, "joined"), shown(self.path(), entry, &expected));
        }
        for entry in ["format=duration", "stream=start_time"] {
            let times =
                |file: &str| shown(self.path(), entry, file).into_iter().map(|text| text.parse::<f64>());
            for (found, wanted) in times("joined").zip(times(&expected)) {
                let (found, wanted) = (found.expect("a time"), wanted.expect("a time"));
                assert!((found - wanted).abs() < 0.04, "{entry}: {found}, expected {wanted}");
            }
        }
        let seek = |file: &str| packets(self.path(), &format!("-ss 5 -i {file} -map 0:v -frames:v 1"));
        assert_same(&seek("joined"), &seek(&expected), "a seek");
    }
}

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
    for (picture, sound) in [
        ("picture.mp4", "sound.m4a"),
        ("fragments.mp4", "fragments.m4a"),
        ("picture.ts", "sound.aac"),
        ("picture.mp4", "sound.mp3"),
    ] {
        test.compare(picture, sound, Container::Mp4).await;
    }
}

#[tokio::test]
async fn webm_and_mixed_containers() {
    let test = Test::new().await;
    test.make_picture("picture.webm", VP9);
    test.make_picture("picture.mp4", H264);
    test.make_sound("opus.webm", "-c:a libopus");
    test.make_sound("vorbis.ogg", "-c:a libvorbis");
    test.compare("picture.webm", "opus.webm", Container::Webm).await;
    test.compare("picture.webm", "opus.webm", Container::Mp4).await;
    test.compare("picture.mp4", "opus.webm", Container::Mp4).await;
    test.compare("picture.mp4", "vorbis.ogg", Container::Matroska).await;
}

#[tokio::test]
async fn hevc_and_another_start_time() {
    let test = Test::new().await;
    test.make_picture("hevc.mp4", "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=none");
    test.make_picture("late.mp4", &format!("{H264} -output_ts_offset 3"));
    test.make_sound("sound.m4a", "-c:a aac");
    test.compare("hevc.mp4", "sound.m4a", Container::Mp4).await;
    test.compare("late.mp4", "sound.m4a", Container::Mp4).await;
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
