//! Slots of requests that wait: each takes one of its owner's and one of the deployment's, and gives both back. A slot that is
//! not given back is free again when its lease ends, so that a process that dies keeps none.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use files_domain::{OwnerId, Timestamp};

use crate::attribute::{Item, text};
use crate::error::corrupt;
use crate::keys::{owner_pk, primary_key};
use crate::{Records, RecordsError};

/// Attempts to take a slot, since others take slots at the same time.
const MAX_ATTEMPTS: usize = 3;

/// How many requests may wait at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitSlots {
    /// Of all owners together. With 0, no request waits.
    pub deployment: u16,
    /// Of one owner.
    pub owner: u16,
}

impl WaitSlots {
    /// Returns the slots of a deployment of which each owner may take half, rounded up, so that no owner takes all.
    #[must_use]
    pub fn of_deployment(deployment: u16) -> Self {
        Self { deployment, owner: deployment.div_ceil(2) }
    }
}

/// A slot that was taken.
#[derive(Debug)]
pub struct WaitSlot {
    owner: OwnerId,
    /// The attributes of the owner's and of the deployment's item.
    names: [String; 2],
    /// What both hold: the end of the lease, and what tells this slot from one taken later.
    mine: String,
}

impl Records {
    /// Takes a slot until `until`, by one transaction, or by up to three if others take the same slots. `None`: all are taken,
    /// or too many others try.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`]: DynamoDB failed.
    pub async fn take_wait_slot(
        &self,
        owner: OwnerId,
        slots: WaitSlots,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<WaitSlot>, RecordsError> {
        let limits = [slots.owner, slots.deployment];
        if limits.contains(&0) {
            return Ok(None);
        }
        let mut names = limits.map(|limit| slot_name(fastrand::u16(0..limit)));
        let mine = format!("{}#{:016x}", lease_text(now.plus(lease)), fastrand::u64(..));
        for _ in 0..MAX_ATTEMPTS {
            let slot = WaitSlot { owner, names: names.clone(), mine: mine.clone() };
            let call = self.client.transact_write_items().set_transact_items(Some(self.taking(&slot, now)?));
            let Err(error) = call.send().await else { return Ok(Some(slot)) };
            let Some(reasons) = reasons(&error) else {
                return Err(RecordsError::Unavailable(error.into()));
            };
            for ((name, limit), reason) in names.iter_mut().zip(limits).zip(reasons) {
                if reason.code() == Some("ConditionalCheckFailed") {
                    let Some(free) = free_slot(reason.item(), limit, now) else { return Ok(None) };
                    *name = free;
                }
            }
        }
        Ok(None)
    }

    /// Gives a slot back. If that fails, it is free when its lease ends.
    ///
    /// # Errors
    /// [`RecordsError::Busy`]: DynamoDB failed, or others take slots at the same time.
    pub async fn release_wait_slot(&self, slot: &WaitSlot) -> Result<(), RecordsError> {
        let items = (0..2).map(|item| {
            let update = self.slot_update(slot, item).update_expression("REMOVE #slot");
            built(update.condition_expression("#slot = :mine"))
        });
        let call = self.client.transact_write_items();
        let call = call.set_transact_items(Some(items.collect::<Result<_, _>>()?));
        call.send().await.map(drop).map_err(|error| RecordsError::Busy(error.into()))
    }

    fn taking(&self, slot: &WaitSlot, now: Timestamp) -> Result<Vec<TransactWriteItem>, RecordsError> {
        let take = |item| {
            let update = self
                .slot_update(slot, item)
                .update_expression("SET #slot = :mine")
                .condition_expression("attribute_not_exists(#slot) OR #slot < :now")
                .expression_attribute_values(":now", text(lease_text(now)))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            built(update)
        };
        (0..2).map(take).collect()
    }

    fn slot_update(&self, slot: &WaitSlot, item: usize) -> UpdateBuilder {
        let pk = if item == 0 { owner_pk(slot.owner) } else { "deployment".to_owned() };
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(primary_key(pk, "waits")))
            .expression_attribute_names("#slot", &slot.names[item])
            .expression_attribute_values(":mine", text(&slot.mine))
    }
}

fn built(update: UpdateBuilder) -> Result<TransactWriteItem, RecordsError> {
    Ok(TransactWriteItem::builder().update(update.build().map_err(corrupt)?).build())
}

fn slot_name(number: u16) -> String {
    format!("slot{number}")
}

/// Returns a moment as a text that sorts by time.
fn lease_text(moment: Timestamp) -> String {
    format!("{:015}", moment.millis())
}

/// Returns the first slot of an item that is free at `now`; `None`: all are taken.
fn free_slot(item: Option<&Item>, limit: u16, now: Timestamp) -> Option<String> {
    let (none, now) = (HashMap::new(), lease_text(now));
    let item = item.unwrap_or(&none);
    let is_free = |name: &String| {
        let taken = item.get(name).and_then(|value| value.as_s().ok());
        taken.is_none_or(|until| *until < now)
    };
    let start = fastrand::u16(0..limit);
    (0..limit).map(|step| slot_name((start + step) % limit)).find(is_free)
}

/// Returns why a transaction was cancelled; `None`: another error.
fn reasons<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            Some(canceled.cancellation_reasons())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_takes_at_most_half_and_at_least_one() {
        for (deployment, owner) in [(0, 0), (1, 1), (2, 1), (3, 2), (100, 50)] {
            assert_eq!(WaitSlots::of_deployment(deployment), WaitSlots { deployment, owner });
        }
    }

    #[test]
    fn a_slot_is_free_when_its_lease_has_ended() {
        let now = Timestamp::from_millis(1_767_323_045_678);
        let at = |millis| text(format!("{}#x", lease_text(Timestamp::from_millis(millis))));
        let item = Item::from([
            ("slot0".to_owned(), at(now.millis() + 1)),
            ("slot1".to_owned(), at(now.millis() - 1)),
            ("slot2".to_owned(), at(now.millis() + 1)),
        ]);
        assert_eq!(free_slot(Some(&item), 3, now).as_deref(), Some("slot1"));
        assert_eq!(free_slot(Some(&item), 1, now), None);
        assert!(free_slot(None, 1, now).is_some());
    }
}
