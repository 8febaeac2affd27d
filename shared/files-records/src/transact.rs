use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::error::unavailable;
use crate::{Records, RecordsError};

/// How long a transaction is retried that conflicts with others.
const MAX_CONTENTION: Duration = Duration::from_secs(5);

/// Why DynamoDB did not carry out a transaction.
pub(crate) enum Refused {
    /// Conditions failed; one entry per item, in the order of the items.
    Conditions(Vec<CancellationReason>),
    /// Another error.
    Error(RecordsError),
}

impl Records {
    /// Carries out a transaction. Conflicts on an item, such as the owner's usage, are retried with full jitter for at most
    /// 5 s.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Refused> {
        let started = Instant::now();
        let mut pause_millis = 20;
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let error = match call.send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            match cancellation_reasons(&error) {
                Some(reasons) if failed(reasons, "ConditionalCheckFailed") => {
                    return Err(Refused::Conditions(reasons.to_vec()));
                }
                Some(reasons) if !is_contention(reasons) => {
                    return Err(Refused::Error(RecordsError::Unavailable(error.into())));
                }
                Some(_) if started.elapsed() < MAX_CONTENTION => {
                    let jitter = Duration::from_millis(fastrand::u64(1..=pause_millis));
                    tokio::time::sleep(jitter).await; // backoff
                    pause_millis = (pause_millis * 2).min(1_000);
                }
                Some(_) => return Err(Refused::Error(RecordsError::Busy(error.into()))),
                None => return Err(Refused::Error(unavailable(error))),
            }
        }
    }
}

/// Returns why a transaction was cancelled; `None`: another error.
pub(crate) fn cancellation_reasons<R>(
    error: &SdkError<TransactWriteItemsError, R>,
) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            Some(canceled.cancellation_reasons())
        }
        _ => None,
    }
}

/// Returns whether all reasons of a cancellation are transient.
fn is_contention(reasons: &[CancellationReason]) -> bool {
    const TRANSIENT: [&str; 4] =
        ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reasons.iter().all(|reason| reason.code().is_none_or(|code| TRANSIENT.contains(&code)))
}

fn failed(reasons: &[CancellationReason], code: &str) -> bool {
    reasons.iter().any(|reason| reason.code() == Some(code))
}

/// Returns whether the condition of the item at `index` failed.
pub(crate) fn condition_failed(reasons: &[CancellationReason], index: usize) -> bool {
    reasons.get(index).is_some_and(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
