//! What a probe of typical large files costs: bytes, ranged reads, and time, next to the same ffprobe alone. Fails when
//! a budget is passed. `cargo bench --package media-probe`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark shows what it measures and ends at the first fault"
)]

#[path = "../tests/probe/large.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod large;
#[path = "../tests/probe/support.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use large::{Large, OnDisk};
use media_probe::{Outcome, RangeSource};

/// Each time is the median of so many.
const RUNS: usize = 7;
const LATENCY: Duration = Duration::from_millis(10);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let files = large::make(folder.path(), 100, 5);
    println!(
        "{:27} {:>7} {:>9} {:>5} {:>9} {:>9} {:>6} {:>11}",
        "file", "MB", "read MB", "GETs", "alone ms", "probe ms", "ratio", "+10 ms each"
    );
    let over: Vec<_> = files.iter().filter(|file| !row(file)).map(|file| file.name).collect();
    assert!(over.is_empty(), "over budget: {over:?}");
}

/// One line of the table. Whether the file is within its budget.
fn row(file: &Large) -> bool {
    let ffprobe_alone = median(|| alone(&file.path));
    let (near, far) = (median(|| probe(file, Duration::ZERO).0), median(|| probe(file, LATENCY).0));
    let (_, reads, bytes, size) = probe(file, Duration::ZERO);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    #[allow(clippy::cast_precision_loss, reason = "for a table")]
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{:27} {:>7.0} {:>9.2} {:>5} {:>9.1} {:>9.1} {:>6.2} {:>11.1}",
        file.name,
        mb(size),
        mb(bytes),
        reads,
        ms(ffprobe_alone),
        ms(near),
        ms(near) / ms(ffprobe_alone),
        ms(far),
    );
    bytes <= file.most_bytes && reads <= file.most_reads
}

fn median(measure: impl Fn() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..RUNS).map(|_| measure()).collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// Time, reads, their bytes, and the file's size.
fn probe(file: &Large, latency: Duration) -> (Duration, usize, u64, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let source = Arc::new(OnDisk::open(&file.path, latency));
    let started = Instant::now();
    let outcome = runtime.block_on(support::ffprobe().probe(Arc::clone(&source))).unwrap();
    let time = started.elapsed();
    let Outcome::Media(media) = outcome else { panic!("{}: unreadable", file.name) };
    let seconds = media.summary.duration.unwrap_or_default();
    assert!((seconds / file.seconds - 1.0).abs() < 0.01, "{}: {seconds} s", file.name);
    let (reads, bytes) = source.totals();
    (time, reads, bytes, source.size())
}

/// The same ffprobe on the local file: by its usual settings, without a sandbox, from a server that does nothing but send, since
/// it opens nothing but HTTP.
fn alone(path: &Path) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let file = Arc::new(File::open(path).unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let file = Arc::clone(&file);
            // It hangs up whenever it seeks.
            std::thread::spawn(move || drop(send(stream, &file)));
        }
    });
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

fn send(mut stream: TcpStream, file: &File) -> std::io::Result<()> {
    let size = file.metadata()?.len();
    let mut start = 0;
    for line in BufReader::new(&stream).lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            start = range.split('-').next().and_then(|first| first.parse().ok()).unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
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
