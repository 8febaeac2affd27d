//! Items of the keys table, and the check of an API key in a transaction.

use aws_sdk_dynamodb::types::{ConditionCheck, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use files_domain::{KeyHash, KeyRecord, NewKey, OwnerId, Scope, Timestamp};

use crate::RecordsError;
use crate::attribute::{Item, number, text, to_item};
use crate::error::corrupt;
use crate::keys::api_key_key;

/// Builds the item of a new API key of `owner`.
pub(crate) fn new_item(
    owner: OwnerId,
    hash: KeyHash,
    new: &NewKey,
    now: Timestamp,
) -> Result<Item, RecordsError> {
    let mut item = to_item(KeyRecord {
        owner,
        owner_name: new.owner_name.clone(),
        name: new.name.clone(),
        scopes: new.scopes.clone(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
    })?;
    item.extend(api_key_key(hash));
    Ok(item)
}

/// Builds the condition that a key of `owner` in `table` is valid and has `scope`. If it is not, the cancellation reason holds the
/// key's item.
pub(crate) fn condition_check(
    table: &str,
    hash: KeyHash,
    owner: OwnerId,
    scope: Scope,
    now: Timestamp,
) -> Result<TransactWriteItem, RecordsError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(api_key_key(hash)))
        .condition_expression(
            "#owner = :owner AND contains(scopes, :scope) AND attribute_not_exists(revoked_at) \
             AND (attribute_not_exists(expires_at) OR expires_at > :now)",
        )
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", text(owner.to_string()))
        .expression_attribute_values(":scope", text(scope.as_str()))
        .expression_attribute_values(":now", number(now.millis()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(corrupt)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}
