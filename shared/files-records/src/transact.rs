use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem, Update};
use files_domain::{File, OwnerId};

use crate::attribute::number;
use crate::error::{corrupt, unavailable};
use crate::keys::{owner_pk, primary_key};
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

    /// Builds the update of the owner's usage by the difference between `before` and `after`; `None` if there is none.
    pub(crate) fn usage_change(
        &self,
        owner: OwnerId,
        before: Option<&File>,
        after: Option<&File>,
    ) -> Result<Option<TransactWriteItem>, RecordsError> {
        let change = |count: fn(&File) -> i128| after.map_or(0, count) - before.map_or(0, count);
        let (files, bytes, imports) = (
            change(|_| 1),
            change(|file| file.reserved_bytes().into()),
            change(|file| file.import().is_some().into()),
        );
        if (files, bytes, imports) == (0, 0, 0) {
            return Ok(None);
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), "usage")))
            .update_expression("ADD stored_files :files, stored_bytes :bytes, imports :imports")
            .expression_attribute_values(":files", number(files))
            .expression_attribute_values(":bytes", number(bytes))
            .expression_attribute_values(":imports", number(imports))
            .build()
            .map_err(corrupt)?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

fn cancellation_reasons<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<&[CancellationReason]> {
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
