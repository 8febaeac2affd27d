use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{ConditionCheck, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use files_domain::{
    ApiKey, Authority, CheckKey, KeyHash, KeyRecord, NewKey, OwnerId, Scope, StoreError, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::Records;
use crate::error::{corrupt, unavailable};
use crate::item::{Item, from_item, number, primary_key, text, to_item};

#[derive(Debug, Serialize, Deserialize)]
struct KeyItem {
    owner: OwnerId,
    owner_name: String,
    name: String,
    scopes: BTreeSet<Scope>,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

/// Where the record of an API key is.
pub(crate) fn key_of(hash: KeyHash) -> Item {
    primary_key(format!("key#{hash}"), "key")
}

pub(crate) fn record_from_item(item: Item) -> Result<KeyRecord, StoreError> {
    let KeyItem { owner, owner_name, name, scopes, created_at, expires_at, revoked_at } = from_item(item)?;
    Ok(KeyRecord { owner, owner_name, name, scopes, created_at, expires_at, revoked_at })
}

/// The transaction goes through only if the key is good for what is asked; if not, its record comes back.
pub(crate) fn key_check(table: &str, access: &Authority) -> Result<TransactWriteItem, StoreError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key_of(access.key.hash())))
        .condition_expression(
            "#owner = :owner AND contains(scopes, :scope) AND attribute_not_exists(revoked_at) \
             AND (attribute_not_exists(expires_at) OR expires_at > :now)",
        )
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", text(access.owner().to_string()))
        .expression_attribute_values(":scope", text(access.scope.as_str()))
        .expression_attribute_values(":now", number(access.now.millis()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(corrupt)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// Why the condition of [`key_check`] failed.
pub(crate) fn refusal(access: &Authority, found: Option<Item>) -> StoreError {
    let record = match found.filter(|item| !item.is_empty()).map(record_from_item).transpose() {
        Ok(record) => record,
        Err(error) => return error,
    };
    match access.check(record.as_ref()) {
        Err(problem) => problem.into(),
        Ok(()) => StoreError::Changed,
    }
}

impl Records {
    /// Makes an API key and stores its record.
    ///
    /// # Errors
    /// No randomness, or the table cannot be written.
    pub async fn create_key(&self, new: &NewKey, now: Timestamp) -> Result<ApiKey, StoreError> {
        let owner = OwnerId::named(&new.owner_name);
        let key = ApiKey::generate(owner).map_err(corrupt)?;
        let mut item = to_item(KeyItem {
            owner,
            owner_name: new.owner_name.clone(),
            name: new.name.clone(),
            scopes: new.scopes.clone(),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        })?;
        item.extend(key_of(key.hash()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.condition_expression("attribute_not_exists(pk)").send().await.map_err(unavailable)?;
        Ok(key)
    }

    /// What is stored of an API key.
    ///
    /// # Errors
    /// The table cannot be read.
    pub async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        let get =
            self.client.get_item().table_name(&self.table).set_key(Some(key_of(hash))).consistent_read(true);
        get.send().await.map_err(unavailable)?.item.map(record_from_item).transpose()
    }

    /// Revokes an API key. Functions that have just used it may take it for half a minute more, but not to write.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]: there is no such key.
    pub async fn revoke_key(&self, hash: KeyHash, now: Timestamp) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_of(hash)))
            .update_expression("SET revoked_at = if_not_exists(revoked_at, :now)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", number(now.millis()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::NotFound)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Checks a key against its record as just read, and remembers a good one.
    pub(crate) fn check_record(
        &self,
        access: &Authority,
        record: Option<&KeyRecord>,
    ) -> Result<(), StoreError> {
        access.check(record)?;
        if let Some(record) = record {
            self.known_keys.remember(access.key.hash(), record, access.now);
        }
        Ok(())
    }
}

impl CheckKey for Records {
    async fn check_key(&self, access: &Authority) -> Result<(), StoreError> {
        let hash = access.key.hash();
        if let Some(record) = self.known_keys.get(hash, access.now) {
            return Ok(access.check(Some(&record))?);
        }
        let record = self.find_key(hash).await?;
        self.check_record(access, record.as_ref())
    }
}
