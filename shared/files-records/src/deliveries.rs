//! Deliveries of events to webhook endpoints. A pending delivery has its next attempt as a deadline in the index `due`. Deliveries
//! that are pending or undelivered are in the index `status`.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use files_domain::{Caller, Delivery, DeliveryId, DeliveryStatus, FileId, OwnerId, Timestamp, limits};

use crate::attribute::{Item, from_item, number, text, to_item};
use crate::error::{corrupt, unavailable};
use crate::keys::{DELIVERY_PREFIX, delivery_sk, due_partition, owner_pk, primary_key};
use crate::{ClientRecords, Records, RecordsError};

/// How early a message may arrive: SQS delays by whole seconds.
const EARLY_TOLERANCE: Duration = Duration::from_secs(1);

/// Filters of a list of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Deliveries of this file.
    pub file: Option<FileId>,
    /// Deliveries with this status.
    pub status: Option<DeliveryStatus>,
}

/// A page of deliveries, sorted by file, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<(DeliveryId, Delivery)>,
    /// The last delivery that was read, if there may be more.
    pub next: Option<DeliveryId>,
}

/// Builds the item of a delivery. `due_at` is its deadline while it is pending.
pub(crate) fn delivery_to_item(
    owner: OwnerId,
    id: DeliveryId,
    delivery: &Delivery,
    due_at: Timestamp,
) -> Result<Item, RecordsError> {
    let mut item = to_item(delivery)?;
    item.extend(primary_key(owner_pk(owner), delivery_sk(id)));
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    if delivery.status == DeliveryStatus::Pending {
        set("due_shard", text(due_partition(id.file)));
        set("due_at", number(due_at.millis()));
    } else {
        let end = delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.at);
        set("ttl", number(end.max(delivery.created_at).plus(limits::DELIVERY_RETENTION).seconds()));
    }
    if let Some(partition) = status_partition(owner, delivery.status) {
        set("owner_status", text(partition));
    }
    Ok(item)
}

/// Returns the partition of a delivery in the index `status`; `None` for delivered ones, which are not in it.
fn status_partition(owner: OwnerId, status: DeliveryStatus) -> Option<String> {
    (status != DeliveryStatus::Delivered).then(|| format!("{}#delivery-{status}", owner_pk(owner)))
}

impl Records {
    /// Takes the lease of a delivery whose next attempt is due, with a generation that fences every earlier worker. `None`: no attempt
    /// is due, or another worker has the lease.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn claim_delivery(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<Delivery>, RecordsError> {
        let lease_until = now.plus(limits::DELIVERY_LEASE);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(primary_key(owner_pk(owner), delivery_sk(id))))
            .update_expression("SET lease_until = :lease, due_at = :due ADD generation :one")
            .condition_expression(
                "#status = :pending AND next_at <= :soon AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", text(DeliveryStatus::Pending.as_str()))
            .expression_attribute_values(":soon", number(now.plus(EARLY_TOLERANCE).millis()))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":lease", number(lease_until.millis()))
            .expression_attribute_values(":due", number(lease_until.plus(limits::DELIVERY_GRACE).millis()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(output) => output.attributes.map(from_item).transpose(),
            Err(error) if is_refused_update(&error) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Writes a delivery that this worker has claimed, and releases the lease. While it is pending, `sweep` sends a message at
    /// `due_at`.
    ///
    /// # Errors
    /// [`RecordsError::Changed`]: another worker has claimed it, or its owner requested it again. [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn save_delivery(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        delivery: &Delivery,
        due_at: Timestamp,
    ) -> Result<(), RecordsError> {
        self.put_delivery(owner, id, delivery, due_at, delivery.generation).await
    }

    async fn put_delivery(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        delivery: &Delivery,
        due_at: Timestamp,
        seen: u64,
    ) -> Result<(), RecordsError> {
        let item = delivery_to_item(owner, id, delivery, due_at)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("generation = :seen")
            .expression_attribute_values(":seen", number(seen));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_refused_put(&error) => Err(RecordsError::Changed),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Postpones the deadline of an event or a delivery, before `sweep` sends its message. `false`: the deadline is later or was
    /// removed.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub(crate) async fn postpone(
        &self,
        key: Item,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET due_at = :until")
            .condition_expression("attribute_exists(due_shard) AND due_at <= :now")
            .expression_attribute_values(":until", number(until.millis()))
            .expression_attribute_values(":now", number(now.millis()));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused_update(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}

impl ClientRecords {
    /// Reads one page of an owner's deliveries by one query of at most `limit` items, after checking the key.
    ///
    /// # Errors
    /// [`RecordsError::Key`], [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn list_deliveries(
        &self,
        caller: &Caller,
        filter: DeliveryFilter,
        limit: u32,
        after: Option<DeliveryId>,
    ) -> Result<DeliveryPage, RecordsError> {
        self.keys().check(caller).await?;
        self.unchecked().query_deliveries(caller.owner(), filter, limit, after).await
    }

    /// Restarts a delivery: its first attempt is due immediately. Returns the new state.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::NotFound`]; [`RecordsError::Changed`]: a worker has the lease;
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn redeliver(&self, caller: &Caller, id: DeliveryId) -> Result<Delivery, RecordsError> {
        self.keys().check_now(caller).await?;
        let (records, owner) = (self.unchecked(), caller.owner());
        let key = primary_key(owner_pk(owner), delivery_sk(id));
        let get = records.client.get_item().table_name(&records.table).set_key(Some(key));
        let found = get.consistent_read(true).send().await.map_err(unavailable)?.item;
        let before: Delivery = from_item(found.ok_or(RecordsError::NotFound)?)?;
        let again = Delivery { generation: before.generation + 1, ..before.clone().redelivered(caller.now) };
        let due_at = caller.now.plus(limits::DELIVERY_GRACE);
        records.put_delivery(owner, id, &again, due_at, before.generation).await?;
        Ok(again)
    }
}

impl Records {
    async fn query_deliveries(
        &self,
        owner: OwnerId,
        filter: DeliveryFilter,
        limit: u32,
        after: Option<DeliveryId>,
    ) -> Result<DeliveryPage, RecordsError> {
        let indexed = filter.status.and_then(|status| status_partition(owner, status));
        let attribute = if indexed.is_some() { "owner_status" } else { "pk" };
        let index = indexed.is_some().then(|| "status".to_owned());
        let partition = indexed.unwrap_or_else(|| owner_pk(owner));
        let of_file = filter.file.map(|file| format!("{file}_")).unwrap_or_default();
        let start = after.map(|id| {
            let mut key = primary_key(owner_pk(owner), delivery_sk(id));
            key.insert(attribute.to_owned(), text(&partition));
            key
        });
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(index)
            .key_condition_expression("#partition = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_names("#partition", attribute)
            .expression_attribute_values(":partition", text(&partition))
            .expression_attribute_values(":prefix", text(format!("{DELIVERY_PREFIX}{of_file}")))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        let output = query.send().await.map_err(unavailable)?;
        let items = output.items.unwrap_or_default();
        let mut deliveries = items.into_iter().map(delivery_from_item).collect::<Result<Vec<_>, _>>()?;
        deliveries.retain(|(_, delivery)| filter.status.is_none_or(|status| delivery.status == status));
        let next = output.last_evaluated_key.as_ref().map(delivery_id).transpose()?;
        Ok(DeliveryPage { deliveries, next })
    }
}

fn delivery_from_item(item: Item) -> Result<(DeliveryId, Delivery), RecordsError> {
    Ok((delivery_id(&item)?, from_item(item)?))
}

fn delivery_id(item: &Item) -> Result<DeliveryId, RecordsError> {
    let sk = item.get("sk").and_then(|sk: &AttributeValue| sk.as_s().ok());
    let id = sk.and_then(|sk| sk.strip_prefix(DELIVERY_PREFIX)?.parse().ok());
    id.ok_or_else(|| corrupt("not a delivery"))
}

pub(crate) fn is_refused_update<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

pub(crate) fn is_refused_put<R>(error: &SdkError<PutItemError, R>) -> bool {
    error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception)
}

#[cfg(test)]
mod tests {
    use files_domain::{Attempt, EndpointId, EventKind};

    use super::*;

    #[test]
    fn a_delivery_is_due_while_it_is_pending_and_then_kept_for_30_days() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1_000);
        let owner = OwnerId::named("press");
        let id =
            DeliveryId { file: FileId::new(at(1)), kind: EventKind::Failed, endpoint: EndpointId::Default };
        let pending = Delivery::new("https://a.example/".to_owned(), "{}".to_owned(), at(1));
        let item = delivery_to_item(owner, id, &pending, at(2)).unwrap();
        assert_eq!((item.get("due_at"), item.get("ttl")), (Some(&number(2_000)), None));
        assert!(item.contains_key("owner_status"));

        let attempt = |status| Attempt { at: at(300_000), duration_ms: 1, status: Some(status), error: None };
        for (status, is_listed) in [(204, false), (410, true)] {
            let ended = pending.clone().attempted(attempt(status), None, 0.0, at(300_001));
            let item = delivery_to_item(owner, id, &ended, at(2)).unwrap();
            assert_eq!((item.get("due_at"), item.get("due_shard")), (None, None));
            assert_eq!(item.get("ttl"), Some(&number(300_000 + 30 * 24 * 3600)));
            assert_eq!(item.contains_key("owner_status"), is_listed);
        }
    }
}
