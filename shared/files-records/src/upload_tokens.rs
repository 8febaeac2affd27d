//! Upload tokens: items of their owner in the files table.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use files_domain::{Caller, KeyHash, KeyProblem, KeyRecord, OwnerId, UploadToken, UploadTokenRecord};

use crate::attribute::{Item, from_item, number, to_item};
use crate::batch::{self, ByTable, by_sort_key};
use crate::error::corrupt;
use crate::keys::{api_key_key, owner_limits_key, owner_pk, primary_key};
use crate::owner_limits::of_owner;
use crate::packed::{METADATA, pack_attribute, unpack_attribute};
use crate::transact::{Refused, condition_failed};
use crate::{ClientRecords, Records, RecordsError};

/// How long the item of a token is stored after its uploads have ended.
const RETENTION_AFTER_UPLOADS: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn token_sk(hash: KeyHash) -> String {
    format!("token#{hash}")
}

pub(crate) fn token_key(owner: OwnerId, hash: KeyHash) -> Item {
    primary_key(owner_pk(owner), token_sk(hash))
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
        item.insert("ttl".to_owned(), number(end.seconds()));
        let put = Put::builder().table_name(&self.unchecked().table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(corrupt)?;
        self.change_token(caller, TransactWriteItem::builder().put(put).build()).await
    }

    /// Deletes an upload token, in a transaction that also checks the caller's API key. The token is invalid from then on.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::NotFound`]: the owner has no such token; [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn delete_upload_token(&self, caller: &Caller, id: KeyHash) -> Result<(), RecordsError> {
        let delete = Delete::builder()
            .table_name(&self.unchecked().table)
            .set_key(Some(token_key(caller.owner(), id)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(corrupt)?;
        match self.change_token(caller, TransactWriteItem::builder().delete(delete).build()).await {
            Err(RecordsError::Changed) => Err(RecordsError::NotFound),
            outcome => outcome,
        }
    }

    async fn change_token(&self, caller: &Caller, change: TransactWriteItem) -> Result<(), RecordsError> {
        self.keys().check(caller).await?;
        let items = vec![self.keys().condition_check(caller)?, change];
        match self.unchecked().transact(items).await {
            Ok(()) => Ok(()),
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Conditions(mut reasons)) if condition_failed(&reasons, 0) => {
                Err(self.keys().refusal(caller, reasons.swap_remove(0).item))
            }
            Err(Refused::Conditions(_)) => Err(RecordsError::Changed),
        }
    }

    /// Reads the caller's upload token, consistently, by one `BatchGetItem`. A token that is cached as invalid is rejected without a
    /// read.
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
        Ok(self.read_with_token(caller, token, Vec::new()).await?.0)
    }

    /// Reads the caller's upload token, the API key that created it, the owner's limits, and items of the owner by their keys, by one
    /// consistent `BatchGetItem`. Admits the request if the owner's requests per second allow it. Returns the items by their sort keys.
    pub(crate) async fn read_with_token(
        &self,
        caller: &Caller,
        token: &UploadToken,
        mut items: Vec<Item>,
    ) -> Result<(UploadTokenRecord, HashMap<String, Item>), RecordsError> {
        let (keys, records) = (self.keys(), self.unchecked());
        keys.refuse_remembered(caller)?;
        items.push(token_key(token.owner(), token.hash()));
        let wanted = ByTable::from([
            (records.table.clone(), items),
            (keys.table.clone(), vec![owner_limits_key(token.owner()), api_key_key(token.created_by())]),
        ]);
        let mut read = batch::read(&records.client, wanted).await?;
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
            Some(token) => self.upload_token(caller, token).await.map(drop),
        }
    }

    /// Checks a token by its item and that of the API key that created it, as just read. A bad one is remembered.
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
            self.keys().remember_bad(caller);
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
