use std::time::Duration;

/// Returns the backoff before a retry: a random time up to `first`, doubled for each of `retries_before` ("full jitter",
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>). The randomness prevents clients that failed at
/// the same time from retrying at the same time.
#[must_use]
pub(crate) fn full_jitter(first: Duration, retries_before: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(retries_before)).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_with_each_retry() {
        let first = Duration::from_millis(50);
        for (retries_before, bound) in [(0, first), (1, first * 2), (4, first * 16)] {
            let pauses: Vec<_> = (0..500).map(|_| full_jitter(first, retries_before)).collect();
            assert!(pauses.iter().all(|pause| *pause <= bound), "{retries_before}");
            assert!(pauses.iter().any(|pause| *pause > bound / 2), "{retries_before}");
        }
    }

    #[test]
    fn many_retries_do_not_overflow() {
        assert!(full_jitter(Duration::from_secs(1), u32::MAX) <= Duration::from_secs(1) * u32::MAX);
    }
}
