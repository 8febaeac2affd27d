//! Probes of bytes in memory, and what they cost.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use media_probe::{Ffprobe, Limits, Outcome, RangeSource, ReadError};

/// Most memory of any child process here, in bytes. What a probe may take at all is three times as much.
const MOST_RESIDENT: u64 = 256 << 20;

struct Memory(Bytes);

impl RangeSource for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        Ok(self.0.slice(usize::try_from(start).unwrap()..usize::try_from(end).unwrap()))
    }
}

/// The layer's ffprobe, which the build puts into the folder above that of the tests.
fn ffprobe() -> Ffprobe {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("ffprobe");
    assert!(path.is_file(), "no {}: `make build` makes it", path.display());
    Ffprobe { path, limits: Limits::default(), ffmpeg: None }
}

/// What is said of the bytes. Readable or not, either is an answer; an error worth a retry is not, nor is a panic.
pub(crate) async fn outcome(what: &str, bytes: impl Into<Bytes>) -> Outcome {
    let ffprobe = ffprobe();
    let started = Instant::now();
    let outcome = ffprobe.probe(Arc::new(Memory(bytes.into()))).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    // Whatever a file does, the processor limit ends it before the clock, however busy this machine is.
    assert!(started.elapsed() < ffprobe.limits.wall_clock * 2, "{what}: {:?}", started.elapsed());
    outcome.outcome
}

/// Fails if a child process had more memory than a probe should ever need.
pub(crate) fn assert_little_memory(what: &str) {
    let peak = peak_of_children();
    println!("{what}: no child process had more than {} MiB", peak >> 20);
    assert!(peak < MOST_RESIDENT, "{what}: {peak} bytes");
}

/// The most memory that any child process had that has ended, in bytes.
fn peak_of_children() -> u64 {
    // SAFETY: plain numbers, for which zeros are values.
    #[allow(unsafe_code, reason = "no library in the tree tells it")]
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    #[allow(unsafe_code, reason = "no library in the tree tells it")]
    // SAFETY: the kernel writes one structure of this type.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(result, 0);
    u64::try_from(usage.ru_maxrss).unwrap() * 1024
}
