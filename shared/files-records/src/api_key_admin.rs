//! The operations of an operator on API keys. The functions' roles do not permit them.

use files_domain::{KeyHash, KeyId, KeyRecord, OwnerId, Timestamp};

use crate::attribute::{Item, from_item, number, text};
use crate::error::{corrupt, unavailable};
use crate::keys::{KEY_PREFIX, api_key_key};
use crate::{Keys, RecordsError};

impl Keys {
    /// Returns the API keys of one owner, or of all, oldest first. Reads the whole keys table (`Scan`).
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be read.
    pub async fn list(&self, owner: Option<OwnerId>) -> Result<Vec<(KeyHash, KeyRecord)>, RecordsError> {
        let mut keys = self.scan(KEY_PREFIX.to_owned()).await?;
        keys.retain(|(_, record)| owner.is_none_or(|owner| record.owner == owner));
        keys.sort_by_key(|(_, record)| record.created_at);
        Ok(keys)
    }

    /// Finds an API key by its id. Reads the whole keys table (`Scan`).
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]: there is no such key. [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot
    /// be read.
    pub async fn find_by_id(&self, id: KeyId) -> Result<(KeyHash, KeyRecord), RecordsError> {
        self.scan(format!("{KEY_PREFIX}{id}")).await?.pop().ok_or(RecordsError::NotFound)
    }

    async fn scan(&self, prefix: String) -> Result<Vec<(KeyHash, KeyRecord)>, RecordsError> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(pk, :prefix)");
        let scan = scan.expression_attribute_values(":prefix", text(prefix));
        let mut items = scan.into_paginator().items().send();
        let mut keys = Vec::new();
        while let Some(item) = items.next().await {
            keys.push(key_from_item(item.map_err(unavailable)?)?);
        }
        Ok(keys)
    }

    /// Revokes an API key. Writes are rejected immediately, reads within 30 s.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]: there is no such key.
    pub async fn revoke(&self, hash: KeyHash, now: Timestamp) -> Result<(), RecordsError> {
        self.change(hash, "SET revoked_at = if_not_exists(revoked_at, :at)", "attribute_exists(pk)", now)
            .await
    }

    /// Sets the expiry of an API key to `at`.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]: there is no such key, or it expires earlier.
    pub async fn expire(&self, hash: KeyHash, at: Timestamp) -> Result<(), RecordsError> {
        let condition = "attribute_exists(pk) AND (attribute_not_exists(expires_at) OR expires_at > :at)";
        self.change(hash, "SET expires_at = :at", condition, at).await
    }

    async fn change(
        &self,
        hash: KeyHash,
        expression: &str,
        condition: &str,
        at: Timestamp,
    ) -> Result<(), RecordsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(api_key_key(hash)))
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_values(":at", number(at.millis()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(RecordsError::NotFound)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Copies the keys that version 0.1 stored in the files table, and returns their number. Keeps keys that exist already, so that a
    /// revoked one stays revoked. Reads the whole files table (`Scan`).
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: a table cannot be read or written.
    pub async fn copy_from(&self, files_table: &str) -> Result<u64, RecordsError> {
        let scan = self.client.scan().table_name(files_table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(pk, :key)");
        let mut items =
            scan.expression_attribute_values(":key", text(KEY_PREFIX)).into_paginator().items().send();
        let mut copied = 0;
        while let Some(item) = items.next().await {
            let mut item = item.map_err(unavailable)?;
            item.remove("sk");
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
            match put.condition_expression("attribute_not_exists(pk)").send().await {
                Ok(_) => copied += 1,
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|e| e.is_conditional_check_failed_exception()) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(copied)
    }
}

fn key_from_item(item: Item) -> Result<(KeyHash, KeyRecord), RecordsError> {
    let hash = item.get("pk").and_then(|pk| pk.as_s().ok()?.strip_prefix(KEY_PREFIX)?.parse().ok());
    Ok((hash.ok_or_else(|| corrupt("an API key without its hash"))?, from_item(item)?))
}
