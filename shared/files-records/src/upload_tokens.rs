//! Upload tokens: items of their owner in the files table. Long metadata of a token is an item of its own, because each file that the
//! token creates changes the token's item, and a write consumes capacity by the size of the whole item.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use files_domain::{Caller, KeyHash, KeyProblem, KeyRecord, OwnerId, UploadToken, UploadTokenRecord};

use crate::attribute::{Item, from_item, number, to_item};
use crate::batch::{self, ByTable, by_sort_key};
use crate::error::corrupt;
use crate::keys::{api_key_key, owner_limits_key, owner_pk, primary_key};
use crate::owner_limits::of_owner;
use crate::packed::{METADATA, is_packed, metadata_of, pack_attribute, unpack_attribute};
use crate::transact::{Refused, condition_failed};
use crate::{ClientRecords, Records, RecordsError};

/// The attribute by which DynamoDB deletes an item.
const TTL: &str = "ttl";
/// How long the item of a token is stored after its uploads have ended.
const RETENTION_AFTER_UPLOADS: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn token_sk(hash: KeyHash) -> String {
    format!("token#{hash}")
}

pub(crate) fn token_key(owner: OwnerId, hash: KeyHash) -> Item {
    primary_key(owner_pk(owner), token_sk(hash))
}

/// Returns the primary key of the item with a token's long metadata.
fn token_metadata_key(owner: OwnerId, hash: KeyHash) -> Item {
    primary_key(owner_pk(owner), token_metadata_sk(hash))
}

fn token_metadata_sk(hash: KeyHash) -> String {
    format!("{}#metadata", token_sk(hash))
}

/// Moves packed metadata from the item of a token to an item of its own. Returns `None` if there is none.
fn split_metadata(item: &mut Item, key: Item) -> Option<Item> {
    let packed = item.get(METADATA).filter(|value| is_packed(value)).cloned()?;
    item.remove(METADATA);
    let ttl = item.get_key_value(TTL).map(|(name, value)| (name.clone(), value.clone()));
    Some(key.into_iter().chain([(METADATA.to_owned(), packed)]).chain(ttl).collect())
}

impl ClientRecords {
    /// Stores an upload token, in a transaction that also checks the caller's API key.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn create_upload_token(
        &self,
        caller: &Caller,
        token: &UploadToken,
        record: &UploadTokenRecord,
    ) -> Result<(), RecordsError> {
        let mut item = to_item(record)?;
        pack_attribute(&mut item, METADATA)?;
        item.extend(token_key(token.owner(), token.hash()));
        let end = record.uploads_end().plus(RETENTION_AFTER_UPLOADS);
        item.insert(TTL.to_owned(), number(end.seconds()));
        let metadata = split_metadata(&mut item, token_metadata_key(token.owner(), token.hash()));
        let put = |item| {
            let put = Put::builder().table_name(&self.unchecked().table).set_item(Some(item));
            let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(corrupt)?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        let items = [item].into_iter().chain(metadata).map(put).collect::<Result<_, RecordsError>>()?;
        self.change_token(caller, items).await
    }

    /// Deletes an upload token, in a transaction that also checks the caller's API key. The token is invalid from then on.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::NotFound`]: the owner has no such token; [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn delete_upload_token(&self, caller: &Caller, id: KeyHash) -> Result<(), RecordsError> {
        let delete = |key| Delete::builder().table_name(&self.unchecked().table).set_key(Some(key));
        let token = delete(token_key(caller.owner(), id)).condition_expression("attribute_exists(pk)");
        let metadata = delete(token_metadata_key(caller.owner(), id));
        let items = [token, metadata]
            .into_iter()
            .map(|delete| Ok(TransactWriteItem::builder().delete(delete.build().map_err(corrupt)?).build()));
        match self.change_token(caller, items.collect::<Result<_, RecordsError>>()?).await {
            Err(RecordsError::Changed) => Err(RecordsError::NotFound),
            outcome => outcome,
        }
    }

    async fn change_token(
        &self,
        caller: &Caller,
        changes: Vec<TransactWriteItem>,
    ) -> Result<(), RecordsError> {
        self.keys().check(caller).await?;
        let items = [self.keys().condition_check(caller)?].into_iter().chain(changes).collect();
        match self.unchecked().transact(items).await {
            Ok(()) => Ok(()),
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Conditions(mut reasons)) if condition_failed(&reasons, 0) => {
                Err(self.keys().refusal(caller, reasons.swap_remove(0).item))
            }
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
        }
    }

    /// Reads the caller's upload token with its metadata, consistently, by one `BatchGetItem`. A token that is cached as invalid is
    /// rejected without a read.
    ///
    /// # Errors
    /// [`RecordsError::Key`]: the token is unknown, deleted or past its last upload, or the API key that created it is no longer good.
    /// [`RecordsError::Limit`],
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn upload_token(
        &self,
        caller: &Caller,
        token: &UploadToken,
    ) -> Result<UploadTokenRecord, RecordsError> {
        let key = token_metadata_key(token.owner(), token.hash());
        let (mut record, mut found) = self.read_with_token(caller, token, vec![key]).await?;
        if let Some(item) = found.remove(&token_metadata_sk(token.hash())) {
            record.metadata = metadata_of(item)?;
        }
        Ok(record)
    }

    /// Reads the caller's upload token without long metadata, the API key that created it, the owner's limits, and items of the owner by
    /// their keys, by one consistent `BatchGetItem`. Admits the request if the owner's requests per second allow it. Returns the items by their sort keys.
    pub(crate) async fn read_with_token(
        &self,
        caller: &Caller,
        token: &UploadToken,
        mut items: Vec<Item>,
    ) -> Result<(UploadTokenRecord, HashMap<String, Item>), RecordsError> {
        let (keys, records) = (self.keys(), self.unchecked());
        keys.refuse_cached_invalid(caller)?;
        items.push(token_key(token.owner(), token.hash()));
        let requested = ByTable::from([
            (records.table.clone(), items),
            (keys.table.clone(), vec![owner_limits_key(token.owner()), api_key_key(token.created_by())]),
        ]);
        let mut read = batch::read(&records.client, requested).await?;
        let mut found = by_sort_key(read.remove(&records.table))?;
        let (limits, creator): (Vec<_>, Vec<_>) =
            read.remove(&keys.table).unwrap_or_default().into_iter().partition(of_owner);
        let item = found.remove(&token_sk(token.hash()));
        let record = self.judge_token(caller, token, item, creator.into_iter().next())?;
        keys.learn_limits(caller, Some(limits));
        keys.admit_owner(caller.owner(), caller.now).await?;
        Ok((record, found))
    }

    /// Checks that the caller's key or token is valid, by one read of its item unless it is cached.
    ///
    /// # Errors
    /// As [`upload_token`](Self::upload_token), and [`RecordsError::Key`] for an API key.
    pub async fn check(&self, caller: &Caller) -> Result<(), RecordsError> {
        match caller.upload_token() {
            None => self.keys().check(caller).await,
            Some(token) => self.read_with_token(caller, token, Vec::new()).await.map(drop),
        }
    }

    /// Checks a token by its item and that of the API key that created it, as just read. An invalid one is cached.
    fn judge_token(
        &self,
        caller: &Caller,
        token: &UploadToken,
        item: Option<Item>,
        creator: Option<Item>,
    ) -> Result<UploadTokenRecord, RecordsError> {
        let record = item.map(token_from_item).transpose()?;
        let creator: Option<KeyRecord> = creator.map(from_item).transpose()?;
        let good = record.filter(|record| {
            record.authorize_upload(caller.now).is_ok()
                && token.check_creator(creator.as_ref(), caller.now).is_ok()
        });
        good.ok_or_else(|| {
            self.keys().cache_invalid(caller);
            KeyProblem::Invalid.into()
        })
    }
}

impl Records {
    /// Builds the update that counts a file of a token, on the condition that the token may create one more.
    pub(crate) fn count_token_file(
        &self,
        caller: &Caller,
        token: &UploadToken,
    ) -> Result<TransactWriteItem, RecordsError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(token_key(token.owner(), token.hash())))
            .update_expression("ADD files_created :one")
            .condition_expression(
                "attribute_exists(pk) AND expires_at > :now \
                 AND (attribute_not_exists(max_files) OR files_created < max_files)",
            )
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(caller.now.millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn token_from_item(mut item: Item) -> Result<UploadTokenRecord, RecordsError> {
    unpack_attribute(&mut item, METADATA)?;
    from_item(item)
}

/// Returns why [`Records::count_token_file`] failed, by the item that the cancellation holds.
pub(crate) fn token_refusal(caller: &Caller, found: Option<Item>) -> RecordsError {
    let record: Option<UploadTokenRecord> =
        found.filter(|item| !item.is_empty()).and_then(|item| token_from_item(item).ok());
    match record {
        Some(record) if record.authorize_create(caller.now).is_ok() => RecordsError::TokenUsedUp,
        _ => KeyProblem::Invalid.into(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::attribute::text;

    #[test]
    fn only_packed_metadata_has_its_own_item() {
        let key = Item::from([("pk".to_owned(), text("owner"))]);
        let ttl = (TTL.to_owned(), number(7));
        let plain = Item::from([(METADATA.to_owned(), AttributeValue::M(Item::new())), ttl.clone()]);
        let mut item = plain.clone();
        assert_eq!((split_metadata(&mut item, key.clone()), item), (None, plain));
        let packed = (METADATA.to_owned(), AttributeValue::B(b"packed".to_vec().into()));
        let mut item = Item::from([packed.clone(), ttl.clone()]);
        let metadata = key.clone().into_iter().chain([packed, ttl.clone()]).collect();
        assert_eq!((split_metadata(&mut item, key), item), (Some(metadata), Item::from([ttl])));
    }
}
