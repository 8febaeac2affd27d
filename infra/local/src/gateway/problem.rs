//! The gateway's own errors.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::response;

/// An error of the gateway itself, with the body `{"message": …}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 400: no usable `Host`, or a malformed path.
    BadRequest,
    /// 404: no route matches.
    NotFound,
    /// 431: the request line and the headers are larger than 10,240 bytes.
    HeadersTooLarge,
    /// 413: the body is larger than the gateway's or Lambda's limit.
    BodyTooLarge,
    /// 500: the function failed, or its response is not one of format 2.0.
    InternalServerError,
    /// 503: the function is throttled, or did not respond in time.
    ServiceUnavailable,
}

impl Problem {
    /// Builds the response.
    pub(super) fn response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large")
            }
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::InternalServerError => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        response::bare(status, message)
    }
}
