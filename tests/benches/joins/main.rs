//! Benchmark of separate streams: a picture and a sound are joined by `mux-streams`, beside a plain PUT of the result, and imported,
//! beside an import of one file of that size. The source first sends 100 MB/s over all connections, and then has no limit. All alternate
//! in one run, and the medians of the rounds' ratios count. Memory is the sum of the kernel's high-water marks of `mux-streams` and
//! ffmpeg.
//!
//! Without a limit, source, S3 and functions compete for the processors. An import of separate streams does the work of an import of one
//! file, a GET and a join, and can then not be faster than the sum of their processor times; so that ratio has no budget.
//!
//! `make bench-joins`, or with other sizes: `JOIN_BYTES=134217728 BENCH_ROUNDS=3 make bench-joins`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod film;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use files_domain::{FileId, StreamKind, UploadRef};
use files_objects::Objects;
use files_tests::cloud::{children, now};
use files_tests::owner::id;
use files_tests::{Cloud, Owner, memory, plain_put};
use mux_protocol::{Container, MuxRequest, MuxResponse, PART_BYTES};

use crate::film::Film;

/// Seconds that joining, and so each URL, may take.
const SECONDS: u64 = 280;
/// Interval at which an import and the processes are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes per second of the limited source: a line of 800 Mbit/s.
const LIMIT: u64 = 100_000_000;
const LEAST_SPEED: f64 = 0.5;
const MOST_TIME: f64 = 1.6;
const MAX_MEMORY_KB: u64 = 256 * 1000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number")))
}

/// The resources of the benchmark.
struct Bench {
    cloud: Cloud,
    owner: Owner,
    objects: Objects,
    film: Film,
    /// The address of the limited source, and of the one without a limit.
    limited: String,
    unlimited: String,
    /// The file whose temporary objects the stored streams are.
    stored: FileId,
}

/// Seconds of one round.
struct Round {
    join: f64,
    put: f64,
    limited: Imports,
    unlimited: Imports,
}

/// Seconds of importing separate streams, and one file of that size.
struct Imports {
    streams: f64,
    whole: f64,
}

impl Imports {
    fn ratio(&self) -> f64 {
        self.streams / self.whole
    }
}

impl Bench {
    async fn new(folder: &Path, size: u64) -> Self {
        let film = Film::make(folder, size);
        let cloud = Cloud::start().await;
        let owner = cloud.owner().await;
        let objects = Objects::new(owner.backend.s3.clone(), owner.backend.bucket.clone());
        let (limited, unlimited) = (film.serve(Some(LIMIT)), film.serve(None));
        let bench = Self { limited, unlimited, stored: FileId::new(now()), cloud, owner, objects, film };
        for (kind, name) in StreamKind::ALL.into_iter().zip(["picture.mp4", "sound.m4a"]) {
            bench.store(&bench.objects.of_stream(kind), name).await;
        }
        bench
    }

    async fn store(&self, objects: &Objects, name: &str) {
        use std::io::Read;
        let (owner, id) = (self.owner.backend.owner, self.stored);
        let upload_id = objects.create_upload(owner, id, None).await.expect("an upload");
        let upload = UploadRef { owner, id, upload_id: &upload_id };
        let mut file = std::fs::File::open(self.film.path(name)).expect("a file");
        let mut parts = Vec::new();
        for number in 1.. {
            let mut part = Vec::new();
            file.by_ref().take(PART_BYTES).read_to_end(&mut part).expect("a part");
            if part.is_empty() {
                break;
            }
            parts.push(objects.put_part(upload, number, bytes::Bytes::from(part)).await.expect("a part"));
        }
        objects.complete_upload(upload, &parts).await.expect("an object");
    }

    /// Joins the stored streams. Returns the seconds of the invocation.
    async fn join(&self) -> f64 {
        let (owner, id) = (self.owner.backend.owner, self.stored);
        let upload_id = self.objects.create_upload(owner, id, Some("video/mp4")).await.expect("an upload");
        let upload = UploadRef { owner, id, upload_id: &upload_id };
        let request = serde_json::to_vec(&self.request(upload).await).expect("JSON");
        let invoke = self.owner.backend.lambda.invoke().function_name("files-local-MuxStreamsFunction");
        let started = Instant::now();
        let output = invoke.payload(Blob::new(request)).send().await.expect("an invocation");
        let seconds = started.elapsed().as_secs_f64();
        let payload = output.payload.expect("a response").into_inner();
        let response: MuxResponse = serde_json::from_slice(&payload)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&payload)));
        assert!(matches!(response, MuxResponse::Joined { .. }), "{response:?}");
        self.objects.abort_upload(upload).await.expect("aborted");
        seconds
    }

    async fn request(&self, upload: UploadRef<'_>) -> MuxRequest {
        let (now, lifetime) = (now(), Duration::from_secs(SECONDS));
        let read = async |kind| {
            let objects = self.objects.of_stream(kind);
            objects.presign_read(upload.owner, upload.id, now, lifetime).await.expect("a URL").url
        };
        let count = self.film.size("joined.mp4") / PART_BYTES + 4;
        let mut parts = Vec::new();
        for number in 1..=u32::try_from(count).expect("a number") {
            let part = self.objects.presign_part_of_any_size(upload, number, now, lifetime).await;
            parts.push(part.expect("a URL").url);
        }
        let (picture, sound) = (read(StreamKind::Picture).await, read(StreamKind::Sound).await);
        MuxRequest {
            picture,
            sound,
            container: Container::Mp4,
            parts,
            part_size: PART_BYTES,
            seconds: SECONDS,
        }
    }

    /// Imports a URL. Returns the seconds from the request to `success`, including the probe.
    async fn import(&self, url: &str) -> f64 {
        let started = Instant::now();
        let file = self.owner.import(url).await;
        let end = loop {
            let now = self.owner.file(id(&file)).await;
            if matches!(now["status"].as_str(), Some("success" | "failed")) {
                break now;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        };
        let seconds = started.elapsed().as_secs_f64();
        assert_eq!(end["status"], "success", "{end}");
        let (size, expected) = (end["size"].as_f64().expect("a size"), self.film.size("joined.mp4") as f64);
        assert!((size / expected - 1.0).abs() < 0.01, "{size} bytes, not about {expected}");
        self.owner.delete(&end).await.expect(204);
        seconds
    }

    async fn imports(&self, address: &str) -> Imports {
        Imports {
            streams: self.import(&format!("{address}/film.mpd")).await,
            whole: self.import(&format!("{address}/joined.mp4")).await,
        }
    }

    async fn round(&self) -> Round {
        let (path, size) = (self.film.path("joined.mp4"), self.film.size("joined.mp4"));
        Round {
            join: self.join().await,
            put: plain_put(&self.owner, &path, size).await.0,
            limited: self.imports(&self.limited).await,
            unlimited: self.imports(&self.unlimited).await,
        }
    }
}

/// Polls the memory of `mux-streams` and its ffmpeg until told to stop. Returns the sum of both peaks in KB.
async fn watch(cloud: u32, stop: Arc<AtomicBool>) -> u64 {
    let (mut function, mut program) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        for (process, _) in children(cloud).into_iter().filter(|(_, name)| name == "mux-streams") {
            function = function.max(memory::peak_kb(process).unwrap_or(0));
            let started = children(process).into_iter().filter_map(|(process, _)| memory::peak_kb(process));
            program = started.fold(program, u64::max);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    function + program
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints the times, and returns whether every budget is kept.
fn report(rounds: &[Round], sizes: [f64; 3], memory: u64) -> bool {
    let [picture, sound, joined] = sizes.map(|bytes| bytes / 1e6);
    let count = rounds.len();
    println!(
        "{picture:.0} MB of picture and {sound:.0} MB of sound, {joined:.0} MB joined, {count} rounds\n"
    );
    println!("| median | s | MB/s |\n| --- | ---: | ---: |");
    let line = |what: &str, seconds: &dyn Fn(&Round) -> f64| {
        let median = median(rounds.iter().map(seconds));
        println!("| {what} | {median:.1} | {:.0} |", joined / median);
    };
    line("`mux-streams`, warm", &|round| round.join);
    line("one plain PUT of the result by curl", &|round| round.put);
    line("source of 100 MB/s: import of the separate streams", &|round| round.limited.streams);
    line("source of 100 MB/s: import of one file of that size", &|round| round.limited.whole);
    line("source without a limit: import of the separate streams", &|round| round.unlimited.streams);
    line("source without a limit: import of one file of that size", &|round| round.unlimited.whole);
    let speed = median(rounds.iter().map(|round| round.put / round.join));
    let limited = median(rounds.iter().map(|round| round.limited.ratio()));
    let unlimited = median(rounds.iter().map(|round| round.unlimited.ratio()));
    println!("\n| ratio, or memory | measured | budget |\n| --- | ---: | ---: |");
    println!("| speed of joining to that of a plain PUT | {speed:.2} | ≥ {LEAST_SPEED} |");
    println!(
        "| source of 100 MB/s: time of separate streams to that of one file | {limited:.2} | ≤ {MOST_TIME} |"
    );
    println!("| source without a limit: the same | {unlimited:.2} | |");
    println!("| memory of `mux-streams` with ffmpeg, KB | {memory} | {MAX_MEMORY_KB} |");
    speed >= LEAST_SPEED && limited <= MOST_TIME && memory <= MAX_MEMORY_KB
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (size, rounds) = (number("JOIN_BYTES", 1 << 30), number("BENCH_ROUNDS", 5));
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path(), size).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(bench.cloud.process(), Arc::clone(&stop)));
    bench.join().await; // starts the function, which later rounds find warm
    let mut taken = Vec::new();
    for _ in 0..rounds {
        taken.push(bench.round().await);
    }
    stop.store(true, Ordering::Relaxed);
    let memory = watching.await.expect("the memory was polled");
    let sizes = ["picture.mp4", "sound.m4a", "joined.mp4"].map(|name| bench.film.size(name) as f64);
    assert!(report(&taken, sizes, memory), "a budget is exceeded");
}
