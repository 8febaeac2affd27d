//! Slots: places of an owner for work that runs at the same time. Each is held until it is released or its time is over, so a
//! process that crashes gives it back.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use files_domain::{OwnerId, Timestamp};

use crate::attribute::{Item, number};
use crate::error::unavailable;
use crate::keys::{owner_pk, primary_key};
use crate::{Records, RecordsError};

/// Attempts for a slot that others take at the same time.
const MAX_ATTEMPTS: u32 = 8;
/// Prefix of the attributes, each of which holds the end of a slot's time.
const SLOT: &str = "slot";

/// The work that a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A run of an import.
    Import,
    /// A preview.
    Preview,
}

impl SlotKind {
    pub(crate) fn sk(self) -> &'static str {
        match self {
            Self::Import => "slots#imports",
            Self::Preview => "slots#previews",
        }
    }
}

/// A slot that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    owner: OwnerId,
    kind: SlotKind,
    index: u64,
    until: Timestamp,
}

impl Records {
    /// Takes one of the `count` slots of an owner for at most `time`. `None`: all are held.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn take_slot(
        &self,
        owner: OwnerId,
        kind: SlotKind,
        count: u64,
        time: Duration,
        now: Timestamp,
    ) -> Result<Option<Slot>, RecordsError> {
        let mut index = fastrand::u64(0..count.max(1));
        for _ in 0..MAX_ATTEMPTS {
            let slot = Slot { owner, kind, index, until: now.plus(time) };
            let Some(held) = self.try_slot(&slot, now).await? else { return Ok(Some(slot)) };
            let free: Vec<_> = (0..count).filter(|index| !held.contains_key(index)).collect();
            match fastrand::choice(free) {
                Some(free) => index = free,
                None => return Ok(None),
            }
        }
        Err(RecordsError::Busy("slots kept changing".into()))
    }

    /// Takes this slot; `Some`: it is held, and so are these.
    async fn try_slot(
        &self,
        slot: &Slot,
        now: Timestamp,
    ) -> Result<Option<BTreeMap<u64, Timestamp>>, RecordsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(slot.owner), slot.kind.sk())))
            .update_expression("SET #slot = :until")
            .condition_expression("attribute_not_exists(#slot) OR #slot <= :now")
            .expression_attribute_names("#slot", format!("{SLOT}{}", slot.index))
            .expression_attribute_values(":until", number(slot.until.millis()))
            .expression_attribute_values(":now", number(now.millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Some(held(failed.item().unwrap_or(&Item::new()), now)))
                }
                _ => Err(unavailable(error)),
            },
        }
    }

    /// Gives a slot back. One whose time is over, and that somebody else holds since, stays as it is.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn release_slot(&self, slot: &Slot) -> Result<(), RecordsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(slot.owner), slot.kind.sk())))
            .update_expression("REMOVE #slot")
            .condition_expression("#slot = :until")
            .expression_attribute_names("#slot", format!("{SLOT}{}", slot.index))
            .expression_attribute_values(":until", number(slot.until.millis()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(unavailable(error)),
            },
        }
    }
}

/// Returns the slots that are held at `now`, by their numbers.
pub(crate) fn held(item: &Item, now: Timestamp) -> BTreeMap<u64, Timestamp> {
    let slots = item.iter().filter_map(|(name, until)| {
        let index = name.strip_prefix(SLOT)?.parse().ok()?;
        let until = Timestamp::from_millis(until.as_n().ok()?.parse().ok()?);
        Some((index, until))
    });
    slots.filter(|(_, until)| *until > now).collect()
}
