use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use files_domain::{BoxError, KeyProblem, LimitExceeded};

/// The error of an operation on the records.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The API key is not valid for the request.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// The upload token has created as many files as it may.
    #[error("the upload token has created all its files")]
    TokenUsedUp,
    /// There is no such file, or it is another owner's.
    #[error("no such file")]
    NotFound,
    /// The record has changed since it was read. Read it again.
    #[error("the record has changed")]
    Changed,
    /// A limit of the owner would be exceeded.
    #[error("a limit of the owner would be exceeded: {0}")]
    Limit(#[from] LimitExceeded),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// The owner has as many webhook endpoints as are allowed.
    #[error("too many webhook endpoints")]
    TooManyEndpoints,
    /// Other writers changed the same items, or DynamoDB throttles. Retry later.
    #[error("too busy")]
    Busy(#[source] BoxError),
    /// DynamoDB failed, or an item is malformed.
    #[error("the records are unavailable")]
    Unavailable(#[source] BoxError),
}

/// Error codes of DynamoDB for which a retry is recommended
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
const THROTTLING: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Converts the error of a call.
pub(crate) fn unavailable<E, R>(error: SdkError<E, R>) -> RecordsError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let throttled = error.code().is_some_and(|code| THROTTLING.contains(&code));
    if throttled { RecordsError::Busy(error.into()) } else { RecordsError::Unavailable(error.into()) }
}

/// Returns the error for a malformed item.
pub(crate) fn corrupt(error: impl Into<BoxError>) -> RecordsError {
    RecordsError::Unavailable(error.into())
}
