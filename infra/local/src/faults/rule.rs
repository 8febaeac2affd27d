//! One rule: the calls to which it applies, and the fault.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::access::ANONYMOUS;
use crate::identity::ROOT;

/// The target of a rule.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Calls of DynamoDB.
    DynamoDb,
    /// Calls of S3. A call with a presigned URL counts as the function's that signed it.
    S3,
    /// Calls of SQS.
    Sqs,
    /// Calls of EventBridge.
    EventBridge,
    /// `Invoke` and `Spawn` of a function's processes.
    Lambda,
    /// Events that invoke a function: `ObjectCreated`, `Message`, `Asynchronous`.
    Trigger,
}

impl Service {
    /// Returns the name that rules use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::S3 => "s3",
            Self::Sqs => "sqs",
            Self::EventBridge => "eventbridge",
            Self::Lambda => "lambda",
            Self::Trigger => "trigger",
        }
    }
}

/// An error that a service returns instead of carrying out the call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// DynamoDB: `TransactionCanceledException` with a `TransactionConflict`; without a transaction
    /// `TransactionConflictException`.
    TransactionConflict,
    /// DynamoDB and EventBridge `ThrottlingException`, S3 503 `SlowDown`, SQS `RequestThrottled`, Lambda 429.
    Throttling,
    /// DynamoDB `ProvisionedThroughputExceededException`.
    ThroughputExceeded,
    /// DynamoDB 500 `InternalServerError`, S3 500 `InternalError`, SQS 500 `InternalFailure`, EventBridge 500 `InternalException`,
    /// a failed invocation.
    Internal,
    /// S3 409 `ConditionalRequestConflict`.
    Conflict,
}

/// The fault of a call or an invocation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An error; nothing is carried out.
    Error(ErrorKind),
    /// S3 responds with status 200 and an error in the body; nothing is carried out.
    #[serde(rename = "error_in_200")]
    ErrorIn200,
    /// `PutEvents` responds with status 200 and takes none of the entries.
    FailedEntries,
    /// The connection is closed, and nothing is carried out.
    Cut,
    /// The call is carried out, and the connection is closed without a response. A trigger's success is forgotten.
    LoseResponse,
    /// The call is carried out, and the connection is closed in the middle of the response.
    CutResponse,
    /// The call gets its response, and the next call on its connection gets none.
    CloseIdle,
    /// A delay in milliseconds: of the machine's clock for calls, of [`crate::clock`] for triggers.
    DelayMs(u64),
    /// BatchGetItem reads this many keys, and returns the others as `UnprocessedKeys`.
    UnprocessedAfter(usize),
    /// An eventually consistent read sees the state of this many milliseconds ago, by [`crate::clock`].
    StaleMs(u64),
    /// The calling process is killed, and nothing is carried out. For `Spawn`: the new process is killed before it takes its
    /// event.
    KillBefore,
    /// The call is carried out, and the calling process is killed.
    KillAfter,
    /// The process is killed this many milliseconds after it took its event.
    KillAfterMs(u64),
    /// The invocation has this many milliseconds instead of its function's timeout.
    DeadlineMs(u64),
    /// The process's connections to the services are closed before it is resumed for the event.
    CloseFrozen,
    /// The event is delivered twice, at the same time.
    Duplicate,
    /// The event is delivered after a later one, or after five seconds if there is none.
    OutOfOrder,
}

const WRITES: &[&str] = &["TransactWriteItems", "TransactGetItems", "PutItem", "UpdateItem", "DeleteItem"];
const READS: &[&str] = &["Query", "Scan", "GetItem", "BatchGetItem"];
const CONDITIONAL: &[&str] = &["PutObject", "CompleteMultipartUpload", "CopyObject"];

/// A service and its operations; an empty list stands for all.
type Place = (Service, &'static [&'static str]);

const CALLS: [Place; 4] =
    [(Service::DynamoDb, &[]), (Service::S3, &[]), (Service::Sqs, &[]), (Service::EventBridge, &[])];

impl Action {
    /// Returns the services and operations that the action applies to.
    fn places(self) -> Vec<Place> {
        use Service::{DynamoDb, EventBridge, Lambda, S3, Trigger};
        match self {
            Self::Error(ErrorKind::TransactionConflict) => vec![(DynamoDb, WRITES)],
            Self::Error(ErrorKind::ThroughputExceeded) => vec![(DynamoDb, &[])],
            Self::Error(ErrorKind::Conflict) => vec![(S3, CONDITIONAL)],
            Self::Error(ErrorKind::Throttling | ErrorKind::Internal) => {
                [&CALLS[..], &[(Lambda, &["Invoke"])]].concat()
            }
            Self::ErrorIn200 => vec![(S3, &["CompleteMultipartUpload", "CopyObject"])],
            Self::FailedEntries => vec![(EventBridge, &["PutEvents"])],
            Self::Cut | Self::CutResponse | Self::CloseIdle | Self::KillAfter => CALLS.to_vec(),
            Self::LoseResponse => [&CALLS[..], &[(Trigger, &["Message", "Asynchronous"])]].concat(),
            Self::DelayMs(_) => [&CALLS[..], &[(Lambda, &[]), (Trigger, &[])]].concat(),
            Self::UnprocessedAfter(_) => vec![(DynamoDb, &["BatchGetItem"])],
            Self::StaleMs(_) => vec![(DynamoDb, READS)],
            Self::KillBefore => [&CALLS[..], &[(Lambda, &["Spawn"])]].concat(),
            Self::KillAfterMs(_) | Self::DeadlineMs(_) | Self::CloseFrozen => vec![(Lambda, &["Invoke"])],
            Self::Duplicate => vec![(Trigger, &["ObjectCreated", "Message"])],
            Self::OutOfOrder => vec![(Trigger, &["ObjectCreated"])],
        }
    }

    fn fits(self, service: Service, operation: Option<&str>) -> bool {
        let fits = |operations: &[&str]| {
            operations.is_empty() || operation.is_none_or(|operation| operations.contains(&operation))
        };
        self.places().into_iter().any(|(own, operations)| own == service && fits(operations))
    }
}

/// A condition for calls, and a fault.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The function whose calls or invocations match, such as `worker`; without it, all functions match. The operator's own
    /// calls match only with `root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The service; without it, all services that the action applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The operation, such as `TransactWriteItems`; without it, all operations that the action applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Applies from the n-th matching call on, counted from 1 since the rule was added. `times` then defaults to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Applies with this probability, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Maximum number of calls to which the rule applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The fault.
    pub action: Action,
}

impl Rule {
    /// Creates a rule for every call that the action applies to.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            caller: None,
            service: None,
            operation: None,
            nth: None,
            probability: None,
            times: None,
            action,
        }
    }

    /// Returns whether a call matches the rule.
    pub(super) fn matches(&self, caller: &str, service: Service, operation: &str) -> bool {
        let callers = match &self.caller {
            Some(own) => own == caller,
            None => ![ROOT, ANONYMOUS, "unknown"].contains(&caller),
        };
        callers
            && self.service.is_none_or(|own| own == service)
            && self.operation.as_deref().is_none_or(|own| own == operation)
            && self.action.fits(service, Some(operation))
    }

    /// Checks that the rule can match any call.
    ///
    /// # Errors
    /// The rule contradicts itself, or its action does not apply to its service and operation.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(probability) = self.probability {
            ensure!(
                (0.0..=1.0).contains(&probability),
                "a probability must be from 0 to 1, not {probability}"
            );
            ensure!(self.nth.is_none(), "give nth or probability, not both");
        }
        ensure!(self.nth != Some(0), "nth counts from 1");
        let all = [
            Service::DynamoDb,
            Service::S3,
            Service::Sqs,
            Service::EventBridge,
            Service::Lambda,
            Service::Trigger,
        ];
        let operation = self.operation.as_deref();
        let mut asked = all.into_iter().filter(|service| self.service.is_none_or(|own| own == *service));
        if !asked.any(|service| self.action.fits(service, operation)) {
            let place = |(service, operations): (Service, &[&str])| match operations {
                [] => service.name().to_owned(),
                some => format!("{} {}", service.name(), some.join(", ")),
            };
            let places: Vec<_> = self.action.places().into_iter().map(place).collect();
            let action = serde_json::to_string(&self.action)?;
            bail!("{action} does not apply there, only to: {}", places.join("; "));
        }
        Ok(())
    }
}
