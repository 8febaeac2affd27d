//! The clock of queues, schedules, retries, late events and time to live. It runs with the machine's clock, and tests can
//! advance it instead of waiting for minutes.
//!
//! Signatures, presigned URLs and timeouts use the machine's clock, as functions and clients do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use time::OffsetDateTime;
use tokio::sync::watch;

/// The maximum lead of a clock over the machine's: ten years.
const MAX_AHEAD: Duration = Duration::from_secs(315_360_000);

/// A clock. Clones share its state.
#[derive(Clone, Default)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    ahead: watch::Sender<Duration>,
    /// The file that stores the lead; locked while the lead changes.
    file: Mutex<Option<PathBuf>>,
}

impl Clock {
    /// Opens the clock whose lead is stored in a file; without the file the lead is zero.
    ///
    /// # Errors
    /// The file exists and cannot be read or parsed.
    pub fn open(file: &Path) -> Result<Self> {
        let ahead = match std::fs::read_to_string(file) {
            Ok(text) => text.trim().parse().with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let (ahead, file) =
            (watch::Sender::new(Duration::from_secs(ahead)), Mutex::new(Some(file.to_owned())));
        Ok(Self { inner: Arc::new(Inner { ahead, file }) })
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead()
    }

    /// Returns the lead over the machine's clock.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        *self.inner.ahead.borrow()
    }

    /// Advances the clock by whole seconds, and wakes all tasks that sleep on it. The lead survives a restart.
    ///
    /// # Errors
    /// The lead would be ten years or more, or cannot be stored.
    pub fn advance(&self, seconds: u64) -> Result<()> {
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = self.ahead().saturating_add(Duration::from_secs(seconds));
        ensure!(ahead < MAX_AHEAD, "the clock can be at most ten years ahead");
        if let Some(file) = file.as_deref() {
            let new = file.with_extension("new");
            let kept =
                std::fs::write(&new, ahead.as_secs().to_string()).and_then(|()| std::fs::rename(&new, file));
            kept.with_context(|| format!("cannot write {}", file.display()))?;
        }
        self.inner.ahead.send_replace(ahead);
        Ok(())
    }

    /// Sleeps until this much of the clock's time has passed.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// Sleeps until the clock shows `moment`.
    pub async fn sleep_until(&self, moment: OffsetDateTime) {
        let mut advanced = self.inner.ahead.subscribe();
        loop {
            let left = moment - (OffsetDateTime::now_utc() + *advanced.borrow_and_update());
            let Ok(left) = Duration::try_from(left) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = advanced.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_advance_wakes_a_sleeping_task() {
        let clock = Clock::default();
        let begun = std::time::Instant::now();
        let mut waiting = std::pin::pin!(clock.sleep(Duration::from_secs(600)));
        for seconds in [0, 599] {
            clock.advance(seconds).unwrap();
            tokio::select! {
                biased;
                () = &mut waiting => panic!("woken {seconds} s ahead"),
                () = tokio::task::yield_now() => {}
            }
        }
        clock.advance(1).unwrap();
        waiting.await;
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn the_lead_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        Clock::open(&file).unwrap().advance(90).unwrap();
        let again = Clock::open(&file).unwrap();
        assert_eq!(again.ahead(), Duration::from_secs(90));
        assert!(again.advance(u64::MAX).is_err());
        assert_eq!(again.ahead(), Duration::from_secs(90));
        std::fs::write(&file, "soon").unwrap();
        assert!(Clock::open(&file).is_err());
    }
}
