use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use files_domain::{
    Authority, Detail, File, FileId, FindFile, ListFiles, OwnerId, Page, PageOrder, PageRequest, StoreError,
};

use crate::Records;
use crate::error::{corrupt, unavailable};
use crate::item::{
    FILE_PREFIX, Item, detail_from_item, detail_sk, file_from_item, file_sk, owner_pk, primary_key, text,
};
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

impl ListFiles for Records {
    async fn list_files(&self, access: &Authority, page: PageRequest) -> Result<Page, StoreError> {
        // Both at once: nothing is shown of the page unless the key is good.
        let (key, found) = tokio::join!(self.check_key(access), self.query_page(access.owner(), page));
        key?;
        let mut found = found?;
        found.files.retain(|file| !file.has_expired(access.now));
        Ok(found)
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

    async fn query_page(&self, owner: OwnerId, page: PageRequest) -> Result<Page, StoreError> {
        let pk = owner_pk(owner);
        let after = page.after.map(|id| primary_key(&pk, file_sk(id)));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :file)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":file", text(FILE_PREFIX))
            .scan_index_forward(page.order == PageOrder::Ascending)
            .limit(i32::try_from(page.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after);
        let answer = query.send().await.map_err(unavailable)?;
        let files: Vec<File> =
            answer.items.unwrap_or_default().into_iter().map(file_from_item).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.and(files.last()).map(|file| file.id);
        Ok(Page { files, next })
    }
}
