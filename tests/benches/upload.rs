//! Benchmark of `files upload`: 1 GiB to the local cloud, compared with one `curl` PUT of the same file to the same S3. Both
//! alternate, and the best time of each counts. Memory is the kernel's high-water mark of the process. Fails if a budget is
//! exceeded.
//!
//! `make bench`, or with another size: `UPLOAD_BYTES=268435456 make bench`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use files_tests::cli::{CliResult, Machine};
use files_tests::{Cloud, Owner, media, memory, plain_put};

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

/// Runs `files upload`. Returns the seconds, and its peak memory in KB.
async fn upload(owner: &Owner, machine: &Machine) -> (f64, u64) {
    let started = Instant::now();
    let child = machine.start(&["upload", "large.bin", "--json"]);
    let process = child.id().expect("it runs");
    let watching = tokio::spawn(memory::watch(process));
    let ran = CliResult::of(child).await.expect(0);
    let seconds = started.elapsed().as_secs_f64();
    let file = &ran.json()[0];
    owner.wait_until_success(file).await;
    owner.delete(file).await.expect(204);
    (seconds, watching.await.expect("the memory was polled"))
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
        plain.push(plain_put(&owner, &path, size).await.0);
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
