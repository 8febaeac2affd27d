//! Errors of operations: S3's refusals, and failures of this machine.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::{S3Error, S3ErrorCode};

/// Carries one detail element of a [`Fault`] through `s3s`, whose errors have none. It is never sent to a client.
const DETAIL: HeaderName = HeaderName::from_static("x-files-local-error-detail");

/// A refusal or an internal error, before it becomes a response.
#[derive(Debug)]
pub(super) struct Fault {
    error: S3Error,
    details: Vec<(&'static str, String)>,
}

/// Result of a step of an operation.
pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// Creates one of S3's errors with its message.
    pub(super) fn new(code: S3ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        S3Error::with_message(code, message).into()
    }

    /// Creates an error whose code `s3s` lacks.
    pub(super) fn custom(
        code: &'static str,
        status: StatusCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
        error.set_status_code(status);
        error.into()
    }

    /// Creates a 400 `InvalidArgument` with the argument's name and value.
    pub(super) fn argument(
        message: impl Into<Cow<'static, str>>,
        name: &'static str,
        value: impl ToString,
    ) -> Self {
        Self::new(S3ErrorCode::InvalidArgument, message)
            .detail("ArgumentName", name)
            .detail("ArgumentValue", value)
    }

    /// Adds an element that follows `Message` in the error's XML.
    pub(super) fn detail(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

/// Removes the details from an error's response headers, and returns them.
pub(super) fn take_details(headers: &mut HeaderMap) -> Vec<(String, String)> {
    let details = headers.get_all(DETAIL).iter().filter_map(|value| value.to_str().ok()?.split_once('='));
    let details = details
        .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()))
        .collect();
    headers.remove(DETAIL);
    details
}

impl From<S3Error> for Fault {
    fn from(error: S3Error) -> Self {
        Self { error, details: Vec::new() }
    }
}

impl From<S3ErrorCode> for Fault {
    fn from(code: S3ErrorCode) -> Self {
        S3Error::new(code).into()
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        internal(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        internal(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        internal(error)
    }
}

impl From<tokio::task::JoinError> for Fault {
    fn from(error: tokio::task::JoinError) -> Self {
        internal(error)
    }
}

impl From<Fault> for S3Error {
    fn from(fault: Fault) -> Self {
        let Fault { mut error, details } = fault;
        let mut headers = error.headers().cloned().unwrap_or_default();
        for (name, value) in details {
            let element = format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC));
            if let Ok(element) = HeaderValue::from_str(&element) {
                headers.append(DETAIL, element);
            }
        }
        // Headers of an error replace the headers that `s3s` sets.
        if !headers.is_empty() {
            error.set_headers(headers);
        }
        error
    }
}

/// Logs an error, and creates an `InternalError` for the client.
fn internal<E: std::error::Error + Send + Sync + 'static>(error: E) -> Fault {
    tracing::error!(%error, "an operation of S3 failed");
    S3Error::internal_error(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_pass_through_s3s_and_are_removed() {
        let fault = Fault::argument("wrong", "a-name", "ü <&>\n\"=%").detail("Empty", "");
        let mut response = S3Error::from(fault).to_http_response().unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let details = take_details(response.headers_mut());
        let expected = [("ArgumentName", "a-name"), ("ArgumentValue", "ü <&>\n\"=%"), ("Empty", "")];
        assert_eq!(details, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!response.headers().contains_key(DETAIL));
    }
}
