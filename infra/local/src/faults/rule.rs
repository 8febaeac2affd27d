//! One rule: when a fault strikes, and which.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::access::ANONYMOUS;
use crate::identity::ROOT;

/// What a rule is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Calls of DynamoDB.
    DynamoDb,
    /// Calls of S3, presigned ones too: those are the signing function's.
    S3,
    /// Calls of SQS.
    Sqs,
    /// `Invoke` and `Spawn` of a function's processes.
    Lambda,
    /// What invokes a function without being called: `ObjectCreated`, `Message`, `Asynchronous`.
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
            Self::Lambda => "lambda",
            Self::Trigger => "trigger",
        }
    }
}

/// An error that a service responds with before it carries anything out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// DynamoDB: `TransactionCanceledException` with a `TransactionConflict`; without a transaction
    /// `TransactionConflictException`.
    TransactionConflict,
    /// DynamoDB `ThrottlingException`, S3 503 `SlowDown`, SQS `RequestThrottled`, Lambda 429.
    Throttling,
    /// DynamoDB `ProvisionedThroughputExceededException`.
    ThroughputExceeded,
    /// DynamoDB 500 `InternalServerError`, S3 500 `InternalError`, SQS 500 `InternalFailure`, a failed invocation.
    Internal,
    /// S3 409 `ConditionalRequestConflict`.
    Conflict,
}

/// What happens to a call or an invocation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An error, and nothing is carried out.
    Error(ErrorKind),
    /// S3 responds with 200 to a completion, and then with an error in the body; nothing is carried out.
    #[serde(rename = "error_in_200")]
    ErrorIn200,
    /// The connection is cut, and nothing is carried out.
    Cut,
    /// Everything is carried out, and no response comes. For a trigger: its success is forgotten.
    LoseAnswer,
    /// Everything is carried out, and the connection is cut in the middle of the response.
    CutAnswer,
    /// The call gets its response, and its connection is dead for the next one.
    CloseIdle,
    /// So many milliseconds later: of the machine's clock for calls, of [`crate::clock`] for triggers.
    DelayMs(u64),
    /// BatchGetItem reads so many keys, and gives the others back as `UnprocessedKeys`.
    UnprocessedAfter(usize),
    /// A read that asks for no consistency sees what was so this many milliseconds ago, by [`crate::clock`].
    StaleMs(u64),
    /// The process that calls is killed, and nothing is carried out. Of `Spawn`: before it takes its event.
    KillBefore,
    /// Everything is carried out, and the process that calls is killed.
    KillAfter,
    /// The process is killed so many milliseconds after it took its event.
    KillAfterMs(u64),
    /// The invocation has this time instead of its function's timeout.
    DeadlineMs(u64),
    /// The connections to the services that the process has kept are closed before it is woken for the event.
    CloseFrozen,
    /// The event comes twice, at the same time.
    Duplicate,
    /// The event comes after a later one, or after five seconds if there is none.
    OutOfOrder,
}

const WRITES: &[&str] = &["TransactWriteItems", "TransactGetItems", "PutItem", "UpdateItem", "DeleteItem"];
const READS: &[&str] = &["Query", "Scan", "GetItem", "BatchGetItem"];
const CONDITIONAL: &[&str] = &["PutObject", "CompleteMultipartUpload", "CopyObject"];

/// A service and its operations; none named stands for all.
type Place = (Service, &'static [&'static str]);

const CALLS: [Place; 3] = [(Service::DynamoDb, &[]), (Service::S3, &[]), (Service::Sqs, &[])];

impl Action {
    /// Returns the services and operations at which this can happen.
    fn places(self) -> Vec<Place> {
        use Service::{DynamoDb, Lambda, S3, Trigger};
        match self {
            Self::Error(ErrorKind::TransactionConflict) => vec![(DynamoDb, WRITES)],
            Self::Error(ErrorKind::ThroughputExceeded) => vec![(DynamoDb, &[])],
            Self::Error(ErrorKind::Conflict) => vec![(S3, CONDITIONAL)],
            Self::Error(ErrorKind::Throttling | ErrorKind::Internal) => {
                [&CALLS[..], &[(Lambda, &["Invoke"])]].concat()
            }
            Self::ErrorIn200 => vec![(S3, &["CompleteMultipartUpload", "CopyObject"])],
            Self::Cut | Self::CutAnswer | Self::CloseIdle | Self::KillAfter => CALLS.to_vec(),
            Self::LoseAnswer => [&CALLS[..], &[(Trigger, &["Message", "Asynchronous"])]].concat(),
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

/// When something happens, and what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The function whose calls or invocations it is about, such as `worker`; without it, all functions. The
    /// operator's own calls need `root` here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The service; without it, all that the action fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The operation, such as `TransactWriteItems`; without it, all that the action fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// From the n-th matching call on, counted from one since the rule is there; then `times` is 1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// By chance, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// At most so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub action: Action,
}

impl Rule {
    /// Makes a rule for every call that the action fits.
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

    /// Returns whether the rule is about a call.
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

    /// Checks that the rule can strike at all.
    ///
    /// # Errors
    /// It cannot; the error says why.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(probability) = self.probability {
            ensure!((0.0..=1.0).contains(&probability), "a probability is 0 to 1, not {probability}");
            ensure!(self.nth.is_none(), "give nth or probability, not both");
        }
        ensure!(self.nth != Some(0), "nth counts from 1");
        let all = [Service::DynamoDb, Service::S3, Service::Sqs, Service::Lambda, Service::Trigger];
        let operation = self.operation.as_deref();
        let mut asked = all.into_iter().filter(|service| self.service.is_none_or(|own| own == *service));
        if !asked.any(|service| self.action.fits(service, operation)) {
            let place = |(service, operations): (Service, &[&str])| match operations {
                [] => service.name().to_owned(),
                some => format!("{} {}", service.name(), some.join(", ")),
            };
            let places: Vec<_> = self.action.places().into_iter().map(place).collect();
            let action = serde_json::to_string(&self.action)?;
            bail!("{action} cannot happen there, only to: {}", places.join("; "));
        }
        Ok(())
    }
}
