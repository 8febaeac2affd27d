use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Most time that is reserved for what follows a transfer.
const CLEAN_UP_TIME: Duration = Duration::from_secs(15);
/// The share of a short run that is reserved instead.
const CLEAN_UP_SHARE: u32 = 4;

/// The time for transfers in one run of the function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeBudget {
    end: Instant,
}

impl TimeBudget {
    /// Reserves time to clean up before the function's deadline.
    pub(crate) fn until(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let clean_up = CLEAN_UP_TIME.min(left / CLEAN_UP_SHARE);
        Self { end: Instant::now() + left.saturating_sub(clean_up) }
    }

    /// Returns the time that is left.
    pub(crate) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Returns whether no time is left.
    pub(crate) fn is_spent(self) -> bool {
        self.left().is_zero()
    }

    /// Returns whether more than this is left.
    pub(crate) fn allows(self, duration: Duration) -> bool {
        self.left() > duration
    }
}
