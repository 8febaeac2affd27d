//! What the tests of joins share: samples that Debian's ffmpeg makes, and joins of them by the layer's ffmpeg.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lambda_startup::{Aws, AwsEndpoints};
use mux_protocol::{Container, MuxRefusal};
use mux_streams::{Assembly, Ffmpeg, Limits, MuxError, PresignedParts, Run, Streams};
use tempfile::TempDir;

use crate::bucket::Bucket;

pub(crate) const PART: usize = 64 * 1024;

/// Returns the layer's ffmpeg, which `make build` puts beside the functions; `FILES_FFMPEG` names another one.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("FILES_FFMPEG").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/ffmpeg"))
}

/// Runs Debian's ffmpeg in a folder and returns what it prints.
pub(crate) fn ffmpeg(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(arguments.split(' ')).current_dir(folder);
    let output = command.output().expect("ffmpeg runs");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// One packet: its stream, its size and checksum, and its times in seconds.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) stream: usize,
    pub(crate) content: String,
    pub(crate) times: [f64; 2],
}

/// Returns the packets, sorted by stream: releases of FFmpeg interleave differently.
pub(crate) fn packets(folder: &Path, arguments: &str) -> Vec<Packet> {
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
pub(crate) fn assert_same(found: &[Packet], expected: &[Packet], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let late = found.times.iter().zip(expected.times).map(|(found, expected)| (found - expected).abs());
        let is_same = (found.stream, &found.content) == (expected.stream, &expected.content);
        assert!(is_same && late.fold(0.0, f64::max) < 0.01, "{what}: {found:?}, expected {expected:?}");
    }
}

/// Returns what ffprobe shows of one entry, after which other options may follow, one line for each stream.
pub(crate) fn shown(folder: &Path, entry: &str, file: &str) -> Vec<String> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-of", "csv=p=0", "-show_entries"]).args(entry.split(' '));
    ffprobe.arg(file).current_dir(folder);
    let text = String::from_utf8(ffprobe.output().expect("ffprobe runs").stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

/// A folder with samples, and a bucket.
pub(crate) struct Test {
    pub(crate) folder: TempDir,
    pub(crate) bucket: Bucket,
}

impl Test {
    pub(crate) async fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder"), bucket: Bucket::start().await }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn make(&self, arguments: &str) {
        ffmpeg(self.path(), arguments);
    }

    pub(crate) fn make_picture(&self, name: &str, codec: &str) {
        self.make(&format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=8 {codec} {name}"));
    }

    pub(crate) fn make_sound(&self, name: &str, codec: &str) {
        self.make(&format!("-f lavfi -i sine=duration=8:frequency=330 {codec} {name}"));
    }

    pub(crate) fn serve(&self, name: &str) -> String {
        self.bucket.put(name, std::fs::read(self.path().join(name)).expect("a sample"))
    }

    pub(crate) async fn join_with(
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

    pub(crate) async fn join(
        &self,
        picture: &str,
        sound: &str,
        container: Container,
    ) -> Result<Run, MuxError> {
        let ffmpeg = Ffmpeg { path: program(), limits: Limits::default() };
        self.join_with(ffmpeg, picture, sound, container, (200, Duration::from_secs(60))).await
    }

    pub(crate) async fn refused(&self, picture: &str, sound: &str, container: Container) -> MuxRefusal {
        self.join(picture, sound, container).await.expect("a run").outcome.expect_err("a refusal")
    }

    /// Joins two samples into the file `joined`.
    pub(crate) async fn join_samples(&self, picture: &str, sound: &str, container: Container) {
        let run = self.join(&self.serve(picture), &self.serve(sound), container).await.expect("a run");
        let assembled = run.outcome.unwrap_or_else(|refusal| panic!("{picture}, {sound}: {refusal}"));
        assert!(!run.killed);
        let joined = self.bucket.joined(assembled.parts);
        assert_eq!(joined.len() as u64, assembled.size, "{picture}, {sound}");
        assert_eq!(assembled.parts, assembled.size.div_ceil(PART as u64));
        std::fs::write(self.path().join("joined"), joined).expect("a file");
    }

    /// Joins two samples, and compares the result with `ffmpeg -c copy` of them. `offset` has the options that keep their distance.
    pub(crate) async fn compare(&self, picture: &str, sound: &str, container: Container, offset: &str) {
        self.join_samples(picture, sound, container).await;
        let extension = container.extension();
        self.make(&format!(
            "{offset}-i {picture} -i {sound} -map 0:v:0 -map 1:a:0 -c copy expected.{extension}"
        ));
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
