//! Validates the lifetime and the time of expiry in requests.

use std::time::Duration;

use files_domain::{Timestamp, limits};

use crate::{ApiError, Reason};

/// Validates a lifetime in seconds.
///
/// # Errors
/// [`Reason::InvalidExpiry`].
pub(crate) fn check_expiry(seconds: i128) -> Result<Duration, ApiError> {
    let seconds = u64::try_from(seconds).ok().filter(|s| (1..=limits::MAX_EXPIRES_IN.as_secs()).contains(s));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| ApiError::from(Reason::InvalidExpiry).on_field("expires_in", None))
}

/// Returns the error for a lifetime and a time of expiry in one request.
pub(crate) fn two_expiries() -> ApiError {
    let message = "Only one of expires_in and expires_at can be given";
    ApiError::from(Reason::InvalidExpiry)
        .with_message(message)
        .on_field("expires_in", Some(message.into()))
        .on_field("expires_at", Some(message.into()))
}

/// Parses a time after `now` at which a file can expire.
///
/// # Errors
/// [`Reason::InvalidExpiry`]: it is not in RFC 3339, or not within the bounds of `expires_in`.
pub(crate) fn moment(text: Option<&str>, now: Timestamp) -> Result<Timestamp, ApiError> {
    let latest = now.plus(limits::MAX_EXPIRES_IN);
    let at = text.and_then(Timestamp::parse).filter(|at| (now.plus(MIN_LIFETIME)..=latest).contains(at));
    at.ok_or_else(|| {
        let message = "expires_at must be a time in RFC 3339, such as 2026-01-15T09:30:00Z, from 1 second to 10 years from now";
        ApiError::from(Reason::InvalidExpiry).with_message(message).on_field("expires_at", Some(message.into()))
    })
}

/// Shortest remaining lifetime, the same as for `expires_in`.
const MIN_LIFETIME: Duration = Duration::from_secs(1);
