//! Items of the keys table: how an API key is stored, and how a transaction checks it.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{ConditionCheck, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use files_domain::{Caller, KeyHash, KeyRecord, NewKey, OwnerId, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use crate::RecordsError;
use crate::error::corrupt;
use crate::item::{Item, from_item, number, text, to_item};

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

pub(crate) const KEY_PREFIX: &str = "key#";

/// The primary key of an API key's item.
pub(crate) fn key_of(hash: KeyHash) -> Item {
    HashMap::from([("pk".to_owned(), text(format!("{KEY_PREFIX}{hash}")))])
}

/// The item of a new API key of `owner`.
pub(crate) fn new_item(
    owner: OwnerId,
    hash: KeyHash,
    new: &NewKey,
    now: Timestamp,
) -> Result<Item, RecordsError> {
    let mut item = to_item(KeyItem {
        owner,
        owner_name: new.owner_name.clone(),
        name: new.name.clone(),
        scopes: new.scopes.clone(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
    })?;
    item.extend(key_of(hash));
    Ok(item)
}

pub(crate) fn record_from_item(item: Item) -> Result<KeyRecord, RecordsError> {
    let KeyItem { owner, owner_name, name, scopes, created_at, expires_at, revoked_at } = from_item(item)?;
    Ok(KeyRecord { owner, owner_name, name, scopes, created_at, expires_at, revoked_at })
}

/// Makes a transaction depend on the key in `table` being good for what is asked. If it is not, the cancellation reason
/// holds the key's item.
pub(crate) fn condition_check(table: &str, caller: &Caller) -> Result<TransactWriteItem, RecordsError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key_of(caller.key.hash())))
        .condition_expression(
            "#owner = :owner AND contains(scopes, :scope) AND attribute_not_exists(revoked_at) \
             AND (attribute_not_exists(expires_at) OR expires_at > :now)",
        )
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", text(caller.owner().to_string()))
        .expression_attribute_values(":scope", text(caller.scope.as_str()))
        .expression_attribute_values(":now", number(caller.now.millis()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(corrupt)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}
