use http::header::{CACHE_CONTROL, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Serialize;

use crate::{ApiError, Reason, header};

/// What an endpoint returns: a response, or the error from which the response is made.
pub type ApiResult = Result<Response<Body>, ApiError>;

/// Returns a JSON response that only the client's own cache may store.
#[must_use]
pub fn respond(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // Serializing the wire types cannot fail: they have string keys and finite numbers.
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Returns a response with status 204.
#[must_use]
pub fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

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
