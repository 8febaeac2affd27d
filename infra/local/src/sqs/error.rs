//! The errors of SQS, with the messages and shapes that its clients expect.

use http::StatusCode;

use crate::iam::Denied;
use crate::sigv4::SignatureError;

/// An error of SQS. The text is the message for the caller.
#[derive(Debug, thiserror::Error)]
pub enum SqsError {
    /// No queue has this name or URL.
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    /// The handle is not one of this queue.
    #[error("The input receipt handle \"{0}\" is not a valid receipt handle.")]
    ReceiptHandleIsInvalid(String),
    /// A parameter has an invalid value.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// A parameter is missing.
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    /// The attribute does not exist.
    #[error("Unknown Attribute {0}.")]
    InvalidAttributeName(String),
    /// The body has a character that messages must not contain.
    #[error("The message contains characters outside the allowed set.")]
    InvalidMessageContents,
    /// The batch has no entries.
    #[error("There should be at least one {0} in the request.")]
    EmptyBatchRequest(&'static str),
    /// The batch has more than ten entries.
    #[error("Maximum number of entries per request are 10. You have sent {0}.")]
    TooManyEntriesInBatchRequest(usize),
    /// Two entries have this id.
    #[error("Id {0} repeated.")]
    BatchEntryIdsNotDistinct(String),
    /// An entry's id is malformed.
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
         letters long."
    )]
    InvalidBatchEntryId,
    /// The entries together exceed the limit of one message.
    #[error("Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.")]
    BatchRequestTooLong(usize),
    /// Another purge of the queue was less than 60 seconds ago.
    #[error("Only one PurgeQueue operation on {0} is allowed every 60 seconds.")]
    PurgeQueueInProgress(String),
    /// The local SQS does not support the operation.
    #[error("The operation \"{0}\" is not offered by the local SQS.")]
    UnsupportedOperation(String),
    /// The request's JSON does not match the operation's input.
    #[error("{0}")]
    Serialization(String),
    /// The signature is missing or invalid.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The caller's policy does not allow it.
    #[error(transparent)]
    AccessDenied(#[from] Denied),
    /// An injected fault: too many requests.
    #[error("Request is throttled.")]
    RequestThrottled,
    /// An injected fault: the service failed.
    #[error("We encountered an internal error. Please try again.")]
    InternalFailure,
    /// The database failed; only the log has the details.
    #[error("We encountered an internal error. Please try again.")]
    Internal(#[from] rusqlite::Error),
}

impl SqsError {
    /// Returns the error's name in the JSON protocol.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::QueueDoesNotExist => "QueueDoesNotExist",
            Self::ReceiptHandleIsInvalid(_) => "ReceiptHandleIsInvalid",
            Self::InvalidParameterValue(_) => "InvalidParameterValueException",
            Self::MissingParameter(_) => "MissingRequiredParameterException",
            Self::InvalidAttributeName(_) => "InvalidAttributeName",
            Self::InvalidMessageContents => "InvalidMessageContents",
            Self::EmptyBatchRequest(_) => "EmptyBatchRequest",
            Self::TooManyEntriesInBatchRequest(_) => "TooManyEntriesInBatchRequest",
            Self::BatchEntryIdsNotDistinct(_) => "BatchEntryIdsNotDistinct",
            Self::InvalidBatchEntryId => "InvalidBatchEntryId",
            Self::BatchRequestTooLong(_) => "BatchRequestTooLong",
            Self::PurgeQueueInProgress(_) => "PurgeQueueInProgress",
            Self::UnsupportedOperation(_) => "UnsupportedOperation",
            Self::Serialization(_) => "SerializationException",
            Self::Signature(error) => error.code(),
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::RequestThrottled => "RequestThrottled",
            Self::Internal(_) | Self::InternalFailure => "InternalFailure",
        }
    }

    /// Returns the error's name in the older Query protocol. JSON responses carry it in the header `x-amzn-query-error` for
    /// clients that still use it, <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.
    #[must_use]
    pub fn query_code(&self) -> &'static str {
        match self {
            Self::QueueDoesNotExist => "AWS.SimpleQueueService.NonExistentQueue",
            Self::InvalidParameterValue(_) => "InvalidParameterValue",
            Self::MissingParameter(_) => "MissingParameter",
            Self::EmptyBatchRequest(_) => "AWS.SimpleQueueService.EmptyBatchRequest",
            Self::TooManyEntriesInBatchRequest(_) => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            Self::BatchEntryIdsNotDistinct(_) => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            Self::InvalidBatchEntryId => "AWS.SimpleQueueService.InvalidBatchEntryId",
            Self::BatchRequestTooLong(_) => "AWS.SimpleQueueService.BatchRequestTooLong",
            Self::PurgeQueueInProgress(_) => "AWS.SimpleQueueService.PurgeQueueInProgress",
            Self::AccessDenied(_) => "AccessDenied",
            Self::UnsupportedOperation(_) => "AWS.SimpleQueueService.UnsupportedOperation",
            other => other.name(),
        }
    }

    /// Returns the HTTP status of the error.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Signature(_) | Self::AccessDenied(_) | Self::PurgeQueueInProgress(_) => {
                StatusCode::FORBIDDEN
            }
            Self::Internal(_) | Self::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns `Sender` or `Receiver`, the Query protocol's name of the side that caused the error.
    #[must_use]
    pub fn fault(&self) -> &'static str {
        if self.is_senders() { "Sender" } else { "Receiver" }
    }

    /// Returns whether the request caused the error, not the service.
    #[must_use]
    pub fn is_senders(&self) -> bool {
        !matches!(self, Self::Internal(_) | Self::InternalFailure)
    }

    /// Returns the response's body.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let namespace = match self {
            Self::AccessDenied(denied) => return denied.to_json(),
            Self::InvalidParameterValue(_)
            | Self::MissingParameter(_)
            | Self::Serialization(_)
            | Self::Signature(_)
            | Self::InternalFailure
            | Self::Internal(_) => "com.amazon.coral.service",
            _ => "com.amazonaws.sqs",
        };
        serde_json::json!({"__type": format!("{namespace}#{}", self.name()), "message": self.to_string()})
    }
}

/// Creates the error of an invalid parameter.
pub(super) fn invalid(value: impl std::fmt::Display, parameter: &str, reason: &str) -> SqsError {
    SqsError::InvalidParameterValue(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    ))
}
