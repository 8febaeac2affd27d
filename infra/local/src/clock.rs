//! The clock of everything that waits for minutes: queues, schedules, retries, late events, time to live. It runs with
//! the machine's, and can be advanced, so that tests need not wait.
//!
//! Signatures, presigned URLs and timeouts go by the machine's clock, as functions and clients do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use time::OffsetDateTime;
use tokio::sync::watch;

/// Most that a clock can be ahead: ten years.
const MAX_AHEAD: Duration = Duration::from_secs(315_360_000);

/// A clock. Clones are the same clock.
#[derive(Clone, Default)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    ahead: watch::Sender<Duration>,
    /// Where it is kept how far it is ahead; also held while that changes.
    file: Mutex<Option<PathBuf>>,
}

impl Clock {
    /// Opens the clock that a file keeps; without a file, one that is not ahead.
    ///
    /// # Errors
    /// The file is there and cannot be read or understood.
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

    /// Returns the present.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead()
    }

    /// Returns how far the clock is ahead of the machine's.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        *self.inner.ahead.borrow()
    }

    /// Moves the clock forward by whole seconds, and wakes all that sleep by it. It stays ahead after a restart.
    ///
    /// # Errors
    /// It would be ten years ahead or more, or that cannot be kept.
    pub fn advance(&self, seconds: u64) -> Result<()> {
        let file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = self.ahead().saturating_add(Duration::from_secs(seconds));
        ensure!(ahead < MAX_AHEAD, "the clock can be ten years ahead at most");
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
    async fn who_waits_is_woken_by_an_advance() {
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
    fn it_stays_ahead() {
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
