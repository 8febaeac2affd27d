//! Benchmark of `files upload`: 1 GiB to the local cloud, compared with one `curl` PUT of the same file to the same S3. Both
//! alternate, and the best time of each counts. Memory is the kernel's high-water mark of the process. Fails if a budget is
//! exceeded.
//!
//! `make bench`, or with another size: `UPLOAD_BYTES=268435456 make bench`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use files_tests::cli::{CliResult, Machine};
use files_tests::{Cloud, Owner, media};
use serde_json::Value;
use tokio::process::Command;

const ROUNDS: usize = 3;
const LEAST_RATIO: f64 = 0.9;
const MAX_MEMORY_KB: u64 = 96 * 1024;

fn size() -> u64 {
    let given = std::env::var("UPLOAD_BYTES").ok();
    given.map_or(1 << 30, |text| text.parse().expect("a number of bytes"))
}

fn write_file(path: &Path, size: u64) {
    let chunk = media::noise(1 << 20, 1);
    let mut file = std::fs::File::create(path).expect("a file");
    let mut left = size;
    while left > 0 {
        let part = usize::try_from(left.min(chunk.len() as u64)).expect("small");
        file.write_all(&chunk[..part]).expect("room for the file");
        left -= part as u64;
    }
    file.sync_all().expect("a disk");
}

/// Sends the file with one PUT by curl. Returns the seconds.
async fn curl(owner: &Owner, path: &Path, size: u64) -> f64 {
    let announced = owner.announce("plain.bin", usize::try_from(size).expect("a size"), "video/mp4").await;
    let upload = &announced["upload"];
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--request", "PUT", "--upload-file"]).arg(path);
    for (name, value) in upload["headers"].as_object().expect("headers") {
        command.args(["--header", &format!("{name}: {}", value.as_str().expect("a header"))]);
    }
    let started = Instant::now();
    let ended = command.arg(upload["url"].as_str().expect("a URL")).stdout(Stdio::null()).status().await;
    assert!(ended.expect("curl (Debian's package curl)").success());
    let seconds = started.elapsed().as_secs_f64();
    settle(owner, &announced).await;
    seconds
}

/// Runs `files upload`. Returns the seconds, and its peak memory in KB.
async fn upload(owner: &Owner, machine: &Machine) -> (f64, u64) {
    let started = Instant::now();
    let child = machine.start(&["upload", "large.bin", "--json"]);
    let process = child.id().expect("it runs");
    let watching = tokio::spawn(peak_memory_kb(process));
    let ran = CliResult::of(child).await.expect(0);
    let seconds = started.elapsed().as_secs_f64();
    settle(owner, &ran.json()[0]).await;
    (seconds, watching.await.expect("the memory was polled"))
}

/// Polls the high-water mark until the process ends. The mark never falls, so the last value counts.
async fn peak_memory_kb(process: u32) -> u64 {
    let mut peak = 0;
    while let Some(now) = memory_kb(process) {
        peak = now;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await; // polling interval
    }
    peak
}

fn memory_kb(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Waits until the file is processed, and deletes it.
async fn settle(owner: &Owner, file: &Value) {
    owner.wait_until_success(file).await;
    owner.delete(file).await.expect(204);
}

fn best(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let size = size();
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    let path = machine.home().join("large.bin");
    write_file(&path, size);
    let (mut plain, mut ours, mut memory) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        plain.push(curl(&owner, &path, size).await);
        let (seconds, peak) = upload(&owner, &machine).await;
        ours.push(seconds);
        memory = memory.max(peak);
    }
    let ratio = best(&plain) / best(&ours);
    println!("{size} bytes: curl {plain:.1?} s, files upload {ours:.1?} s");
    println!("| figure                          | measured | budget |");
    println!("| ------------------------------- | -------: | -----: |");
    println!("| speed of files upload to curl's | {ratio:>8.2} | {LEAST_RATIO:>6} |");
    println!("| memory of files upload, KB      | {memory:>8} | {MAX_MEMORY_KB:>6} |");
    assert!(ratio >= LEAST_RATIO, "too slow");
    assert!(memory <= MAX_MEMORY_KB, "too much memory");
}
