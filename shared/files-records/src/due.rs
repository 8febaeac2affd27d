//! The sparse index of deadlines, over several partitions so that none is hot.

use aws_sdk_dynamodb::types::AttributeValue;
use files_domain::{File, FileId, OwnerId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attribute::{Item, from_item, number, text};
use crate::error::unavailable;
use crate::keys::{
    FILE_PREFIX, REMOVED_PREFIX, due_partition, due_shard, ids, owner_pk, primary_key, removed_sk,
};
use crate::{Records, RecordsError};

/// The entry that a removed file leaves until its bytes are deleted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemovedItem {
    pk: String,
    sk: String,
    due_shard: String,
    due_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_id: Option<String>,
}

impl RemovedItem {
    pub(crate) fn new(file: &File, now: Timestamp) -> Self {
        Self {
            pk: owner_pk(file.owner),
            sk: removed_sk(file.id),
            due_shard: due_partition(file.id),
            due_at: file.removal_due(now),
            upload_id: file.state.upload_id().map(str::to_owned),
        }
    }
}

/// The oldest entries of one partition of the index that are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueItems {
    /// The entries, oldest first.
    pub items: Vec<DueItem>,
    /// Deadline of the oldest entry, even if it cannot be read; `None` if there is none.
    pub oldest: Option<Timestamp>,
}

/// An entry of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueItem {
    /// The owner of the file.
    pub owner: OwnerId,
    /// The file.
    pub id: FileId,
    /// What is due.
    pub what: DueWhat,
}

/// What is due for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueWhat {
    /// What its state asks for.
    File,
    /// The deletion of the bytes of a removed file.
    Removed,
}

#[derive(Deserialize)]
struct IndexEntry {
    pk: String,
    sk: String,
}

impl Records {
    /// Reads what is due at `now` from one partition of the index, at most `limit` entries, oldest first. The index may lag, so
    /// the record decides.
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
            .expression_attribute_values(":now", number(now.millis()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(unavailable)?;
        let entries = answer.items.unwrap_or_default();
        let oldest = entries.first().and_then(|entry| millis(entry.get("due_at")?));
        Ok(DueItems { items: entries.into_iter().filter_map(due_item).collect(), oldest })
    }

    /// Returns the unfinished upload of a removed file.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]: the deletion is finished. [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn removed_upload(&self, owner: OwnerId, id: FileId) -> Result<Option<String>, RecordsError> {
        let key = primary_key(owner_pk(owner), removed_sk(id));
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let item = get.send().await.map_err(unavailable)?.item.ok_or(RecordsError::NotFound)?;
        Ok(item.get("upload_id").and_then(|id: &AttributeValue| id.as_s().ok()).cloned())
    }

    /// Returns whether a deleted file's object is still to be deleted.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`]: DynamoDB failed.
    pub async fn is_being_removed(&self, owner: OwnerId, id: FileId) -> Result<bool, RecordsError> {
        match self.removed_upload(owner, id).await {
            Ok(_) => Ok(true),
            Err(RecordsError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn millis(value: &AttributeValue) -> Option<Timestamp> {
    value.as_n().ok()?.parse().ok().map(Timestamp::from_millis)
}

/// Reads an entry of the index. One that this version cannot read is logged and left.
fn due_item(item: Item) -> Option<DueItem> {
    let entry: IndexEntry = from_item(item).ok()?;
    let file = ids(&entry.pk, &entry.sk, FILE_PREFIX).map(|ids| (ids, DueWhat::File));
    let removed = || ids(&entry.pk, &entry.sk, REMOVED_PREFIX).map(|ids| (ids, DueWhat::Removed));
    let found = file.or_else(removed);
    if found.is_none() {
        tracing::error!(pk = entry.pk, sk = entry.sk, "an entry of the index of deadlines cannot be read");
    }
    found.map(|((owner, id), what)| DueItem { owner, id, what })
}
