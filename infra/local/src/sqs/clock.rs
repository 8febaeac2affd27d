//! Times in the form that the database stores.

use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::Clock;

/// A time in milliseconds since 1970.
pub(super) type Millis = i64;

/// Returns the current time.
pub(super) fn now(clock: &Clock) -> Millis {
    millis(clock.now())
}

fn millis(time: OffsetDateTime) -> Millis {
    Millis::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(Millis::MAX)
}

/// Converts a time to a date.
pub(super) fn date(moment: Millis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Converts a duration to milliseconds.
pub(super) fn span(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 2)
}
