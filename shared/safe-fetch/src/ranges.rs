//! Parts of a source (RFC 9110, section 14): which version of it they are of, and which bytes.

use crate::{SourceHeaders, SourceUrl};
use http::HeaderMap;
use http::header::{CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};
use std::time::{Duration, SystemTime};

/// Longest entity tag that is kept, in bytes.
const MAX_TAG_BYTES: usize = 256;
/// A date of change is strong when the answer was made so much later (RFC 9110, section 8.8.2.2): a second would do if both
/// were read off one clock; this leaves room for two.
const STRONG_AFTER: Duration = Duration::from_secs(60);

/// What tells one version of a source from any other, byte for byte: a strong entity tag, else a date of change that is
/// strong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator(String);

impl Validator {
    /// Reads what [`as_str`](Self::as_str) gave.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (is_strong_tag(text) || httpdate::parse_http_date(text).is_ok()).then(|| Self(text.to_owned()))
    }

    /// The strongest one that an answer gives.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let tag = text(headers, &ETAG);
        tag.filter(|tag| is_strong_tag(tag))
            .or_else(|| strong_date(headers))
            .map(|text| Self(text.to_owned()))
    }

    /// Whether an answer is of this version too. One that says nothing of it is not: but for a date, which an answer to
    /// `If-Range` may leave out.
    pub(crate) fn agrees(&self, headers: &HeaderMap) -> bool {
        if is_strong_tag(&self.0) {
            return text(headers, &ETAG) == Some(self.as_str());
        }
        text(headers, &LAST_MODIFIED).is_none_or(|date| date == self.0)
    }

    /// As it goes into `If-Range`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// RFC 9110, section 8.8.3.
fn is_strong_tag(text: &str) -> bool {
    let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text.len() <= MAX_TAG_BYTES
        && inside.is_some_and(|tag| tag.bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte)))
}

fn strong_date(headers: &HeaderMap) -> Option<&str> {
    let changed = text(headers, &LAST_MODIFIED)?;
    let answered = httpdate::parse_http_date(text(headers, &DATE)?).ok()?;
    let age = answered.duration_since(httpdate::parse_http_date(changed).ok()?).ok()?;
    (age >= STRONG_AFTER).then_some(changed)
}

/// Where to ask, and what is said there besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub url: SourceUrl,
    /// Headers for it.
    pub headers: SourceHeaders,
}

/// A version of a source that can be asked for any part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Bytes of the whole.
    pub total: u64,
    /// What it is known by.
    pub validator: Validator,
}

/// Bytes to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first one, from 0.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

impl ByteRange {
    /// As it goes into `Range`.
    pub(crate) fn header(self) -> String {
        format!("bytes={}-{}", self.first, self.last)
    }
}

/// What a 206 says that it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    /// Of an answer that has exactly one, and a sound one.
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

    /// Bytes.
    pub(crate) fn length(self) -> u64 {
        self.last - self.first + 1
    }

    /// Whether it is all there is.
    pub(crate) fn is_whole(self) -> bool {
        self.first == 0 && self.total == Some(self.length())
    }
}

/// Digits only: no sign, no space.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// How long `Retry-After` asks to wait (RFC 9110, section 10.2.3): seconds, or a date.
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
