use files_domain::{BoxError, KeyProblem};
use files_objects::ObjectsError;
use files_records::RecordsError;
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::Reason;
use crate::respond::respond;

/// The result of an endpoint: a response, or the error from which the response is built.
pub type ApiResult = Result<Response<Body>, ApiError>;

/// An error of a request, with a reason and a sentence for the client, and a cause for the log.
#[derive(Debug)]
pub struct ApiError {
    reason: Reason,
    message: Option<String>,
    details: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<BoxError>,
}

/// The error of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Name of the field.
    pub field: String,
    /// The reason: a stable word.
    pub reason: String,
    /// A sentence for the client.
    pub message: String,
}

/// The body of an error response.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
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
    /// Returns an error of this service. Clients do not see the cause.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::from(Reason::InternalError).caused_by(cause)
    }

    /// Replaces the catalogue's sentence.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds the error of one field with `message`, or with the catalogue's sentence.
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

    /// Adds the error of one field, with a reason of another catalogue.
    #[must_use]
    pub fn with_detail(mut self, field: &str, reason: &str, message: impl Into<String>) -> Self {
        let (field, reason) = (field.to_owned(), reason.to_owned());
        self.details.push(FieldError { field, reason, message: message.into() });
        self
    }

    /// Adds `Retry-After` (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((RETRY_AFTER, seconds.into()));
        self
    }

    /// Adds rate limit header fields: the policy `policy`, and the quota that remains of it, each with its parameters
    /// (<https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10>).
    #[must_use]
    pub(crate) fn with_rate_limit(mut self, policy: &str, parameters: &str, remaining: &str) -> Self {
        for (name, parameters) in [("ratelimit-policy", parameters), ("ratelimit", remaining)] {
            let value = HeaderValue::from_str(&format!("\"{policy}\";{parameters}"));
            self.headers.extend(value.ok().map(|value| (HeaderName::from_static(name), value)));
        }
        self
    }

    /// Adds `Allow` with the methods of the path.
    #[must_use]
    pub fn allowing(mut self, methods: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(methods).ok().map(|methods| (ALLOW, methods)));
        self
    }

    /// Adds the cause, which only the log contains.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Returns the catalogue's entry.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns the cause for the log.
    pub(crate) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }

    /// Builds the response.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let mut response = respond(self.reason.status(), &self.body(request_id));
        response.headers_mut().extend(self.headers);
        response
    }

    /// Returns the body of the response.
    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        let status = self.reason.status();
        ErrorBody {
            error: status.canonical_reason().unwrap_or("Error"),
            message: self.message.as_deref().unwrap_or(self.reason.message()),
            code: status.as_u16(),
            reason: self.reason.as_str(),
            details: &self.details,
            request_id,
        }
    }
}

impl From<RecordsError> for ApiError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Key(KeyProblem::Invalid) => Reason::InvalidApiKey.into(),
            RecordsError::Key(KeyProblem::MissingScope(scope)) => Self::from(Reason::MissingScope)
                .with_message(format!("The API key lacks the scope {scope}: use a key that has it")),
            RecordsError::TokenUsedUp => Reason::UploadTokenUsedUp.into(),
            RecordsError::NotFound => Reason::NotFound.into(),
            RecordsError::Limit(exceeded) => exceeded.into(),
            RecordsError::IdempotencyConflict => Reason::IdempotencyConflict.into(),
            RecordsError::TooManyEndpoints => Reason::TooManyEndpoints.into(),
            RecordsError::Changed => Reason::TooBusy.into(),
            RecordsError::Busy(cause) => Self::from(Reason::TooBusy).caused_by(cause),
            RecordsError::Unavailable(cause) => Self::internal(cause),
        }
    }
}

impl From<ObjectsError> for ApiError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchUpload => Reason::PartsGone.into(),
            ObjectsError::Presigning(_) => Self::internal(error),
            error => Self::from(Reason::TooBusy).caused_by(error),
        }
    }
}
