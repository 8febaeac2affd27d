//! Why an operation could not be done: S3's own refusals, and what went wrong on this machine.

use s3s::{S3Error, S3ErrorCode};

/// A refusal or an internal error, on its way to the answer.
#[derive(Debug)]
pub(super) struct Fault(S3Error);

/// Result of a step of an operation.
pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// One of S3's refusals, with its words.
    pub(super) fn new(code: S3ErrorCode, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self(S3Error::with_message(code, message))
    }
}

impl From<S3Error> for Fault {
    fn from(error: S3Error) -> Self {
        Self(error)
    }
}

impl From<S3ErrorCode> for Fault {
    fn from(code: S3ErrorCode) -> Self {
        Self(S3Error::new(code))
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
        fault.0
    }
}

/// `InternalError` for the client; the cause is for the log alone.
fn internal<E: std::error::Error + Send + Sync + 'static>(error: E) -> Fault {
    tracing::error!(%error, "S3 cannot answer");
    Fault(S3Error::internal_error(error))
}
