use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The maximum time reserved for the steps after a transfer.
const CLEAN_UP_TIME: Duration = Duration::from_secs(15);
/// The divisor for the time reserved in short runs: a quarter of the run.
const CLEAN_UP_SHARE: u32 = 4;

/// The time budget for transfers in one invocation of the function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeBudget {
    end: Instant,
}

impl TimeBudget {
    /// Creates a budget that ends before the deadline of the invocation, with time reserved to clean up.
    pub(crate) fn until(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let clean_up = CLEAN_UP_TIME.min(left / CLEAN_UP_SHARE);
        Self { end: Instant::now() + left.saturating_sub(clean_up) }
    }

    /// Returns the remaining time.
    pub(crate) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Returns whether no time remains.
    pub(crate) fn is_spent(self) -> bool {
        self.left().is_zero()
    }

    /// Returns whether more than this time remains.
    pub(crate) fn allows(self, duration: Duration) -> bool {
        self.left() > duration
    }
}
