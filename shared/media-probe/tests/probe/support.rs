//! Media made by ffmpeg, and sources that count reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_probe::{Ffprobe, Limits, Media, Outcome, RangeSource, ReadError};
use tempfile::TempDir;

/// Timeout of the waits in tests.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns the path of a program of Debian's package `ffmpeg`, which these tests require.
pub(crate) fn program(name: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file()).unwrap_or_else(
        || panic!("{name} is not installed: the package `ffmpeg` has it (apt-get install ffmpeg)"),
    )
}

/// Returns the layer's ffprobe, which the build puts into the parent folder of the tests.
pub(crate) fn ffprobe() -> Ffprobe {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("ffprobe");
    assert!(path.is_file(), "no {}: `make build` makes it", path.display());
    Ffprobe { path, limits: Limits::default(), ffmpeg: None }
}

/// Returns the file that ffmpeg writes for these arguments, under a name with this extension.
pub(crate) fn ffmpeg(extension: &str, arguments: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    ffmpeg_in(folder.path(), extension, arguments)
}

/// Returns the file that ffmpeg writes for these arguments, in a folder with the files that they name.
pub(crate) fn ffmpeg_in(folder: &Path, extension: &str, arguments: &str) -> Vec<u8> {
    let path = folder.join(format!("out.{extension}"));
    let output = Command::new(program("ffmpeg"))
        .args(["-v", "error", "-nostdin", "-y", "-threads", "1"])
        .args(arguments.split_whitespace())
        .arg(&path)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    fs::read(path).unwrap()
}

/// Runs Debian's ffprobe, which also reads playlists, without this crate, for comparison. Returns its standard output.
pub(crate) fn bare_ffprobe(arguments: &[&str]) -> String {
    let output = Command::new(program("ffprobe")).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A source of bytes in memory, with an optional hole of zeros, that records every read.
#[derive(Default)]
pub(crate) struct Counted {
    head: Bytes,
    hole: u64,
    tail: Bytes,
    reads: Mutex<Vec<(u64, u64)>>,
}

impl Counted {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Self::with_hole(bytes, 0, Vec::new())
    }

    pub(crate) fn with_hole(head: Vec<u8>, hole: u64, tail: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { head: head.into(), hole, tail: tail.into(), reads: Mutex::default() })
    }

    /// Returns the number of reads and their bytes.
    pub(crate) fn totals(&self) -> (usize, u64) {
        let reads = self.reads.lock().unwrap();
        (reads.len(), reads.iter().map(|(start, end)| end - start).sum())
    }

    pub(crate) fn ranges(&self) -> Vec<(u64, u64)> {
        self.reads.lock().unwrap().clone()
    }
}

impl RangeSource for Counted {
    fn size(&self) -> u64 {
        self.head.len() as u64 + self.hole + self.tail.len() as u64
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        assert!(start < end && end <= self.size(), "{start}..{end} of {}", self.size());
        self.reads.lock().unwrap().push((start, end));
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        for (from, part) in [(0, &self.head), (self.head.len() as u64 + self.hole, &self.tail)] {
            let (first, last) = (start.max(from), end.min(from + part.len() as u64));
            if first < last {
                let at = |position: u64, base: u64| usize::try_from(position - base).unwrap();
                bytes[at(first, start)..at(last, start)]
                    .copy_from_slice(&part[at(first, from)..at(last, from)]);
            }
        }
        Ok(bytes.into())
    }
}

pub(crate) async fn outcome(bytes: Vec<u8>) -> Outcome {
    ffprobe().probe(Counted::new(bytes)).await.expect("a probe of bytes in memory needs no retry").outcome
}

/// Probes a file, and panics if it is unreadable.
pub(crate) async fn media(bytes: Vec<u8>) -> Media {
    match outcome(bytes).await {
        Outcome::Media(media) => *media,
        Outcome::Unreadable(reason) => panic!("unreadable: {reason}"),
    }
}

/// Returns the reason why a file is unreadable, and panics if it is readable.
pub(crate) async fn reason(bytes: Vec<u8>) -> String {
    match outcome(bytes).await {
        Outcome::Media(media) => panic!("readable: {media:?}"),
        Outcome::Unreadable(reason) => reason,
    }
}

/// Returns the process whose first argument is this path. A zombie has no arguments.
pub(crate) fn process_of(path: &Path) -> Option<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    numbers.find(|number: &u32| {
        let arguments = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).next() == Some(path.as_os_str().as_encoded_bytes())
    })
}

/// Waits until a condition holds; panics after [`TIMEOUT`].
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
