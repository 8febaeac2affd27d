//! Random numbers that are the same in every run.

use sha2::{Digest, Sha256};

/// Returns a number in [0, 1) for one rule and one call of a stream.
pub(super) fn of(seed: u64, rule: usize, stream: [&str; 3], call: u64) -> f64 {
    let mut digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update((rule as u64).to_be_bytes());
    for name in stream {
        digest.update(name);
        digest.update([0]);
    }
    let hash = digest.chain_update(call.to_be_bytes()).finalize();
    // 32 bits: a float represents them exactly.
    let bits = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
