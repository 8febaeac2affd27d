//! Benchmark of the speed of imports: the same bytes from the same source into the same local S3, by `import-file`, by
//! `import-file` from a source that allows one connection only, by Uppy Companion, and by one plain PUT. The source first limits
//! each connection to 20 MB/s, and then has no limit. All candidates alternate in one run, and the best time of each counts.
//!
//! `make bench-import` installs Companion first; without it, its lines are omitted. Other sizes:
//! `IMPORT_BYTES=268435456 make bench-import`. `IMPORT_ONLY=1` omits the other candidates:
//! `IMPORT_BYTES=21474836480 IMPORT_ONLY=1` measures 20 GiB.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod competitors;
mod source;

use std::time::{Duration, Instant};

use files_tests::cloud::children;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, memory, plain_put};
use serde_json::Value;

use crate::competitors::Companion;
use crate::source::{Source, SourceMode};

/// Bytes per second of each connection of the limited source.
const LIMIT: u64 = 20_000_000;
const ROUNDS: usize = 3;
/// Interval at which an import is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(40);
const MAX_MEMORY_KB: u64 = 96 * 1024;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number")))
}

/// The measurements of a candidate.
#[derive(Default)]
struct Measurements {
    seconds: Vec<f64>,
    memory_kb: u64,
}

impl Measurements {
    fn add(&mut self, (seconds, memory_kb): (f64, u64)) {
        self.seconds.push(seconds);
        self.memory_kb = self.memory_kb.max(memory_kb);
    }

    fn best(&self) -> Option<f64> {
        self.seconds.iter().copied().reduce(f64::min)
    }

    fn line(&self, what: &str, size: u64) {
        let Some(best) = self.best() else { return };
        let (rate, memory) = (size as f64 / best / 1e6, self.memory_kb as f64 / 1024.0);
        let all: Vec<_> = self.seconds.iter().map(|seconds| format!("{seconds:.1}")).collect();
        println!("| {what} | {best:.1} | {rate:.0} | {memory:.0} | {} |", all.join(", "));
    }
}

/// The resources of the benchmark.
struct Bench {
    size: u64,
    cloud: Cloud,
    owner: Owner,
    source: Source,
    checksums: (String, String),
    companion: Option<Companion>,
}

impl Bench {
    async fn new(size: u64, only: bool) -> Self {
        let cloud = Cloud::start().await;
        let owner = cloud.owner().await;
        let source = Source::start(size);
        let companion = if only { None } else { Companion::start(&cloud).await };
        Self { size, checksums: source.checksums(), cloud, owner, source, companion }
    }

    /// Returns the seconds from the request to `success`, including the probe, and the memory of the largest worker in KB.
    async fn ours(&self, mode: SourceMode, limit: Option<u64>) -> (f64, u64) {
        self.workers().for_each(memory::reset);
        let started = Instant::now();
        let file = self.owner.import(&self.source.url(mode, limit)).await;
        let end = self.end_of(&file).await;
        let seconds = started.elapsed().as_secs_f64();
        self.assert_whole(&end);
        let memory = self.workers().filter_map(memory::peak_kb).max().expect("import-file runs");
        self.owner.delete(&end).await.expect(204);
        (seconds, memory)
    }

    /// Waits without a timeout: 20 GiB take minutes.
    async fn end_of(&self, file: &Value) -> Value {
        loop {
            let now = self.owner.file(id(file)).await;
            if matches!(now["status"].as_str(), Some("success" | "failed")) {
                return now;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn workers(&self) -> impl Iterator<Item = u32> {
        let all = children(self.cloud.process()).into_iter();
        all.filter(|(_, name)| name == "import-file").map(|(process, _)| process)
    }

    fn assert_whole(&self, file: &Value) {
        assert_eq!(
            (file["status"].as_str(), file["size"].as_u64()),
            (Some("success"), Some(self.size)),
            "{file}"
        );
        let (sha256, crc) = &self.checksums;
        let checksum = &file["checksum"];
        let same = checksum["sha256"] == *sha256 || checksum["crc64nvme"] == *crc;
        assert!(same, "other bytes: {checksum}, not {sha256} or {crc}");
    }

    async fn companions(&self, limit: Option<u64>) -> Option<(f64, u64)> {
        let companion = self.companion.as_ref()?;
        let taken = companion.import(&self.source.url(SourceMode::Ranges, limit), self.size).await;
        assert_eq!(competitors::clear(&self.owner).await, [self.size], "what Companion stored");
        Some(taken)
    }
}

/// Prints a ratio and its minimum. Returns whether the ratio reaches it.
fn ratio(what: &str, slower: Option<f64>, faster: Option<f64>, least: f64) -> bool {
    let (Some(slower), Some(faster)) = (slower, faster) else { return true };
    let ratio = slower / faster;
    println!("| {what} | {ratio:.2} | ≥ {least} |");
    ratio >= least
}

async fn limited(bench: &Bench, only: bool) -> bool {
    let (mut ours, mut one, mut companion) =
        (Measurements::default(), Measurements::default(), Measurements::default());
    ours.add(bench.ours(SourceMode::Ranges, Some(LIMIT)).await);
    if !only {
        one.add(bench.ours(SourceMode::Whole, Some(LIMIT)).await);
        if let Some(taken) = bench.companions(Some(LIMIT)).await {
            companion.add(taken);
        }
        ours.add(bench.ours(SourceMode::Ranges, Some(LIMIT)).await);
    }
    println!("| source of 20 MB/s a connection | best, s | MB/s | memory, MiB | all, s |");
    println!("| --- | ---: | ---: | ---: | --- |");
    ours.line("import", bench.size);
    one.line("import, one connection", bench.size);
    companion.line("Uppy Companion", bench.size);
    println!("\n| ratio of speeds | measured | budget |\n| --- | ---: | ---: |");
    let fast = ratio("import to one connection", one.best(), ours.best(), 6.0)
        & ratio("import to Companion", companion.best(), ours.best(), 6.0);
    println!();
    fast & (ours.memory_kb <= MAX_MEMORY_KB)
}

async fn unlimited(bench: &Bench, only: bool) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("source.bin");
    let (mut ours, mut put, mut companion) =
        (Measurements::default(), Measurements::default(), Measurements::default());
    if !only {
        bench.source.write_to(&path);
    }
    for _ in 0..if only { 1 } else { ROUNDS } {
        ours.add(bench.ours(SourceMode::Ranges, None).await);
        if only {
            break;
        }
        if let Some(taken) = bench.companions(None).await {
            companion.add(taken);
        }
        put.add(plain_put(&bench.owner, &path, bench.size).await);
    }
    println!("| source without a limit | best, s | MB/s | memory, MiB | all, s |");
    println!("| --- | ---: | ---: | ---: | --- |");
    ours.line("import", bench.size);
    companion.line("Uppy Companion", bench.size);
    put.line("one plain PUT by curl", bench.size);
    println!("\n| ratio of speeds | measured | budget |\n| --- | ---: | ---: |");
    let fast = ratio("import to Companion", companion.best(), ours.best(), 2.0)
        & ratio("import to a plain PUT", put.best(), ours.best(), 0.8);
    println!("\nmemory of import-file: {} KB of {MAX_MEMORY_KB}\n", ours.memory_kb);
    fast & (ours.memory_kb <= MAX_MEMORY_KB)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let size = number("IMPORT_BYTES").unwrap_or(1 << 30);
    let only = number("IMPORT_ONLY").is_some();
    let bench = Bench::new(size, only).await;
    if bench.companion.is_none() {
        println!("Uppy Companion is not measured: `make bench-import` installs it\n");
    }
    println!("{size} bytes\n");
    let kept = unlimited(&bench, only).await;
    let kept = (only || limited(&bench, only).await) & kept;
    assert!(kept, "a budget is exceeded");
}
