use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use files_domain::{BoxError, StoreError};

/// The codes by which DynamoDB says «later»
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
const THROTTLING: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// What a failed call means to the caller of a port.
pub(crate) fn unavailable<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let throttled = error.code().is_some_and(|code| THROTTLING.contains(&code));
    if throttled { StoreError::Busy(error.into()) } else { StoreError::Unavailable(error.into()) }
}

/// An item that is not as this code writes it.
pub(crate) fn corrupt(error: impl Into<BoxError>) -> StoreError {
    StoreError::Unavailable(error.into())
}
