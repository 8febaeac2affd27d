//! Conditional requests: `If-Match` and related headers.

use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode};
use time::OffsetDateTime;

use super::{etag, not_implemented};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::Object;
use crate::s3::index::uploads::Overtaken;

/// The conditions of a read.
pub(super) struct Read<'request> {
    pub(super) if_match: Option<&'request ETagCondition>,
    pub(super) if_none_match: Option<&'request ETagCondition>,
    pub(super) if_modified_since: Option<&'request Timestamp>,
    pub(super) if_unmodified_since: Option<&'request Timestamp>,
}

impl Read<'_> {
    /// Returns the header of the first condition that does not hold, in the order of RFC 9110, 13.2.2.
    pub(super) fn unmet(&self, object: &Object) -> Option<&'static str> {
        match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) if !matches_etag(condition, object) => return Some("If-Match"),
            (None, Some(time)) if modified(object) > seconds(time) => return Some("If-Unmodified-Since"),
            _ => {}
        }
        // A future date is not a condition (RFC 9110, 13.1.3).
        let past = |time: &Timestamp| seconds(time) <= OffsetDateTime::now_utc().unix_timestamp();
        match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) if matches_etag(condition, object) => Some("If-None-Match"),
            (None, Some(time)) if past(time) && modified(object) <= seconds(time) => {
                Some("If-Modified-Since")
            }
            _ => None,
        }
    }

    /// Refuses with 412, or with 304 if the client has the current object.
    pub(super) fn check(&self, object: &Object) -> Outcome<()> {
        match self.unmet(object) {
            None => Ok(()),
            Some(header @ ("If-Match" | "If-Unmodified-Since")) => Err(failed(header)),
            Some(_) => Err(not_modified(object)),
        }
    }
}

/// The condition of a write, if any: that the key has no object, or one with this tag.
#[derive(Clone, Default)]
pub(super) struct Write {
    must_be_absent: bool,
    must_match: Option<ETagCondition>,
}

impl Write {
    pub(super) fn new(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> Outcome<Self> {
        match (if_match, if_none_match) {
            (None, None) => Ok(Self::default()),
            (None, Some(ETagCondition::Any)) => Ok(Self { must_be_absent: true, must_match: None }),
            (None, Some(_)) => Err(unsupported("If-None-Match")),
            (Some(ETagCondition::Any), None) => Err(unsupported("If-Match")),
            (Some(must_match), None) => Ok(Self { must_be_absent: false, must_match: Some(must_match) }),
            (Some(_), Some(_)) => Err(not_implemented()
                .detail("Header", "If-Match,If-None-Match")
                .detail("additionalMessage", "Multiple conditional request headers present in the request")),
        }
    }

    /// Reads the condition of a delete, where `*` is an ordinary tag.
    pub(super) fn of_delete(if_match: Option<ETagCondition>) -> Self {
        Self { must_be_absent: false, must_match: if_match }
    }

    /// Checks the current object. Must run in the transaction that replaces it.
    pub(super) fn check(&self, current: Option<&Object>) -> Outcome<()> {
        self.check_since(current, Overtaken::No)
    }

    /// Checks at the end of an upload, during which others may have written or deleted the key.
    pub(super) fn check_since(&self, current: Option<&Object>, overtaken: Overtaken) -> Outcome<()> {
        match (&self.must_match, current) {
            (Some(_), None) => Err(missing()),
            (Some(condition), Some(object)) if !matches_etag(condition, object) => Err(failed("If-Match")),
            (Some(_), Some(object)) if overtaken != Overtaken::No => {
                Err(conflict("If-Match").detail("Key", &object.key))
            }
            (None, Some(_)) if self.must_be_absent => Err(failed("If-None-Match")),
            (None, None) if self.must_be_absent && overtaken == Overtaken::Deleted => {
                Err(conflict("If-None-Match"))
            }
            _ => Ok(()),
        }
    }
}

/// Creates the error of a condition that S3 does not support.
fn unsupported(header: &'static str) -> Fault {
    let message = format!("We don't accept the provided value of {header} header for this API");
    not_implemented().detail("Header", header).detail("additionalMessage", message)
}

/// Creates the error of a request that another one overtook.
fn conflict(header: &'static str) -> Fault {
    let message =
        "The conditional request cannot succeed due to a conflicting operation against this resource.";
    Fault::custom("ConditionalRequestConflict", StatusCode::CONFLICT, message).detail("Condition", header)
}

/// Creates the error of a missing object.
pub(super) fn missing() -> Fault {
    Fault::new(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
}

/// Creates the error of an unmet condition.
pub(super) fn failed(header: impl ToString) -> Fault {
    let message = "At least one of the pre-conditions you specified did not hold";
    Fault::new(S3ErrorCode::PreconditionFailed, message).detail("Condition", header)
}

/// Creates the 304 for a client that has the current object.
fn not_modified(object: &Object) -> Fault {
    let mut headers = HeaderMap::new();
    if let Ok(value) = etag(&object.etag).to_http_header() {
        headers.insert(http::header::ETAG, value);
    }
    let mut date = Vec::new();
    let formatted = Timestamp::from(object.modified).format(s3s::dto::TimestampFormat::HttpDate, &mut date);
    if let (Ok(()), Ok(value)) = (formatted, HeaderValue::from_bytes(&date)) {
        headers.insert(http::header::LAST_MODIFIED, value);
    }
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_headers(headers);
    error.into()
}

fn matches_etag(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(value) | ETag::Weak(value)) => *value == object.etag,
    }
}

/// Returns the time of the last change in seconds, the precision of HTTP dates.
fn modified(object: &Object) -> i64 {
    object.modified.unix_timestamp()
}

fn seconds(time: &Timestamp) -> i64 {
    OffsetDateTime::from(time.clone()).unix_timestamp()
}
