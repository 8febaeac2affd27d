use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use files_domain::{
    Caller, Detail, File, FileId, Idempotency, KeyProblem, Limit, OwnerLimits, Principal, Timestamp, limits,
};
use serde::{Deserialize, Serialize};

use crate::attribute::{Item, from_item, number, to_item};
use crate::error::corrupt;
use crate::item::{detail_to_item, file_to_item};
use crate::keys::{owner_pk, primary_key};
use crate::transact::{Refused, condition_failed};
use crate::upload_tokens::token_refusal;
use crate::usage::{UsageChange, UsageUpdate};
use crate::{ClientRecords, Records, RecordsError};

/// The result of creating a file.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "short-lived, never collected")]
pub enum Created {
    /// The file is new.
    New,
    /// An earlier attempt of the same request has created this file.
    Before(File, Detail),
}

/// The index of the check of the caller's key, or of the count of the caller's token, in the transaction of a creation.
const CALLER_INDEX: usize = 0;
/// The index of the item of the idempotency key, if there is one.
const IDEMPOTENCY_INDEX: usize = 1;

/// A new file, and what its transaction needs.
struct NewItems<'a> {
    caller: &'a Caller,
    file: &'a File,
    detail: &'a Detail,
    idempotency: Option<&'a Idempotency>,
}

/// The conditions of the transaction of a creation, beside those at fixed indexes.
struct Conditions<'a> {
    /// The index of the condition that the owner has no webhook endpoint.
    endpoints: Option<usize>,
    /// The change of the usage.
    usage: UsageUpdate<'a>,
    /// The index of the check of the key that created the caller's token.
    creator: Option<usize>,
}

/// Why a new file was not written.
enum WriteError {
    /// Its owner has webhook endpoints.
    HasEndpoints,
    /// Another error.
    Error(RecordsError),
}

impl WriteError {
    fn into_error(self) -> RecordsError {
        match self {
            Self::HasEndpoints => RecordsError::Changed,
            Self::Error(error) => error,
        }
    }
}

impl From<RecordsError> for WriteError {
    fn from(error: RecordsError) -> Self {
        Self::Error(error)
    }
}

/// The item of an idempotency key, valid until `ttl` (seconds since the epoch).
#[derive(Debug, Serialize, Deserialize)]
struct IdempotencyItem {
    id: FileId,
    request_hash: String,
    ttl: u64,
}

/// Returns the primary key of the item of an idempotency key. Each upload token has its own keys, so that it cannot find the
/// files of others.
fn request_key(file: &File, key: &str) -> Item {
    let token = file.upload_token.map(|token| format!("token#{token}#")).unwrap_or_default();
    primary_key(owner_pk(file.owner), format!("idem#{token}{key}"))
}

impl ClientRecords {
    /// Writes a file's summary, its detail and the owner's usage in one transaction that also checks the caller's key, or counts the
    /// file of the caller's token, which has been read, and checks the key that created the token. An invalid key costs no write, and no
    /// read of the owner that it names. The end of the file is an event if it has a webhook, or its owner has webhook endpoints: the
    /// first file for an owner with endpoints costs a second transaction, and this process then caches that for 30 s.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::TokenUsedUp`]; [`RecordsError::IdempotencyConflict`]; [`RecordsError::Changed`]: the id
    /// is taken; [`RecordsError::Limit`]; [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn create_file(
        &self,
        caller: &Caller,
        file: &File,
        detail: &Detail,
        idempotency: Option<&Idempotency>,
    ) -> Result<Created, RecordsError> {
        // First, unless it is cached: an invalid key must not cost a transaction on the items of the owner it names.
        let limits = self.owner_limits(caller).await?;
        limits.check(Limit::FileBytes, 0, file.size.unwrap_or(0))?;
        let notify = file.notify || self.has_all_events() || self.has_endpoints(caller.owner(), caller.now);
        let write = async |notify| {
            let file = &File { notify, ..file.clone() };
            self.write_new(&NewItems { caller, file, detail, idempotency }, &limits).await
        };
        match write(notify).await {
            Err(WriteError::HasEndpoints) => {
                self.cache_has_endpoints(caller.owner(), caller.now);
                write(true).await.map_err(WriteError::into_error)
            }
            written => written.map_err(WriteError::into_error),
        }
    }

    /// Returns the limits of the owner of a caller who creates a file: an API key is checked, from memory if it was read within the last
    /// 30 s. An upload token has been read.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn owner_limits(&self, caller: &Caller) -> Result<OwnerLimits, RecordsError> {
        match &caller.principal {
            Principal::ApiKey(_) => self.keys().check_with_limits(caller).await,
            Principal::UploadToken(_) => Ok(self.keys().known_limits(caller)),
        }
    }

    /// Writes a new file, whose end is an event if `notify` is set. If it is not, the transaction has the condition that the owner has
    /// no webhook endpoint.
    async fn write_new(&self, new: &NewItems<'_>, limits: &OwnerLimits) -> Result<Created, WriteError> {
        let (items, conditions) = self.creation(new, limits)?;
        match self.unchecked().transact(items).await {
            Ok(()) => Ok(Created::New),
            Err(Refused::Error(error)) => Err(error.into()),
            Err(Refused::Conditions(reasons)) => self.explain(new, &conditions, reasons).await,
        }
    }

    /// Builds the transaction that writes a new file, with the places of its conditions.
    fn creation<'a>(
        &self,
        new: &NewItems<'_>,
        limits: &'a OwnerLimits,
    ) -> Result<(Vec<TransactWriteItem>, Conditions<'a>), RecordsError> {
        let NewItems { caller, file, detail, idempotency } = *new;
        let records = self.unchecked();
        let mut items = vec![match &caller.principal {
            Principal::ApiKey(_) => self.keys().condition_check(caller)?,
            Principal::UploadToken(token) => records.count_token_file(caller, token)?,
        }];
        if let Some(idempotency) = idempotency {
            items.push(records.put_idempotency(file, idempotency, caller.now)?);
        }
        let endpoints = (!file.notify).then_some(items.len());
        if !file.notify {
            items.push(records.has_no_endpoint(file.owner)?);
        }
        items.push(records.put_new(file_to_item(file)?)?);
        if let Some(detail) = detail_to_item(file, detail)? {
            items.push(records.put_new(detail)?);
        }
        let change = UsageChange::between(None, Some(file));
        let usage = records.add_usage_change(&mut items, file.owner, change, limits)?;
        let creator = caller.upload_token().map(|_| items.len());
        if let Some(token) = caller.upload_token() {
            items.push(self.keys().creator_check(token, caller.now)?);
        }
        Ok((items, Conditions { endpoints, usage, creator }))
    }

    /// Returns the file of an earlier attempt, or the error, of a transaction whose conditions failed.
    async fn explain(
        &self,
        new: &NewItems<'_>,
        conditions: &Conditions<'_>,
        mut reasons: Vec<CancellationReason>,
    ) -> Result<Created, WriteError> {
        let NewItems { caller, idempotency, .. } = *new;
        let records = self.unchecked();
        if conditions.creator.is_some_and(|index| condition_failed(&reasons, index)) {
            self.keys().cache_invalid(caller);
            return Err(RecordsError::from(KeyProblem::Invalid).into());
        }
        let is_repeated = idempotency.is_some() && condition_failed(&reasons, IDEMPOTENCY_INDEX);
        if condition_failed(&reasons, CALLER_INDEX) {
            return match self.creation_refusal(caller, reasons[CALLER_INDEX].item.take()) {
                // The request for the last file of a token, repeated.
                RecordsError::TokenUsedUp if is_repeated => {
                    Ok(records.created_before(caller, idempotency, &reasons).await?)
                }
                error => Err(error.into()),
            };
        }
        if !is_repeated && conditions.endpoints.is_some_and(|index| condition_failed(&reasons, index)) {
            return Err(WriteError::HasEndpoints);
        }
        let created = records.created_before(caller, idempotency, &reasons).await;
        match (created, conditions.usage.exceeded(&reasons)) {
            (Err(RecordsError::Changed), Some(exceeded)) => Err(RecordsError::from(exceeded).into()),
            (created, _) => Ok(created?),
        }
    }
}

impl ClientRecords {
    /// Returns why the first item of a creation failed.
    fn creation_refusal(&self, caller: &Caller, found: Option<Item>) -> RecordsError {
        match caller.upload_token() {
            None => self.keys().refusal(caller, found),
            Some(_) => token_refusal(caller, found),
        }
    }
}

impl Records {
    fn put_new(&self, item: Item) -> Result<TransactWriteItem, RecordsError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put_idempotency(
        &self,
        file: &File,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<TransactWriteItem, RecordsError> {
        let ttl = now.plus(limits::IDEMPOTENCY_WINDOW).seconds();
        let mut item =
            to_item(IdempotencyItem { id: file.id, request_hash: idempotency.request_hash.clone(), ttl })?;
        item.extend(request_key(file, &idempotency.key));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now") // DynamoDB deletes late, by days
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(corrupt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns the file that an earlier attempt of the same request has created, if the transaction failed for that reason.
    async fn created_before(
        &self,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
        reasons: &[CancellationReason],
    ) -> Result<Created, RecordsError> {
        let (Some(idempotency), Some(item)) =
            (idempotency, reasons.get(IDEMPOTENCY_INDEX).and_then(|reason| reason.item.clone()))
        else {
            return Err(RecordsError::Changed);
        };
        let before: IdempotencyItem = from_item(item)?;
        if before.request_hash != idempotency.request_hash {
            return Err(RecordsError::IdempotencyConflict);
        }
        match self.get_file(caller.owner(), before.id).await {
            Ok((file, detail)) if !file.has_expired(caller.now) => Ok(Created::Before(file, detail)),
            // The file was deleted or has expired since.
            Ok(_) | Err(RecordsError::NotFound) => Err(RecordsError::IdempotencyConflict),
            Err(error) => Err(error),
        }
    }
}
