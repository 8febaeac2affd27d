//! The day on which an API key was last used: an item of its owner in the files table, since functions may not write the keys
//! table.
//!
//! A process writes a key's day once, when it has read a valid key, and caches that. The condition of the write
//! keeps the processes from writing the same day twice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use files_domain::{Caller, KeyHash, KeyId, OwnerId, Timestamp};
use tokio::time::timeout;

use crate::attribute::{Item, text};
use crate::batch::{self, ByTable};
use crate::error::unavailable;
use crate::keys::{owner_pk, primary_key};
use crate::{Records, RecordsError};

/// How long a request waits for the write.
const WRITE_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a process does not try again after a failed write.
const BACKOFF: Duration = Duration::from_secs(300);
/// Maximum number of keys whose writes a process caches.
const MAX_KEYS: usize = 10_000;
/// Maximum number of items of one `BatchGetItem`
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>).
const MAX_BATCH: usize = 100;

const SK_PREFIX: &str = "used#";

/// The days of use that this process has written.
#[derive(Debug)]
pub(crate) struct KeyUses {
    client: Client,
    table: String,
    /// The latest writes.
    writes: Mutex<HashMap<KeyHash, LastWrite>>,
}

/// The cached result of the latest write of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LastWrite {
    /// The day is stored.
    Day(String),
    /// The write failed, and is tried again after this.
    FailedUntil(Timestamp),
}

impl KeyUses {
    /// Writes in the table of `records`.
    pub(crate) fn new(records: &Records) -> Self {
        let (client, table) = (records.client.clone(), records.table.clone());
        Self { client, table, writes: Mutex::default() }
    }

    /// Stores that the caller's valid key is used today. Waits at most 250 ms. Logs an error, and returns none.
    pub(crate) async fn note(&self, caller: &Caller) {
        let day = caller.now.day();
        if self.is_noted(caller, &day) {
            return;
        }
        let write = match timeout(WRITE_TIMEOUT, self.write(caller, &day)).await {
            Ok(Ok(())) => LastWrite::Day(day),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the use of a key is not stored");
                LastWrite::FailedUntil(caller.now.plus(BACKOFF))
            }
            Err(_) => {
                tracing::warn!("storing the use of a key timed out");
                LastWrite::FailedUntil(caller.now.plus(BACKOFF))
            }
        };
        self.cache(caller.hash(), write);
    }

    fn is_noted(&self, caller: &Caller, today: &str) -> bool {
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        match writes.get(&caller.hash()) {
            None => false,
            Some(LastWrite::Day(day)) => day.as_str() >= today,
            Some(LastWrite::FailedUntil(time)) => caller.now < *time,
        }
    }

    fn cache(&self, key: KeyHash, write: LastWrite) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.len() >= MAX_KEYS {
            writes.clear();
        }
        writes.insert(key, write);
    }

    async fn write(&self, caller: &Caller, day: &str) -> Result<(), RecordsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(use_key(caller.owner(), caller.hash().id())))
            .update_expression("SET #day = :day")
            .condition_expression("attribute_not_exists(#day) OR #day < :day")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":day", text(day));
        match update.send().await {
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(()) // another process has stored it
            }
            Err(error) => Err(unavailable(error)),
            Ok(_) => Ok(()),
        }
    }
}

impl Records {
    /// Reads the days (`2026-11-26`, UTC) on which API keys were last used, by `BatchGetItem`s of up to 100 keys. A key that was never
    /// used is missing.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be read.
    pub async fn days_of_use(
        &self,
        keys: &[(OwnerId, KeyId)],
    ) -> Result<HashMap<(OwnerId, KeyId), String>, RecordsError> {
        let mut days = HashMap::new();
        for keys in keys.chunks(MAX_BATCH) {
            let requested = keys.iter().map(|(owner, id)| use_key(*owner, *id)).collect();
            let mut read =
                batch::read(&self.client, ByTable::from([(self.table.clone(), requested)])).await?;
            let items = read.remove(&self.table).unwrap_or_default();
            days.extend(items.iter().filter_map(used));
        }
        Ok(days)
    }
}

fn use_key(owner: OwnerId, id: KeyId) -> Item {
    primary_key(owner_pk(owner), format!("{SK_PREFIX}{id}"))
}

/// Reads the key and the day of an item.
fn used(item: &Item) -> Option<((OwnerId, KeyId), String)> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let key = crate::keys::ids(text("pk")?, text("sk")?, SK_PREFIX)?;
    Some((key, text("day")?.clone()))
}
