//! Resource limits of a probe.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// Resource limits of one probe. Most of them end it with [`Outcome::Unreadable`](crate::Outcome::Unreadable) and a plain reason.
/// If one of the two read budgets is exceeded, ffprobe describes the bytes that it has read, and the result is
/// [partial](crate::Media::partial): it has no values that depend on the rest of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time, after which ffprobe's whole process group is killed. Default 60 s.
    pub wall_clock: Duration,
    /// Processor time of the first run of ffprobe, in whole seconds. Default 10 s. A usual file needs one or two; tens of thousands of
    /// tags, which ffprobe compares with each other, need minutes.
    pub cpu: Duration,
    /// Processor time of each later run, in whole seconds. Default 5 s. If a deeper analysis exceeds it, the result of the earlier run
    /// stands. A probe has at most seven runs.
    pub later_cpu: Duration,
    /// Address space of ffprobe in bytes, its code and libraries included. Default 768 MiB.
    pub address_space: u64,
    /// Maximum number of bytes that ffprobe may print. Default 4 MiB.
    pub max_output_bytes: u64,
    /// Maximum number of bytes read from the source. Default 256 MiB.
    pub max_read_bytes: u64,
    /// Maximum number of reads of the source, and of HTTP requests of ffprobe. Default 4096.
    pub max_requests: u64,
    /// Maximum number of bytes of a poster; a larger one is none. Default 256 KiB.
    pub max_poster_bytes: u64,
    /// Largest single allocation inside ffprobe, in bytes. Default 128 MiB.
    pub max_alloc: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_clock: Duration::from_secs(60),
            cpu: Duration::from_secs(10),
            later_cpu: Duration::from_secs(5),
            address_space: 768 * MIB,
            max_output_bytes: 4 * MIB,
            max_read_bytes: 256 * MIB,
            max_requests: 4096,
            max_poster_bytes: 256 * 1024,
            max_alloc: 128 * MIB,
        }
    }
}
