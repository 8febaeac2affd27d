use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A moment in milliseconds since 1970-01-01T00:00:00Z, displayed as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// The last moment that RFC 3339 can write: the end of the year 9999.
const MAX_MILLIS: u64 = 253_402_300_799_999;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Returns the moment `millis` milliseconds after the Unix epoch, at most the end of the year 9999.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(MAX_MILLIS))
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Returns the moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Parses RFC 3339 with any offset. A moment before 1970 becomes 1970, since all files are newer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Some(Self::from_millis(millis))
    }

    /// Parses RFC 3339 from a query, where an unescaped `+` of the offset is decoded as a space.
    #[must_use]
    pub fn parse_query(text: &str) -> Option<Self> {
        let offset = text.len().checked_sub("+01:00".len())?;
        let is_blank = text.get(offset..)?.starts_with(' ');
        if is_blank {
            Self::parse(&format!("{}+{}", &text[..offset], &text[offset + 1..]))
        } else {
            Self::parse(text)
        }
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(0).plus(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .map_err(|_| fmt::Error)?;
        f.write_str(&moment.format(&format).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_survive_a_round_trip_through_rfc_3339() {
        let moment = Timestamp::from_millis(1_767_323_045_678);
        assert_eq!(moment.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(Timestamp::parse("2026-01-02T03:04:05.678Z"), Some(moment));
        assert_eq!(Timestamp::parse("2026-01-02T04:04:05.678+01:00"), Some(moment));
        assert_eq!(Timestamp::parse_query("2026-01-02T04:04:05.678 01:00"), Some(moment));
        assert_eq!(Timestamp::parse_query("2026-01-02T04:04:05.678+01:00"), Some(moment));
        assert_eq!(Timestamp::parse_query("2026-01-02T03:04:05.678Z"), Some(moment));
        assert_eq!(Timestamp::parse("1960-01-01T00:00:00Z"), Some(Timestamp::from_millis(0)));
        for wrong in ["", "now", "2026-01-02 03:04", "äääääää", "2026-13-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse_query(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_latest_timestamp_can_be_formatted() {
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
