//! Events: the transactional outbox of files. An event is an item that is written in the transaction that makes its file terminal,
//! and deleted in the transaction that writes its deliveries.

use std::sync::PoisonError;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use files_domain::{Delivery, DeliveryId, EventKind, EventRef, File, FileEvent, Timestamp, limits};
use serde::{Deserialize, Serialize};

use crate::attribute::{Item, from_item, to_item};
use crate::batch::{self, ByTable};
use crate::deliveries::delivery_to_item;
use crate::error::{corrupt, unavailable};
use crate::item::detail_from_item;
use crate::keys::{detail_sk, due_partition, event_sk, owner_pk, primary_key};
use crate::transact::Refused;
use crate::{Records, RecordsError};

/// The item of an event.
#[derive(Serialize, Deserialize)]
struct EventItem {
    at: Timestamp,
    kind: EventKind,
    file: File,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    due_shard: String,
    due_at: Timestamp,
}

fn event_key(event: EventRef) -> Item {
    primary_key(owner_pk(event.owner), event_sk(event))
}

impl Records {
    /// Returns the events that this process has written since the last call, so that the caller can queue them. `sweep` queues the
    /// others.
    pub fn take_events(&self) -> Vec<EventRef> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records an event that was written.
    pub(crate) fn has_written(&self, event: Option<&FileEvent>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(event.map(FileEvent::reference));
    }

    /// Returns the event of a file's change, if it is one. Reads the detail of a file whose end is an event.
    pub(crate) async fn ending(
        &self,
        before: &File,
        after: &File,
    ) -> Result<Option<FileEvent>, RecordsError> {
        let Some(kind) = after.ending(before) else { return Ok(None) };
        let webhook = self.webhook(after).await?;
        Ok(Some(FileEvent { kind, at: after.updated_at, file: after.clone(), webhook }))
    }

    /// Returns the event of the removal of a file at `now`, if it is one.
    pub(crate) async fn expiry(
        &self,
        file: &File,
        now: Timestamp,
    ) -> Result<Option<FileEvent>, RecordsError> {
        let Some(kind) = file.expiry(now) else { return Ok(None) };
        let webhook = self.webhook(file).await?;
        Ok(Some(FileEvent { kind, at: now, file: file.clone(), webhook }))
    }

    async fn webhook(&self, file: &File) -> Result<Option<String>, RecordsError> {
        let key = primary_key(owner_pk(file.owner), detail_sk(file.id));
        let requested = ByTable::from([(self.table.clone(), vec![key])]);
        let found = batch::read(&self.client, requested).await?.remove(&self.table);
        Ok(detail_from_item(found.and_then(|mut items| items.pop()))?.webhook)
    }

    pub(crate) fn put_event(&self, event: &FileEvent) -> Result<TransactWriteItem, RecordsError> {
        let mut item = to_item(EventItem {
            at: event.at,
            kind: event.kind,
            file: event.file.clone(),
            webhook: event.webhook.clone(),
            due_shard: due_partition(event.file.id),
            due_at: event.at.plus(limits::DELIVERY_GRACE),
        })?;
        item.extend(event_key(event.reference()));
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Reads an event, consistently. `None`: its deliveries are written, or it never existed.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn find_event(&self, event: EventRef) -> Result<Option<FileEvent>, RecordsError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(event_key(event)));
        let found = get.consistent_read(true).send().await.map_err(unavailable)?.item;
        let read = |item| {
            let EventItem { at, kind, file, webhook, .. } = from_item(item)?;
            Ok(FileEvent { kind, at, file, webhook })
        };
        found.map(read).transpose()
    }

    /// Replaces an event by its deliveries, whose first attempts are due immediately. `false`: another worker has done so.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn replace_event(
        &self,
        event: EventRef,
        deliveries: &[(DeliveryId, Delivery)],
    ) -> Result<bool, RecordsError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(event_key(event)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(corrupt)?;
        let mut items = vec![TransactWriteItem::builder().delete(delete).build()];
        for (id, delivery) in deliveries {
            let due_at = delivery.next_at.plus(limits::DELIVERY_GRACE);
            let item = delivery_to_item(event.owner, *id, delivery, due_at)?;
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(corrupt)?;
            items.push(TransactWriteItem::builder().put(put).build());
        }
        match self.transact(items).await {
            Ok(()) => Ok(true),
            Err(Refused::Conditions(_)) => Ok(false),
            Err(Refused::Error(error)) => Err(error),
        }
    }
}
