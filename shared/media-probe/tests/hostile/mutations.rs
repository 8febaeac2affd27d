//! Valid files, truncated and overwritten.

use std::fs;
use std::time::{Duration, Instant};

use fastrand::Rng;
use media_probe::Outcome;
use tokio::task::JoinSet;

use crate::samples::samples;
use crate::support::{assert_little_memory, outcome};

const CUTS: usize = 20;
/// Default number of mutations of each sample.
const ROUNDS: u64 = 100;
/// Concurrent probes.
const CONCURRENCY: usize = 4;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// Counts of the outcomes of many probes.
#[derive(Debug, Default)]
struct Tally {
    readable: usize,
    unreadable: usize,
    /// Runs that ended by a signal or at a limit.
    forced: usize,
}

/// Probes all files, [`CONCURRENCY`] at a time.
async fn probe_all(files: impl Iterator<Item = (String, Vec<u8>)>) -> Tally {
    let (mut tally, mut running) = (Tally::default(), JoinSet::new());
    let mut count = |outcome| match outcome {
        Outcome::Media(_) => tally.readable += 1,
        Outcome::Unreadable(reason) => {
            tally.unreadable += 1;
            if ["crashed", "stopped", "allowed"].iter().any(|word| reason.contains(word)) {
                tally.forced += 1;
            }
        }
    };
    for (what, bytes) in files {
        if running.len() >= CONCURRENCY {
            count(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(async move { outcome(&what, bytes).await });
    }
    while let Some(outcome) = running.join_next().await {
        count(outcome.unwrap());
    }
    tally
}

/// Returns the resources of this process that a probe could leak.
fn open_resources() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// Asserts that the probes leaked nothing. Allows some difference, since other tests of this process run at the same time.
async fn assert_no_leak(before: (usize, usize), probes: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    // Far fewer than one per probe.
    let most = (before.0 + probes / 10, before.1 + probes / 10);
    while open_resources() > most {
        assert!(Instant::now() < deadline, "{before:?} became {:?} in {probes} probes", open_resources());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Overwrites some bytes at random positions, half of them near the beginning, where the headers are.
fn overwrite(bytes: &mut [u8], random: &mut Rng) {
    for _ in 0..random.usize(1..=32) {
        let reach = if random.bool() { bytes.len().min(2048) } else { bytes.len() };
        let at = random.usize(..reach);
        match random.u8(..4) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = 0xff,
            2 => bytes[at..reach.min(at + 4)].fill(0),
            _ => bytes[at] = random.u8(..),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_truncated_anywhere_are_probed() {
    let before = open_resources();
    let samples = samples();
    let cuts = samples.iter().flat_map(|(name, bytes)| {
        (0..CUTS).map(move |cut| {
            let length = bytes.len() * cut / CUTS;
            (format!("{name}, its first {length} bytes"), bytes[..length].to_vec())
        })
    });
    let tally = probe_all(cuts).await;
    println!("{} samples: {tally:?}", samples.len());
    assert!(tally.readable > samples.len() && tally.unreadable > samples.len(), "{tally:?}");
    assert_little_memory("cut off");
    assert_no_leak(before, samples.len() * CUTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_overwritten_at_random_are_probed() {
    let seed = setting("HOSTILE_SEED").unwrap_or_else(|| fastrand::u64(..));
    let rounds = setting("HOSTILE_ROUNDS").unwrap_or(ROUNDS);
    println!("HOSTILE_SEED={seed} HOSTILE_ROUNDS={rounds}");
    let before = open_resources();
    let samples = samples();
    let mut random = Rng::with_seed(seed);
    let files = (0..rounds).flat_map(|round| samples.iter().map(move |sample| (round, sample)));
    let files = files.map(|(round, (name, bytes))| {
        let mut bytes = bytes.clone();
        overwrite(&mut bytes, &mut random);
        (format!("HOSTILE_SEED={seed}: {name}, round {round}"), bytes)
    });
    let tally = probe_all(files).await;
    println!("{} samples: {tally:?}", samples.len());
    assert!(tally.readable > samples.len() && tally.unreadable > samples.len(), "{tally:?}");
    assert_little_memory("overwritten");
    assert_no_leak(before, samples.len() * usize::try_from(rounds).unwrap()).await;
}
