//! Slots: leases that bound how much work of a kind runs at the same time. A pool of slots is an item, a slot one of its attributes,
//! which holds the end of the lease. A slot is taken by a conditional write, released by another, and free when its lease has ended,
//! so a process that crashes keeps none. A slot that is taken after a lease has ended has a later end, so the end also identifies the holder.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use files_domain::{OwnerId, Timestamp};

use crate::attribute::{Item, number};
use crate::error::{corrupt, unavailable};
use crate::keys::{owner_pk, primary_key};
use crate::transact::cancellation_reasons;
use crate::{Records, RecordsError};

/// Attempts for a slot that others take at the same time.
const MAX_ATTEMPTS: u32 = 8;
/// Attempts of a request that would wait: it can respond at once instead.
const MAX_WAIT_ATTEMPTS: u32 = 3;
/// Prefix of the attributes.
const SLOT: &str = "slot";
/// Sort key of the pools of waiting requests.
const WAITS_SK: &str = "slots#waits";
/// Partition key of the pools of the whole deployment.
const DEPLOYMENT_PK: &str = "deployment";

/// The work that a slot of an owner is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A run of an import.
    Import,
    /// A preview.
    Preview,
    /// An attempt of a delivery whose receiver is slow.
    SlowDelivery,
}

impl SlotKind {
    pub(crate) fn sk(self) -> &'static str {
        match self {
            Self::Import => "slots#imports",
            Self::Preview => "slots#previews",
            Self::SlowDelivery => "slots#slow-deliveries",
        }
    }
}

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

/// An item with slots.
struct Pool {
    pk: String,
    sk: &'static str,
    count: u64,
}

/// One slot of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    pk: String,
    sk: &'static str,
    index: u64,
}

/// A slot that is held: the lease of one place, or of one place in each of several pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    places: Vec<Place>,
    until: Timestamp,
}

impl Records {
    /// Takes one of the `count` slots of an owner for at most `time`. `None`: all are held. Writes once for each attempt.
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
        let pool = Pool { pk: owner_pk(owner), sk: kind.sk(), count };
        match self.lease(&[pool], MAX_ATTEMPTS, time, now).await? {
            Leased::Slot(slot) => Ok(Some(slot)),
            Leased::AllHeld => Ok(None),
            Leased::Contended => Err(RecordsError::Busy("slots kept changing".into())),
        }
    }

    /// Takes a slot of the owner's and one of the deployment's for a request that waits, by one transaction for each attempt.
    /// `None`: all are held, or too many others take slots at the same time.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn take_wait_slot(
        &self,
        owner: OwnerId,
        slots: WaitSlots,
        now: Timestamp,
        time: Duration,
    ) -> Result<Option<Slot>, RecordsError> {
        let pool = |pk, count: u16| Pool { pk, sk: WAITS_SK, count: count.into() };
        let pools = [pool(owner_pk(owner), slots.owner), pool(DEPLOYMENT_PK.to_owned(), slots.deployment)];
        if pools.iter().any(|pool| pool.count == 0) {
            return Ok(None);
        }
        match self.lease(&pools, MAX_WAIT_ATTEMPTS, time, now).await? {
            Leased::Slot(slot) => Ok(Some(slot)),
            Leased::AllHeld | Leased::Contended => Ok(None),
        }
    }

    /// Releases a slot by one write. Does not change a slot whose lease has ended and that another request has taken.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`]: the slot is free when its lease ends.
    pub async fn release_slot(&self, slot: &Slot) -> Result<(), RecordsError> {
        let release = |place| SlotUpdate {
            place,
            expression: "REMOVE #slot",
            condition: "#slot = :until",
            values: HashMap::from([(":until".to_owned(), number(slot.until.millis()))]),
        };
        match self.update_slots(slot.places.iter().map(release).collect()).await? {
            Updated::Conflict => Err(RecordsError::Busy("others take slots at the same time".into())),
            Updated::All | Updated::Refused(_) => Ok(()),
        }
    }

    /// Takes a place in each of the pools, first at random, then those that are free.
    async fn lease(
        &self,
        pools: &[Pool],
        attempts: u32,
        time: Duration,
        now: Timestamp,
    ) -> Result<Leased, RecordsError> {
        let place = |pool: &Pool| {
            let index = fastrand::u64(0..pool.count.max(1));
            Place { pk: pool.pk.clone(), sk: pool.sk, index }
        };
        let mut slot = Slot { places: pools.iter().map(place).collect(), until: now.plus(time) };
        for _ in 0..attempts {
            let refused = match self.update_slots(slot.taking(now)).await? {
                Updated::All => return Ok(Leased::Slot(slot)),
                Updated::Refused(refused) => refused,
                Updated::Conflict => continue,
            };
            for (pool, item) in refused {
                let Some(index) = free(&item, pools[pool].count, now) else { return Ok(Leased::AllHeld) };
                slot.places[pool].index = index;
            }
        }
        Ok(Leased::Contended)
    }

    /// Carries out updates, all or none: a single one by `UpdateItem`, several by a transaction.
    async fn update_slots(&self, mut updates: Vec<SlotUpdate<'_>>) -> Result<Updated, RecordsError> {
        match updates.pop() {
            Some(update) if updates.is_empty() => self.update_slot(update).await,
            last => self.transact_slots(updates.into_iter().chain(last)).await,
        }
    }

    async fn update_slot(&self, update: SlotUpdate<'_>) -> Result<Updated, RecordsError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(update.key()))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .expression_attribute_names("#slot", update.attribute())
            .set_expression_attribute_values(Some(update.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = call.send().await else { return Ok(Updated::All) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Updated::Refused(vec![(0, failed.item().cloned().unwrap_or_default())]))
            }
            _ => Err(unavailable(error)),
        }
    }

    async fn transact_slots(
        &self,
        updates: impl Iterator<Item = SlotUpdate<'_>>,
    ) -> Result<Updated, RecordsError> {
        let items: Vec<_> =
            updates.map(|update| update.in_transaction(&self.table)).collect::<Result<_, _>>()?;
        let call = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = call.send().await else { return Ok(Updated::All) };
        let Some(reasons) = cancellation_reasons(&error) else { return Err(unavailable(error)) };
        let failed =
            reasons.iter().enumerate().filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
        let refused: Vec<_> =
            failed.map(|(index, reason)| (index, reason.item().cloned().unwrap_or_default())).collect();
        Ok(if refused.is_empty() { Updated::Conflict } else { Updated::Refused(refused) })
    }
}

/// What came of taking a slot.
enum Leased {
    Slot(Slot),
    /// All places of a pool are held.
    AllHeld,
    /// Others were faster in each attempt.
    Contended,
}

/// What came of an update of places.
enum Updated {
    All,
    /// The conditions of these places, by their index, failed: their items.
    Refused(Vec<(usize, Item)>),
    /// Another transaction changes the items at the same time.
    Conflict,
}

impl Slot {
    fn taking(&self, now: Timestamp) -> Vec<SlotUpdate<'_>> {
        let take = |place| SlotUpdate {
            place,
            expression: "SET #slot = :until",
            condition: "attribute_not_exists(#slot) OR #slot <= :now",
            values: HashMap::from([
                (":until".to_owned(), number(self.until.millis())),
                (":now".to_owned(), number(now.millis())),
            ]),
        };
        self.places.iter().map(take).collect()
    }
}

/// A conditional update of a place.
struct SlotUpdate<'a> {
    place: &'a Place,
    expression: &'static str,
    condition: &'static str,
    values: HashMap<String, AttributeValue>,
}

impl SlotUpdate<'_> {
    fn key(&self) -> Item {
        primary_key(&self.place.pk, self.place.sk)
    }

    fn attribute(&self) -> String {
        format!("{SLOT}{}", self.place.index)
    }

    fn in_transaction(self, table: &str) -> Result<TransactWriteItem, RecordsError> {
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(self.key()))
            .update_expression(self.expression)
            .condition_expression(self.condition)
            .expression_attribute_names("#slot", self.attribute())
            .set_expression_attribute_values(Some(self.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().update(update.build().map_err(corrupt)?).build())
    }
}

/// Returns the slots of a pool that are held at `now`, by their indexes, with the ends of their leases.
pub(crate) fn held(item: &Item, now: Timestamp) -> BTreeMap<u64, Timestamp> {
    let slots = item.iter().filter_map(|(name, until)| {
        let index = name.strip_prefix(SLOT)?.parse().ok()?;
        let until = Timestamp::from_millis(until.as_n().ok()?.parse().ok()?);
        Some((index, until))
    });
    slots.filter(|(_, until)| *until > now).collect()
}

/// Returns one of the `count` slots of a pool that is free at `now`; `None`: all are held.
fn free(item: &Item, count: u64, now: Timestamp) -> Option<u64> {
    let held = held(item, now);
    fastrand::choice((0..count).filter(|index| !held.contains_key(index)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_takes_at_most_half_of_the_waits_and_at_least_one() {
        for (deployment, owner) in [(0, 0), (1, 1), (2, 1), (3, 2), (100, 50)] {
            assert_eq!(WaitSlots::of_deployment(deployment), WaitSlots { deployment, owner });
        }
    }

    #[test]
    fn a_slot_is_free_when_its_lease_has_ended() {
        let now = Timestamp::from_millis(1_767_323_045_678);
        let item = Item::from([
            ("slot0".to_owned(), number(now.millis() + 1)),
            ("slot1".to_owned(), number(now.millis())),
            ("slot2".to_owned(), number(now.millis() + 1)),
            ("pk".to_owned(), AttributeValue::S("owner#x".to_owned())),
        ]);
        assert_eq!(held(&item, now).into_keys().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(free(&item, 3, now), Some(1));
        assert_eq!(free(&item, 1, now), None);
        assert_eq!(free(&Item::new(), 1, now), Some(0));
        assert_eq!(free(&Item::new(), 0, now), None);
    }
}
