//! Ordinary files, cut off and overwritten.

use std::fs;
use std::time::{Duration, Instant};

use fastrand::Rng;
use media_probe::Outcome;
use tokio::task::JoinSet;

use crate::samples::samples;
use crate::support::{assert_little_memory, outcome};

const CUTS: usize = 20;
/// How often each sample is overwritten, unless `HOSTILE_ROUNDS` says.
const ROUNDS: u64 = 100;
/// Probes at the same time.
const AT_ONCE: usize = 4;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// What came of many probes.
#[derive(Debug, Default)]
struct Tally {
    readable: usize,
    unreadable: usize,
    /// Ends that ffprobe did not choose: a signal, or a limit.
    forced: usize,
}

/// Probes all of them, some at a time.
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
        if running.len() >= AT_ONCE {
            count(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(async move { outcome(&what, bytes).await });
    }
    while let Some(outcome) = running.join_next().await {
        count(outcome.unwrap());
    }
    tally
}

/// What this process holds that a probe could leave behind.
fn held() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// Other tests of this process come and go, and a gate's thread ends a moment after its ffprobe.
async fn assert_nothing_is_left_of(before: (usize, usize), probes: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    // Far fewer than one for each probe.
    let most = (before.0 + probes / 10, before.1 + probes / 10);
    while held() > most {
        assert!(Instant::now() < deadline, "{before:?} became {:?} in {probes} probes", held());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Some bytes at some places, half of them near the beginning, where the headers are.
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
async fn cut_off_anywhere() {
    let before = held();
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
    assert_nothing_is_left_of(before, samples.len() * CUTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overwritten_at_random() {
    let seed = setting("HOSTILE_SEED").unwrap_or_else(|| fastrand::u64(..));
    let rounds = setting("HOSTILE_ROUNDS").unwrap_or(ROUNDS);
    println!("HOSTILE_SEED={seed} HOSTILE_ROUNDS={rounds}");
    let before = held();
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
    assert_nothing_is_left_of(before, samples.len() * usize::try_from(rounds).unwrap()).await;
}
