use std::time::{Duration, Instant};

/// Timeout of every wait of a test.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(180);

/// Polling interval.
const PAUSE: Duration = Duration::from_millis(40);

/// Polls until a value is available.
///
/// # Panics
/// No value within [`WAIT_TIMEOUT`]; the message contains `what`.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < WAIT_TIMEOUT, "no result after {WAIT_TIMEOUT:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
