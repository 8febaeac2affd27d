use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use files_domain::{
    ApiKey, Caller, KeyHash, KeyProblem, KeyRecord, NewKey, OwnerId, OwnerLimits, Scope, Timestamp,
    UploadToken,
};

use crate::api_key_cache::{CachedKey, KeyCache};
use crate::api_key_item::{condition_check, new_item};
use crate::attribute::{Item, from_item};
use crate::batch::{self, ByTable};
use crate::error::{corrupt, unavailable};
use crate::key_uses::KeyUses;
use crate::keys::{api_key_key, owner_limits_key};
use crate::rate_limits::RateLimits;
use crate::{Records, RecordsError};

/// The API keys and owners' limits of one deployment, in a separate table. Functions may only read it; an operator writes it.
///
/// The process caches keys for 30 s: valid keys for reading files only, invalid ones for all operations.
#[derive(Debug)]
pub struct Keys {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) cache: KeyCache,
    pub(crate) default_limits: OwnerLimits,
    pub(crate) rate_limits: Option<RateLimits>,
    pub(crate) key_uses: Option<KeyUses>,
}

impl Keys {
    /// Returns the keys in `table`, of owners without limits.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let (cache, default_limits) = (KeyCache::default(), OwnerLimits::default());
        Self { client, table: table.into(), cache, default_limits, rate_limits: None, key_uses: None }
    }

    /// Has the day on which a key was last used stored in the table of `records`.
    #[must_use]
    pub fn with_key_uses(self, records: &Records) -> Self {
        Self { key_uses: Some(KeyUses::new(records)), ..self }
    }

    /// Stores that the caller's key, which was just read and is valid, is used today.
    pub(crate) async fn note_use(&self, caller: &Caller) {
        if let Some(uses) = &self.key_uses {
            uses.note(caller).await;
        }
    }

    /// Creates an API key and stores its record.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`]: no randomness. [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be
    /// written.
    pub async fn create(&self, new: &NewKey, now: Timestamp) -> Result<ApiKey, RecordsError> {
        let key = ApiKey::generate(OwnerId::named(&new.owner_name)).map_err(corrupt)?;
        self.store(&key, new, now).await?;
        Ok(key)
    }

    /// Stores the record of a key whose text exists already.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be written, or holds the key.
    pub async fn store(&self, key: &ApiKey, new: &NewKey, now: Timestamp) -> Result<(), RecordsError> {
        let item = new_item(key.owner(), key.hash(), new, now)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.condition_expression("attribute_not_exists(pk)").send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Reads the record of an API key, consistently.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be read.
    pub async fn find(&self, hash: KeyHash) -> Result<Option<KeyRecord>, RecordsError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(api_key_key(hash)))
            .consistent_read(true);
        get.send().await.map_err(unavailable)?.item.map(from_item).transpose()
    }

    /// Returns the table and the primary keys of a caller's key and of the owner's limits.
    pub(crate) fn place(&self, caller: &Caller) -> (&str, Vec<Item>) {
        (&self.table, vec![api_key_key(caller.hash()), owner_limits_key(caller.owner())])
    }

    /// Builds the condition of a transaction that the caller's key is valid.
    pub(crate) fn condition_check(&self, caller: &Caller) -> Result<TransactWriteItem, RecordsError> {
        condition_check(&self.table, caller.hash(), caller.owner(), caller.scope, caller.now)
    }

    /// Builds the condition of a transaction that the key that created an upload token is valid.
    pub(crate) fn creator_check(
        &self,
        token: &UploadToken,
        now: Timestamp,
    ) -> Result<TransactWriteItem, RecordsError> {
        condition_check(&self.table, token.created_by(), token.owner(), Scope::Write, now)
    }

    /// Returns why [`Keys::condition_check`] failed, by the item in the cancellation reason.
    pub(crate) fn refusal(&self, caller: &Caller, found: Option<Item>) -> RecordsError {
        match self.judge_item(caller, found.filter(|item| !item.is_empty())) {
            Err(error) => error,
            Ok(()) => RecordsError::Changed,
        }
    }

    /// Returns whether the cache has the key as valid for the request; `false`: the key has to be read.
    ///
    /// # Errors
    /// [`RecordsError::Key`]: the cache has the key as invalid, or it lacks the scope.
    pub(crate) fn is_cached(&self, caller: &Caller) -> Result<bool, RecordsError> {
        match self.cache.get(caller.hash(), caller.now) {
            None => Ok(false),
            Some(CachedKey::Invalid) => Err(KeyProblem::Invalid.into()),
            Some(CachedKey::Valid(record)) => Ok(caller.check(Some(&record)).map(|()| true)?),
        }
    }

    /// Rejects a caller whose key or token is cached as invalid.
    ///
    /// # Errors
    /// [`RecordsError::Key`].
    pub(crate) fn refuse_cached_invalid(&self, caller: &Caller) -> Result<(), RecordsError> {
        match self.cache.get(caller.hash(), caller.now) {
            Some(CachedKey::Invalid) => Err(KeyProblem::Invalid.into()),
            _ => Ok(()),
        }
    }

    /// Caches the caller's key or token as invalid.
    pub(crate) fn cache_invalid(&self, caller: &Caller) {
        self.cache.put(caller.hash(), CachedKey::Invalid, caller.now);
    }

    /// Checks a key against its item, which was just read, and caches the result.
    pub(crate) fn judge_item(&self, caller: &Caller, item: Option<Item>) -> Result<(), RecordsError> {
        self.judge(caller, item.map(from_item).transpose()?)
    }

    fn judge(&self, caller: &Caller, record: Option<KeyRecord>) -> Result<(), RecordsError> {
        let checked = caller.check(record.as_ref());
        let cached = match (record, checked) {
            (None, _) | (_, Err(KeyProblem::Invalid)) => CachedKey::Invalid,
            (Some(record), _) => CachedKey::Valid(record),
        };
        self.cache.put(caller.hash(), cached, caller.now);
        Ok(checked?)
    }

    /// Checks a key by one read of its item and of the owner's limits.
    pub(crate) async fn read(&self, caller: &Caller) -> Result<(), RecordsError> {
        let (table, keys) = self.place(caller);
        let mut read = batch::read(&self.client, ByTable::from([(table.to_owned(), keys)])).await?;
        self.judge_items(caller, read.remove(table))?;
        self.note_use(caller).await;
        Ok(())
    }

    /// Checks that the key is valid for the request, from the cache if it was read within the last 30 s. For operations that only read,
    /// or that check the key again in the transaction that writes.
    ///
    /// # Errors
    /// [`RecordsError::Key`], [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn check(&self, caller: &Caller) -> Result<(), RecordsError> {
        if self.is_cached(caller)? { Ok(()) } else { self.read(caller).await }
    }

    /// Checks the key by a consistent read, unless the caller only reads, so that a key that was just revoked is rejected. A key that
    /// is cached as invalid is rejected without a read.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn check_now(&self, caller: &Caller) -> Result<(), RecordsError> {
        if self.is_cached(caller)? && caller.scope == Scope::Read {
            return Ok(());
        }
        self.read(caller).await
    }
}
