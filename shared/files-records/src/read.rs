use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use files_domain::{Authority, Detail, File, FileId, FindFile, StoreError};

use crate::Records;
use crate::error::{corrupt, unavailable};
use crate::item::{Item, detail_from_item, detail_sk, file_from_item, file_sk, owner_pk, primary_key};
use crate::key::{key_of, record_from_item};

/// Tries of a batch some of whose keys DynamoDB left unread.
const MAX_BATCH_TRIES: u32 = 8;

impl FindFile for Records {
    async fn find_file(&self, access: &Authority, id: FileId) -> Result<File, StoreError> {
        Ok(self.find(access, id, false).await?.0)
    }

    async fn find_file_with_detail(
        &self,
        access: &Authority,
        id: FileId,
    ) -> Result<(File, Detail), StoreError> {
        self.find(access, id, true).await
    }
}

impl Records {
    /// The key (unless it is remembered), the summary and the detail, by one consistent read.
    async fn find(&self, access: &Authority, id: FileId, detail: bool) -> Result<(File, Detail), StoreError> {
        let owner_pk = owner_pk(access.owner());
        let known = self.known_keys.get(access.key.hash(), access.now);
        let mut keys = vec![primary_key(&owner_pk, file_sk(id))];
        if known.is_none() {
            keys.push(key_of(access.key.hash()));
        }
        if detail {
            keys.push(primary_key(&owner_pk, detail_sk(id)));
        }
        let mut found = self.read_all(keys).await?;
        match known {
            Some(record) => access.check(Some(&record))?,
            None => {
                let record = found.remove("key").map(record_from_item).transpose()?;
                self.check_record(access, record.as_ref())?;
            }
        }
        let file = found.remove(&file_sk(id)).map(file_from_item).transpose()?;
        let file = file.filter(|file| !file.has_expired(access.now)).ok_or(StoreError::NotFound)?;
        Ok((file, detail_from_item(found.remove(&detail_sk(id)))?))
    }

    /// Reads items consistently; what DynamoDB leaves unread is asked for again. By sort key.
    pub(crate) async fn read_all(&self, keys: Vec<Item>) -> Result<HashMap<String, Item>, StoreError> {
        let mut found = HashMap::new();
        let mut pending = keys;
        for attempt in 0..MAX_BATCH_TRIES {
            let wanted = KeysAndAttributes::builder().set_keys(Some(pending)).consistent_read(true);
            let wanted = wanted.build().map_err(corrupt)?;
            let answer = self.client.batch_get_item().request_items(&self.table, wanted).send().await;
            let answer = answer.map_err(unavailable)?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
                found.insert(sk.ok_or_else(|| corrupt("an item without a sort key"))?, item);
            }
            let unread = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
            pending = unread.map(|unread| unread.keys).unwrap_or_default();
            if pending.is_empty() {
                return Ok(found);
            }
            let jitter = Duration::from_millis(fastrand::u64(1..=20 << attempt));
            tokio::time::sleep(jitter).await; // back-off between two tries, not a wait for an event
        }
        Err(StoreError::Busy("DynamoDB left keys unread".into()))
    }
}
