use std::time::Duration;

/// The maximum backoff after the first failure.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// The maximum backoff within a run.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// Returns the backoff before the next attempt, after so many consecutive failures: a random time up to a limit that doubles with
/// each failure (full jitter). The randomness prevents workers that failed at the same time from retrying at the same time.
pub(crate) fn delay(failures: u32) -> Duration {
    let max = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(MAX_BACKOFF);
    max.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_maximum() {
        for (failures, max) in [
            (0, FIRST_BACKOFF),
            (1, FIRST_BACKOFF),
            (2, FIRST_BACKOFF * 2),
            (4, FIRST_BACKOFF * 8),
            (40, MAX_BACKOFF),
        ] {
            assert!((0..200).all(|_| delay(failures) <= max), "{failures}");
        }
        let later = (0..200).map(|_| delay(5)).max();
        assert!(later > Some(FIRST_BACKOFF * 2), "{later:?}");
    }
}
