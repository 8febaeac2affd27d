//! The sparse index of deadlines. It has several partitions, so that none is hot.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{DeliveryId, EventRef, File, FileId, OwnerId, Timestamp, Unfinished};
use serde::{Deserialize, Serialize};

use crate::attribute::{Item, from_item, number, text};
use crate::error::unavailable;
use crate::keys::{
    DELIVERY_PREFIX, FILE_PREFIX, REMOVED_PREFIX, delivery_sk, due_partition, due_shard, event_ref, event_sk,
    ids, owner_pk, primary_key, removed_sk,
};
use crate::{Records, RecordsError};

/// How long `sweep` waits after sending a message before it sends another.
const RESEND_DELAY: Duration = Duration::from_secs(15 * 60);

/// The removal entry of a deleted file, which exists until its bytes are deleted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemovedItem {
    pk: String,
    sk: String,
    due_shard: String,
    due_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stored_streams: Option<usize>,
}

impl RemovedItem {
    pub(crate) fn new(file: &File, now: Timestamp) -> Self {
        let Unfinished { upload_id, stored_streams } = Unfinished::of(file);
        Self {
            pk: owner_pk(file.owner),
            sk: removed_sk(file.id),
            due_shard: due_partition(file.id),
            due_at: file.removal_due(now),
            upload_id,
            stored_streams,
        }
    }
}

/// The oldest due entries of one partition of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueItems {
    /// The entries, oldest first.
    pub items: Vec<DueItem>,
    /// Deadline of the oldest entry, even if the entry is unreadable; `None` if there is none.
    pub oldest: Option<Timestamp>,
}

/// An entry of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueItem {
    /// The owner.
    pub owner: OwnerId,
    /// The work whose deadline has passed.
    pub what: ScheduledWork,
}

/// The work whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduledWork {
    /// Work on a file, as its state requires.
    File(FileId),
    /// The deletion of the bytes of a removed file.
    Removed(FileId),
    /// The deliveries of an event.
    Event(EventRef),
    /// The next attempt of a delivery.
    Delivery(DeliveryId),
}

impl ScheduledWork {
    /// Returns the file of the work.
    #[must_use]
    pub fn file(self) -> FileId {
        match self {
            Self::File(id) | Self::Removed(id) => id,
            Self::Event(event) => event.file,
            Self::Delivery(delivery) => delivery.file,
        }
    }
}

#[derive(Deserialize)]
struct IndexEntry {
    pk: String,
    sk: String,
}

impl Records {
    /// Reads the due entries at `now` from one partition of the index, at most `limit`, oldest first, by one query per megabyte. The
    /// index is eventually consistent, so the caller has to read the record.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn due(&self, shard: u8, now: Timestamp, limit: u32) -> Result<DueItems, RecordsError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", text(due_shard(shard)))
            .expression_attribute_values(":now", number(now.millis()));
        let (mut due, mut left, mut position) = (DueItems::default(), limit, None);
        loop {
            let page = query.clone().limit(i32::try_from(left).unwrap_or(i32::MAX));
            let page = page.set_exclusive_start_key(position).send().await.map_err(unavailable)?;
            let entries = page.items.unwrap_or_default();
            let oldest = || entries.first().and_then(|entry| millis(entry.get("due_at")?));
            due.oldest = due.oldest.or_else(oldest);
            left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
            due.items.extend(entries.into_iter().filter_map(due_item));
            position = page.last_evaluated_key;
            if position.is_none() || left == 0 {
                return Ok(due);
            }
        }
    }

    /// Postpones the deadline of an event, before its message is sent again. `false`: the deadline is later or was removed.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn postpone_event(&self, event: EventRef, now: Timestamp) -> Result<bool, RecordsError> {
        let key = primary_key(owner_pk(event.owner), event_sk(event));
        self.postpone(key, now.plus(RESEND_DELAY), now).await
    }

    /// Postpones the deadline of a delivery, before its message is sent again. `false`: the deadline is later or was removed.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn postpone_delivery(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        let key = primary_key(owner_pk(owner), delivery_sk(id));
        self.postpone(key, now.plus(RESEND_DELAY), now).await
    }

    /// Returns what S3 may have of a deleted file that was not complete.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]: the deletion is finished. [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn removed_file(&self, owner: OwnerId, id: FileId) -> Result<Unfinished, RecordsError> {
        let key = primary_key(owner_pk(owner), removed_sk(id));
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let item = get.send().await.map_err(unavailable)?.item.ok_or(RecordsError::NotFound)?;
        let RemovedItem { upload_id, stored_streams, .. } = from_item(item)?;
        Ok(Unfinished { upload_id, stored_streams })
    }

    /// Returns whether a deleted file has a removal entry, so that its object is still to be deleted.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`]: DynamoDB failed.
    pub async fn is_being_removed(&self, owner: OwnerId, id: FileId) -> Result<bool, RecordsError> {
        match self.removed_file(owner, id).await {
            Ok(_) => Ok(true),
            Err(RecordsError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn millis(value: &AttributeValue) -> Option<Timestamp> {
    value.as_n().ok()?.parse().ok().map(Timestamp::from_millis)
}

/// Reads an entry of the index. Logs and skips an entry that this version cannot read.
fn due_item(item: Item) -> Option<DueItem> {
    let entry: IndexEntry = from_item(item).ok()?;
    let found = scheduled_work(&entry.pk, &entry.sk);
    if found.is_none() {
        tracing::error!(pk = entry.pk, sk = entry.sk, "unreadable entry in the index of deadlines");
    }
    found.map(|(owner, what)| DueItem { owner, what })
}

fn scheduled_work(pk: &str, sk: &str) -> Option<(OwnerId, ScheduledWork)> {
    let file = || ids(pk, sk, FILE_PREFIX).map(|(owner, id)| (owner, ScheduledWork::File(id)));
    let removed = || ids(pk, sk, REMOVED_PREFIX).map(|(owner, id)| (owner, ScheduledWork::Removed(id)));
    let event = || event_ref(pk, sk).map(|event| (event.owner, ScheduledWork::Event(event)));
    let delivery = || ids(pk, sk, DELIVERY_PREFIX).map(|(owner, id)| (owner, ScheduledWork::Delivery(id)));
    file().or_else(removed).or_else(event).or_else(delivery)
}
