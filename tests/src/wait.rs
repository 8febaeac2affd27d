use std::time::{Duration, Instant};

/// Longest wait of a test for anything.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(90);

/// Time between two looks at something that may have changed.
const PAUSE: Duration = Duration::from_millis(40);

/// Looks at something until it is there.
///
/// # Panics
/// There is nothing in [`WAIT_TIMEOUT`]; `what` names it.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < WAIT_TIMEOUT, "waited {WAIT_TIMEOUT:?} in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
