//! Exponential backoff with jitter, so that many clients do not retry at the same time.

use std::time::Duration;

/// The maximum number of attempts per request.
pub(crate) const MAX_ATTEMPTS: u32 = 8;
/// The maximum delay before the second attempt.
const FIRST_DELAY: Duration = Duration::from_millis(200);
/// The maximum delay before any attempt.
const MAX_DELAY: Duration = Duration::from_secs(15);

/// Waits before the next attempt. `attempt` counts from 0. `at_least` is the delay that the server requires.
pub(crate) async fn back_off(attempt: u32, at_least: Option<Duration>) {
    let delay = delay(attempt, fastrand::f64()).max(at_least.unwrap_or_default());
    tokio::time::sleep(delay).await; // a backoff, not a wait for an event
}

/// Returns the delay after an attempt: between a half and the whole of a time that doubles with each attempt. `chance` is from 0
/// to 1.
fn delay(attempt: u32, chance: f64) -> Duration {
    let whole = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempt)).min(MAX_DELAY);
    whole.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_limit() {
        assert_eq!(delay(0, 1.0), FIRST_DELAY);
        assert_eq!(delay(0, 0.0), FIRST_DELAY / 2);
        assert_eq!(delay(1, 1.0), FIRST_DELAY * 2);
        assert_eq!(delay(u32::MAX, 1.0), MAX_DELAY);
    }
}
