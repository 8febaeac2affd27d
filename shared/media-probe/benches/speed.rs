//! Measures probes of typical large files: bytes, ranged reads and time, compared with the same ffprobe alone, and what a poster adds to
//! them. Fails if a budget is exceeded. Run it with `make bench-probe`; `BENCH_ROUNDS` sets the rounds, and times are checked from 61 rounds on.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its results and ends at the first error"
)]

#[path = "../tests/probe/large.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod large;
#[path = "support/posters.rs"]
mod posters;
#[path = "../tests/probe/support.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use large::{Large, OnDisk};
use media_probe::Outcome;
use tokio::runtime::Runtime;

/// Default number of measurements per time, which is their median. Fewer are not checked.
const ROUNDS: usize = 61;
/// Highest allowed ratio to the time of ffprobe alone.
const MAX_RATIO: f64 = 1.2;
const LATENCY: Duration = Duration::from_millis(10);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let files = large::make(folder.path(), 100, 5);
    // One runtime for all probes, as in a function.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rounds = std::env::var("BENCH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let server = serve_files();
    println!("| file | read, MB | ranged GETs | alone, ms | probe, ms | ratio | +10 ms each, ms |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let over = files.iter().filter(|file| !row(rounds, &runtime, server, file));
    let mut over: Vec<_> = over.map(|file| file.name.to_owned()).collect();
    over.extend(posters::table(folder.path(), rounds, &runtime, &files));
    assert!(over.is_empty(), "over budget: {over:?}");
}

/// Prints one row of the table. Returns whether the file is within its budget.
fn row(rounds: usize, runtime: &Runtime, server: SocketAddr, file: &Large) -> bool {
    let (mut ffprobe_alone, mut near, mut far) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reads, mut bytes) = (0, 0);
    for _ in 0..rounds {
        ffprobe_alone.push(alone(server, &file.path));
        let time;
        (time, reads, bytes) = probe(runtime, file, Duration::ZERO);
        near.push(time);
        far.push(probe(runtime, file, LATENCY).0);
    }
    let [ffprobe_alone, near, far] = [ffprobe_alone, near, far].map(median_ms);
    let ratio = near / ffprobe_alone;
    #[allow(clippy::cast_precision_loss, reason = "for a table")]
    let read = bytes as f64 / 1e6;
    println!(
        "| {} | {read:.2} | {reads} | {ffprobe_alone:.1} | {near:.1} | {ratio:.2} | {far:.1} |",
        file.name
    );
    bytes <= file.most_bytes && reads <= file.most_reads && (ratio <= MAX_RATIO || rounds < ROUNDS)
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// Probes a file. Returns the time, the reads and their bytes.
fn probe(runtime: &Runtime, file: &Large, latency: Duration) -> (Duration, usize, u64) {
    let source = Arc::new(OnDisk::open(&file.path, latency));
    let started = Instant::now();
    let outcome = runtime.block_on(support::ffprobe().probe(Arc::clone(&source))).unwrap().outcome;
    let time = started.elapsed();
    let Outcome::Media(media) = outcome else { panic!("{}: unreadable", file.name) };
    let seconds = media.summary.duration.unwrap_or_default();
    assert!((seconds / file.seconds - 1.0).abs() < 0.01, "{}: {seconds} s", file.name);
    let (reads, bytes) = source.totals();
    (time, reads, bytes)
}

/// Measures the same ffprobe with its default settings on the local file, from a minimal HTTP server, since it supports only
/// HTTP.
fn alone(server: SocketAddr, path: &Path) -> Duration {
    let url = format!("http://{server}{}", path.display());
    let started = Instant::now();
    let status = Command::new(support::ffprobe().path)
        .args([
            "-v",
            "error",
            "-print_format",
            "json",
            "-show_format",
            "-show_streams",
            "-show_chapters",
            &url,
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{}", path.display());
    started.elapsed()
}

/// Starts one server for all files, by their paths. A thread per file would slow every later start of a process.
fn serve_files() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // ffprobe closes the connection for each seek.
            std::thread::spawn(move || drop(send(stream)));
        }
    });
    address
}

fn send(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut path, mut start) = (String::new(), 0);
    for line in BufReader::new(&stream).lines() {
        let line = line?;
        if let Some(get) = line.strip_prefix("GET ") {
            get.split(' ').next().unwrap_or_default().clone_into(&mut path);
        }
        let line = line.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            start = range.split('-').next().and_then(|first| first.parse().ok()).unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nConnection: close\r\n\
         Content-Length: {}\r\nContent-Range: bytes {start}-{}/{size}\r\n\r\n",
        size - start,
        size - 1
    )?;
    let mut buffer = vec![0; 64 * 1024];
    while start < size {
        let count = file.read_at(&mut buffer, start)?;
        stream.write_all(&buffer[..count])?;
        start += count as u64;
    }
    Ok(())
}
