//! `If-Match` and its like.

use http::{HeaderMap, HeaderValue};
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode};
use time::OffsetDateTime;

use super::{etag, not_implemented};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::Object;

/// The conditions of a read.
pub(super) struct Read<'request> {
    pub(super) if_match: Option<&'request ETagCondition>,
    pub(super) if_none_match: Option<&'request ETagCondition>,
    pub(super) if_modified_since: Option<&'request Timestamp>,
    pub(super) if_unmodified_since: Option<&'request Timestamp>,
}

impl Read<'_> {
    /// In the order of RFC 9110, 13.2.2.
    pub(super) fn check(&self, object: &Object) -> Outcome<()> {
        match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) if !matches_etag(condition, object) => return Err(failed()),
            (None, Some(time)) if modified(object) > seconds(time) => return Err(failed()),
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) if matches_etag(condition, object) => Err(not_modified(object)),
            (None, Some(time)) if modified(object) <= seconds(time) => Err(not_modified(object)),
            _ => Ok(()),
        }
    }
}

/// The conditions of a write: at most that there is nothing yet, or that what is there has this tag.
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
            (Some(must_match), None) => Ok(Self { must_be_absent: false, must_match: Some(must_match) }),
            // S3 takes no tag in If-None-Match, nor both headers.
            _ => Err(not_implemented()),
        }
    }

    /// Checks what is there; to be called in the transaction that replaces it.
    pub(super) fn check(&self, current: Option<&Object>) -> Outcome<()> {
        match (&self.must_match, current) {
            (Some(_), None) => Err(missing()),
            (Some(condition), Some(object)) if !matches_etag(condition, object) => Err(failed()),
            (_, Some(_)) if self.must_be_absent => Err(failed()),
            _ => Ok(()),
        }
    }
}

/// No such object.
pub(super) fn missing() -> Fault {
    Fault::new(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
}

/// A condition does not hold.
pub(super) fn failed() -> Fault {
    Fault::new(
        S3ErrorCode::PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold",
    )
}

/// The client has this object already.
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

/// HTTP dates have no fractions.
fn modified(object: &Object) -> i64 {
    object.modified.unix_timestamp()
}

fn seconds(time: &Timestamp) -> i64 {
    OffsetDateTime::from(time.clone()).unix_timestamp()
}
