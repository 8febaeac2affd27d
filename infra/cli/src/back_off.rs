//! Pauses between tries: each about twice the one before, by chance, so that many clients do not come back at once.

use std::time::Duration;

/// Tries of one request.
pub(crate) const TRIES: u32 = 8;
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

/// Waits before the next try; `attempt` counts from 0. `at_least`: what the other side asked for.
pub(crate) async fn pause(attempt: u32, at_least: Option<Duration>) {
    tokio::time::sleep(length(attempt, fastrand::f64()).max(at_least.unwrap_or_default())).await;
}

fn length(attempt: u32, chance: f64) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST);
    whole.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        assert_eq!(length(0, 1.0), FIRST);
        assert_eq!(length(0, 0.0), FIRST / 2);
        assert_eq!(length(1, 1.0), FIRST * 2);
        assert_eq!(length(u32::MAX, 1.0), LONGEST);
    }
}
