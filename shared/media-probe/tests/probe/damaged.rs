//! Probes all samples, truncated and with flipped bits. The target `hostile` has fewer samples, damages them more often, and
//! measures memory. `HOSTILE_SEED=N` replays a run.

use std::fs;
use std::sync::Mutex;

use fastrand::Rng;
use media_probe::Outcome;
use tempfile::TempDir;

use crate::samples;
use crate::support::{Counted, ffprobe};

const CUTS: usize = 20;
const FLIPS: usize = 20;

fn seed() -> u64 {
    std::env::var("HOSTILE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap())
}

/// Truncates a file at random positions, and flips bits, half of them near the beginning, where the headers are.
fn damaged(name: &str, bytes: &[u8], mut random: Rng) -> Vec<(String, Vec<u8>)> {
    let cuts = (0..CUTS).map(|cut| {
        let length = bytes.len() * cut / CUTS;
        (format!("{name}, its first {length} bytes"), bytes[..length].to_vec())
    });
    let flips = (0..FLIPS).map(|round| {
        let mut bytes = bytes.to_vec();
        for _ in 0..random.usize(1..=32) {
            let reach = if random.bool() { bytes.len().min(2048) } else { bytes.len() };
            bytes[random.usize(..reach)] ^= 1 << random.u8(..8);
        }
        (format!("{name}, flipped for the {round}th time"), bytes)
    });
    cuts.chain(flips).collect()
}

#[test]
fn every_damaged_sample_has_an_outcome() {
    let (folder, seed) = (TempDir::new().unwrap(), seed());
    println!("HOSTILE_SEED={seed}");
    let samples = samples::all(folder.path());
    let (queue, answers) = (Mutex::new(samples.iter().zip(seed..)), Mutex::new((0, 0)));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                while let Some((sample, seed)) = { queue.lock().unwrap().next() } {
                    sample.make(folder.path());
                    let bytes = fs::read(folder.path().join(&sample.name)).unwrap();
                    for (what, bytes) in damaged(&sample.name, &bytes, Rng::with_seed(seed)) {
                        let outcome = runtime.block_on(ffprobe().probe(Counted::new(bytes)));
                        let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                        let mut answers = answers.lock().unwrap();
                        match outcome.outcome {
                            Outcome::Media(_) => answers.0 += 1,
                            Outcome::Unreadable(_) => answers.1 += 1,
                        }
                    }
                }
            });
        }
    });
    let (readable, unreadable) = answers.into_inner().unwrap();
    println!("{} samples: {readable} readable, {unreadable} not", samples.len());
    assert_eq!(readable + unreadable, samples.len() * (CUTS + FLIPS), "HOSTILE_SEED={seed}");
    assert!(readable > samples.len() && unreadable > samples.len(), "HOSTILE_SEED={seed}");
}
