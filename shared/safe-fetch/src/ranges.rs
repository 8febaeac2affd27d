//! Range requests (RFC 9110, section 14): byte ranges, and validators of the version they belong to.

use crate::{SourceHeaders, SourceUrl};
use http::HeaderMap;
use http::header::{CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};
use std::time::{Duration, SystemTime};

/// The maximum length of an entity tag in bytes. A longer one is not used.
const MAX_TAG_BYTES: usize = 256;
/// The minimum age at which `Last-Modified` is a strong validator (RFC 9110, section 8.8.2.2). One second is enough if both dates
/// come from one clock; this allows for two clocks.
const MIN_DATE_AGE: Duration = Duration::from_secs(60);

/// A strong validator of a version of a file: a strong entity tag, or else a strong `Last-Modified` date. It changes whenever
/// any byte of the file changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator(String);

impl Validator {
    /// Parses the output of [`as_str`](Self::as_str). Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (is_strong_tag(text) || httpdate::parse_http_date(text).is_ok()).then(|| Self(text.to_owned()))
    }

    /// Returns the strongest validator of a response, or `None` if it has no strong one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let tag = text(headers, &ETAG);
        tag.filter(|tag| is_strong_tag(tag))
            .or_else(|| strong_date(headers))
            .map(|text| Self(text.to_owned()))
    }

    /// Returns whether a response has this validator; `None` if it has none of this kind.
    pub(crate) fn is_of(&self, headers: &HeaderMap) -> Option<bool> {
        let header = if is_strong_tag(&self.0) { &ETAG } else { &LAST_MODIFIED };
        text(headers, header).map(|value| value == self.0)
    }

    /// Returns whether a range may come without the validator: a response to `If-Range` may omit `Last-Modified`.
    pub(crate) fn is_optional(&self) -> bool {
        !is_strong_tag(&self.0)
    }

    /// Returns the value for `If-Range`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Returns whether a text is a strong entity tag (RFC 9110, section 8.8.3).
fn is_strong_tag(text: &str) -> bool {
    let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text.len() <= MAX_TAG_BYTES
        && inside.is_some_and(|tag| tag.bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte)))
}

fn strong_date(headers: &HeaderMap) -> Option<&str> {
    let changed = text(headers, &LAST_MODIFIED)?;
    let sent_at = httpdate::parse_http_date(text(headers, &DATE)?).ok()?;
    let age = sent_at.duration_since(httpdate::parse_http_date(changed).ok()?).ok()?;
    (age >= MIN_DATE_AGE).then_some(changed)
}

/// A URL and the headers to send to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL.
    pub url: SourceUrl,
    /// The headers for this URL.
    pub headers: SourceHeaders,
}

/// A version of a file on a source that supports range requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The size of the file in bytes.
    pub total: u64,
    /// The validator that identifies the version.
    pub validator: Validator,
}

/// A range of bytes to request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The offset of the first byte, from 0.
    pub first: u64,
    /// The offset of the last byte, inclusive.
    pub last: u64,
}

impl ByteRange {
    /// Returns the value for `Range`.
    pub(crate) fn header(self) -> String {
        format!("bytes={}-{}", self.first, self.last)
    }
}

/// The value of `Content-Range` in a 206 response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    /// Reads the header. Returns `None` unless the response has exactly one, with valid numbers.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(CONTENT_RANGE).iter();
        let only = all.next()?.to_str().ok()?;
        if all.next().is_some() { None } else { Self::parse(only) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let total = if total == "*" { None } else { Some(number(total)?) };
        let sound = unit.eq_ignore_ascii_case("bytes")
            && first <= last
            && last < u64::MAX
            && total.is_none_or(|total| last < total);
        sound.then_some(Self { first, last, total })
    }

    /// Returns the length in bytes.
    pub(crate) fn length(self) -> u64 {
        self.last - self.first + 1
    }

    /// Returns whether the range is the whole file.
    pub(crate) fn is_whole(self) -> bool {
        self.first == 0 && self.total == Some(self.length())
    }
}

/// Returns the size of the whole file in a response to a range that it does not have: `Content-Range: bytes */<size>`.
pub(crate) fn total(headers: &HeaderMap) -> Option<u64> {
    number(text(headers, &CONTENT_RANGE)?.rsplit_once('/')?.1)
}

/// Parses a decimal number without sign or spaces.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Returns the time to wait according to `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. Zero if the date is past.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Some(seconds) = number(value) {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
#[path = "ranges_tests.rs"]
mod tests;
