use std::time::{Duration, Instant};

/// Whatever a test waits for has happened long before that, or never will.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at something that may have changed.
const PAUSE: Duration = Duration::from_millis(40);

/// Looks again and again until there is something to see.
///
/// # Panics
/// There is nothing in [`PATIENCE`]; `what` names it.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
