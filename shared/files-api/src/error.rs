use files_domain::{BoxError, KeyProblem, StoreError};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::Reason;
use crate::respond::answer;

/// An answer that is not what the client wanted: a reason and a sentence for the client, the cause for the log.
#[derive(Debug)]
pub struct ApiError {
    reason: Reason,
    message: Option<String>,
    details: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<BoxError>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// A stable word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    message: &'a str,
    code: u16,
    reason: &'a str,
    details: &'a [FieldError],
    request_id: &'a str,
}

impl From<Reason> for ApiError {
    fn from(reason: Reason) -> Self {
        let headers = match reason {
            Reason::InvalidApiKey => vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            Reason::TooBusy => vec![(RETRY_AFTER, HeaderValue::from_static("2"))],
            _ => Vec::new(),
        };
        Self { reason, message: None, details: Vec::new(), headers, cause: None }
    }
}

impl ApiError {
    /// An error of ours: the client learns nothing of the cause, the log all.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::from(Reason::InternalError).caused_by(cause)
    }

    /// With a better sentence than the catalogue's.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// With what is wrong with one field: the catalogue's sentence, or this one.
    #[must_use]
    pub fn on_field(mut self, field: &str, message: Option<String>) -> Self {
        let message = message.unwrap_or_else(|| self.reason.message().to_owned());
        self.details.push(FieldError {
            field: field.to_owned(),
            reason: self.reason.as_str().to_owned(),
            message,
        });
        self
    }

    /// With what is wrong with one field, in another catalogue's word.
    #[must_use]
    pub fn with_detail(mut self, field: &str, reason: &str, message: impl Into<String>) -> Self {
        let (field, reason) = (field.to_owned(), reason.to_owned());
        self.details.push(FieldError { field, reason, message: message.into() });
        self
    }

    /// With the methods that a route does take.
    #[must_use]
    pub fn allowing(mut self, methods: &'static str) -> Self {
        self.headers.push((ALLOW, HeaderValue::from_static(methods)));
        self
    }

    /// With its cause, for the log alone.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The catalogue's entry.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What goes to the log.
    pub(crate) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }

    /// The answer.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let status = self.reason.status();
        let body = ErrorBody {
            error: status.canonical_reason().unwrap_or("Error"),
            message: self.message.as_deref().unwrap_or(self.reason.message()),
            code: status.as_u16(),
            reason: self.reason.as_str(),
            details: &self.details,
            request_id,
        };
        let mut response = answer(status, &body);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Key(KeyProblem::Invalid) => Reason::InvalidApiKey.into(),
            StoreError::Key(KeyProblem::MissingScope(scope)) => {
                Self::from(Reason::MissingScope).with_message(format!("The API key lacks the scope {scope}"))
            }
            StoreError::NotFound => Reason::NotFound.into(),
            StoreError::IdempotencyConflict => Reason::IdempotencyConflict.into(),
            StoreError::Changed => Reason::TooBusy.into(),
            StoreError::Busy(cause) => Self::from(Reason::TooBusy).caused_by(cause),
            StoreError::Unavailable(cause) => Self::internal(cause),
        }
    }
}
