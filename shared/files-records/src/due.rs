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

/// What remains of a removed file until its bytes are deleted.
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

/// The oldest of what is due in one partition of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueItems {
    /// Oldest first.
    pub items: Vec<DueItem>,
    /// Since when the oldest entry is due, one that cannot be read included; `None` if there is none.
    pub oldest: Option<Timestamp>,
}

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueItem {
    /// Whose file.
    pub owner: OwnerId,
    /// Which file.
    pub id: FileId,
    /// What of it.
    pub what: DueWhat,
}

/// What is due of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueWhat {
    /// What its record says.
    File,
    /// The deletion of its bytes: the record is gone.
    Removed,
}

#[derive(Deserialize)]
struct IndexEntry {
    pk: String,
    sk: String,
}

impl Records {
    /// What is due at `now` in one partition of the index, oldest first, at most `limit`. The index may lag, so each
    /// entry is only a hint to look at the record.
    ///
    /// # Errors
    /// The index cannot be read.
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

    /// The unfinished upload of a removed file, if it is still to be cleaned up.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]: nothing is left to do.
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

/// What an entry of the index is about. One that this version cannot read is logged and left to one that can.
fn due_item(item: Item) -> Option<DueItem> {
    let entry: IndexEntry = from_item(item).ok()?;
    let file = ids(&entry.pk, &entry.sk, FILE_PREFIX).map(|ids| (ids, DueWhat::File));
    let removed = || ids(&entry.pk, &entry.sk, REMOVED_PREFIX).map(|ids| (ids, DueWhat::Removed));
    let found = file.or_else(removed);
    if found.is_none() {
        tracing::error!(pk = entry.pk, sk = entry.sk, "an entry of the index of what is due cannot be read");
    }
    found.map(|((owner, id), what)| DueItem { owner, id, what })
}
