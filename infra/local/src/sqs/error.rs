//! The errors of SQS, in the texts and shapes that its clients know.

use http::StatusCode;

use crate::iam::Denied;
use crate::sigv4::SignatureError;

/// An error of SQS. The text is the message for the caller.
#[derive(Debug, thiserror::Error)]
pub enum SqsError {
    /// No queue has this name or URL.
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    /// The handle was not given out by this queue.
    #[error("The input receipt handle \"{0}\" is not a valid receipt handle.")]
    ReceiptHandleIsInvalid(String),
    /// A parameter is out of its bounds.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// A parameter is not there.
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    /// There is no such attribute.
    #[error("Unknown Attribute {0}.")]
    InvalidAttributeName(String),
    /// The body has a character that a message must not have.
    #[error("The message contains characters outside the allowed set.")]
    InvalidMessageContents,
    /// A batch without entries.
    #[error("There should be at least one {0} in the request.")]
    EmptyBatchRequest(&'static str),
    /// A batch of more than ten entries.
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
    /// The entries together are larger than one message may be.
    #[error("Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.")]
    BatchRequestTooLong(usize),
    /// Less than 60 seconds after another purge of the same queue.
    #[error("Only one PurgeQueue operation on {0} is allowed every 60 seconds.")]
    PurgeQueueInProgress(String),
    /// An operation that this SQS does not have.
    #[error("The operation \"{0}\" is not offered by the local SQS.")]
    UnsupportedOperation(String),
    /// The request's JSON is not what the operation takes.
    #[error("{0}")]
    Serialization(String),
    /// The request is not signed as it must be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The caller's policy does not allow it.
    #[error(transparent)]
    AccessDenied(#[from] Denied),
    /// There are too many requests.
    #[error("Request is throttled.")]
    RequestThrottled,
    /// The service failed by an injected fault.
    #[error("We encountered an internal error. Please try again.")]
    InternalFailure,
    /// The database failed; the details are for the log only.
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

    /// Returns the error's name in the older Query protocol. Clients still know errors by it: JSON responses carry it in the
    /// header `x-amzn-query-error`, <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.
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

    /// Returns the HTTP status that goes with it.
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

    /// Returns whose fault it is, in the words of the Query protocol.
    #[must_use]
    pub fn fault(&self) -> &'static str {
        if self.is_senders() { "Sender" } else { "Receiver" }
    }

    /// Returns whether the request is at fault, not the service.
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

/// Makes the error of a parameter out of its bounds.
pub(super) fn invalid(value: impl std::fmt::Display, parameter: &str, reason: &str) -> SqsError {
    SqsError::InvalidParameterValue(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    ))
}
