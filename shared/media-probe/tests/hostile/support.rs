//! Probes bytes in memory, and measures the memory of the child processes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use media_probe::{Ffprobe, Limits, Outcome, RangeSource, ReadError};

/// Maximum resident memory of a child process in these tests, in bytes: a third of the limit of a probe.
const MAX_RESIDENT: u64 = 256 << 20;

pub(crate) struct Memory(Bytes);

impl RangeSource for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        Ok(self.0.slice(usize::try_from(start).unwrap()..usize::try_from(end).unwrap()))
    }
}

/// Returns the layer's ffprobe, which the build puts into the parent folder of the tests.
pub(crate) fn ffprobe() -> Ffprobe {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("ffprobe");
    assert!(path.is_file(), "no {}: `make build` makes it", path.display());
    Ffprobe { path, limits: Limits::default(), ffmpeg: None }
}

/// Returns bytes as a source.
pub(crate) fn memory(bytes: impl Into<Bytes>) -> Arc<Memory> {
    Arc::new(Memory(bytes.into()))
}

/// Probes bytes. Readable or not, both are valid outcomes; a transient failure or a panic is not.
pub(crate) async fn outcome(what: &str, bytes: impl Into<Bytes>) -> Outcome {
    outcome_within(Limits::default(), what, bytes).await
}

/// Probes bytes within other limits.
pub(crate) async fn outcome_within(limits: Limits, what: &str, bytes: impl Into<Bytes>) -> Outcome {
    let ffprobe = Ffprobe { limits, ..ffprobe() };
    let started = Instant::now();
    let outcome = ffprobe.probe(memory(bytes)).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    // The limit of processor time ends ffprobe before the wall clock does, however busy this machine is.
    assert!(started.elapsed() < ffprobe.limits.wall_clock * 2, "{what}: {:?}", started.elapsed());
    outcome.outcome
}

/// Asserts that no child process had more memory than a probe needs.
pub(crate) fn assert_little_memory(what: &str) {
    let peak = peak_of_children();
    println!("{what}: no child process had more than {} MiB", peak >> 20);
    assert!(peak < MAX_RESIDENT, "{what}: {peak} bytes");
}

/// Returns the peak memory of all ended child processes, in bytes.
fn peak_of_children() -> u64 {
    // SAFETY: the structure consists of integers, for which zeros are valid.
    #[allow(unsafe_code, reason = "no dependency provides it")]
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    #[allow(unsafe_code, reason = "no dependency provides it")]
    // SAFETY: the kernel writes one structure of this type.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(result, 0);
    u64::try_from(usage.ru_maxrss).unwrap() * 1024
}
