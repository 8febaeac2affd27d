//! The only place this module takes the time from.

use std::time::Duration;
use time::OffsetDateTime;

/// A moment, in milliseconds since 1970.
pub(super) type Millis = i64;

/// Now.
pub(super) fn now() -> Millis {
    millis(OffsetDateTime::now_utc())
}

fn millis(time: OffsetDateTime) -> Millis {
    Millis::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(Millis::MAX)
}

/// A moment as a date.
pub(super) fn date(moment: Millis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A length of time as a difference of moments.
pub(super) fn span(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 2)
}

/// The time from `from` until `to`, zero if that is past.
pub(super) fn until(from: Millis, to: Millis) -> Duration {
    Duration::from_millis(u64::try_from(to - from).unwrap_or(0))
}
