use http::HeaderValue;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use lambda_http::{Body, Request, Response};

use crate::{ApiError, ApiResult, Reason, header};

/// Returns a file's entity tag (RFC 9110, section 8.8.3), which changes with every change of the file.
#[must_use]
pub fn etag(version: u64) -> String {
    format!("\"v{version}\"")
}

/// Checks that the client's `If-Match` allows a change of the file with this entity tag (RFC 9110, section 13.1.1). Without
/// the header every change is allowed; a weak tag matches nothing.
///
/// # Errors
/// [`Reason::PreconditionFailed`].
pub fn check_if_match(request: &Request, etag: &str) -> Result<(), ApiError> {
    let Some(tags) = request.headers().get(IF_MATCH) else { return Ok(()) };
    let tags = tags.to_str().unwrap_or_default();
    let matches = tags.split(',').map(str::trim).any(|tag| tag == etag || tag == "*");
    if matches { Ok(()) } else { Err(Reason::PreconditionFailed.into()) }
}

/// Returns whether the client's `If-None-Match` names this entity tag (RFC 9110, section 13.1.2).
#[must_use]
pub fn is_fresh(request: &Request, etag: &str) -> bool {
    let Some(tags) = header(request, IF_NONE_MATCH.as_str()) else {
        return false;
    };
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

/// Adds an entity tag to a response.
///
/// # Errors
/// [`Reason::InternalError`]: the tag cannot be a header.
pub fn with_etag(mut response: Response<Body>, tag: &str) -> ApiResult {
    response.headers_mut().insert(ETAG, HeaderValue::from_str(tag).map_err(ApiError::internal)?);
    Ok(response)
}
