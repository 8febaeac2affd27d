use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::{ApiError, ApiResult};

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

/// Adds an entity tag to a response.
///
/// # Errors
/// [`Reason::InternalError`](crate::Reason::InternalError): the tag cannot be a header.
pub fn with_etag(mut response: Response<Body>, tag: &str) -> ApiResult {
    response.headers_mut().insert(ETAG, HeaderValue::from_str(tag).map_err(ApiError::internal)?);
    Ok(response)
}

/// Returns a response with status 204.
#[must_use]
pub fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
