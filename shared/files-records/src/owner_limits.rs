//! Owners' individual limits in the keys table, and their enforcement.

use files_domain::{Caller, Limit, LimitNumbers, OwnerId, OwnerLimits, Scope, Timestamp, Usage};

use crate::api_keys::Keys;
use crate::attribute::{Item, number};
use crate::batch::{self, ByTable};
use crate::error::unavailable;
use crate::keys::{api_key_key, owner_limits_key, owner_pk, primary_key};
use crate::rate_limits::RateLimits;
use crate::slots::{self, SlotKind};
use crate::usage::{USAGE_SK, usage_from_item};
use crate::{ClientRecords, Records, RecordsError};

/// Reads the limits in an item.
fn numbers(item: &Item) -> LimitNumbers {
    let number = |limit: &Limit| item.get(limit.as_str())?.as_n().ok()?.parse().ok();
    Limit::ALL.into_iter().filter_map(|limit| Some((limit, number(&limit)?))).collect()
}

/// Separates the item of a key from that of the owner's limits.
pub(crate) fn of_owner(item: &Item) -> bool {
    item.get("pk").and_then(|pk| pk.as_s().ok()).is_some_and(|pk| pk.starts_with("owner#"))
}

impl Keys {
    /// Sets the default limits, for owners without individual ones.
    #[must_use]
    pub fn with_default_limits(self, limits: OwnerLimits) -> Self {
        Self { default_limits: limits, ..self }
    }

    /// Reads an owner's individual limits, consistently; empty if the defaults apply.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be read.
    pub async fn own_limits(&self, owner: OwnerId) -> Result<LimitNumbers, RecordsError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(owner_limits_key(owner))).send().await.map_err(unavailable)?;
        Ok(found.item.as_ref().map(numbers).unwrap_or_default())
    }

    /// Sets some of an owner's individual limits, and keeps the others. Processes with cached limits apply them for up to 30 s.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be written.
    pub async fn set_limits(&self, owner: OwnerId, limits: &LimitNumbers) -> Result<(), RecordsError> {
        let mut update =
            self.client.update_item().table_name(&self.table).set_key(Some(owner_limits_key(owner)));
        let mut set = Vec::new();
        for (index, (limit, n)) in limits.iter().enumerate() {
            set.push(format!("#n{index} = :v{index}"));
            update = update
                .expression_attribute_names(format!("#n{index}"), limit.as_str())
                .expression_attribute_values(format!(":v{index}"), number(n));
        }
        if set.is_empty() {
            return Ok(());
        }
        update.update_expression(format!("SET {}", set.join(", "))).send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Removes an owner's individual limits, so that the defaults apply.
    ///
    /// # Errors
    /// As [`set_limits`](Self::set_limits).
    pub async fn reset_limits(&self, owner: OwnerId) -> Result<(), RecordsError> {
        let delete = self.client.delete_item().table_name(&self.table);
        delete.set_key(Some(owner_limits_key(owner))).send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Returns the limits of an owner, at most 30 s old.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], [`RecordsError::Busy`]: the table cannot be read.
    pub async fn limits(&self, owner: OwnerId, now: Timestamp) -> Result<OwnerLimits, RecordsError> {
        if let Some(own) = self.cache.own_limits(owner, now) {
            return Ok(self.default_limits.with_own(&own));
        }
        let own = self.own_limits(owner).await?;
        self.cache.put_limits(owner, own.clone(), now);
        Ok(self.default_limits.with_own(&own))
    }

    /// Checks a caller's key, from the cache if it was read within the last 30 s, and returns the limits of its owner.
    pub(crate) async fn check_with_limits(&self, caller: &Caller) -> Result<OwnerLimits, RecordsError> {
        let own = self.cache.own_limits(caller.owner(), caller.now);
        if !self.is_cached(caller)? || own.is_none() {
            self.read(caller).await?;
        }
        Ok(self.known_limits(caller))
    }

    /// Returns the limits of a caller's owner as they were read with the caller's key or token.
    pub(crate) fn known_limits(&self, caller: &Caller) -> OwnerLimits {
        let own = self.cache.own_limits(caller.owner(), caller.now).unwrap_or_default();
        self.default_limits.with_own(&own)
    }

    /// Checks a key by its item, and caches the limits of its owner. Both items were just read.
    pub(crate) fn judge_items(&self, caller: &Caller, items: Option<Vec<Item>>) -> Result<(), RecordsError> {
        let (mut limits, mut key): (Vec<_>, Vec<_>) =
            items.unwrap_or_default().into_iter().partition(of_owner);
        self.judge_item(caller, key.pop())?;
        self.learn_limits(caller, limits.pop().map(|limits| vec![limits]));
        Ok(())
    }

    /// Caches the limits of the caller's owner, whose item was just read.
    pub(crate) fn learn_limits(&self, caller: &Caller, items: Option<Vec<Item>>) {
        let own = items.unwrap_or_default().first().map(numbers).unwrap_or_default();
        self.cache.put_limits(caller.owner(), own, caller.now);
    }
}

impl Keys {
    /// Enables [`admit`](Self::admit), which counts requests in the table of `records`.
    #[must_use]
    pub fn with_rate_limits(self, records: &Records) -> Self {
        Self { rate_limits: Some(RateLimits::new(records)), ..self }
    }

    /// Admits a request if the owner's requests per second allow it. A key that is not cached is admitted without counting, so that an
    /// invalid key cannot use up the limit of the owner that it names.
    ///
    /// # Errors
    /// [`RecordsError::Key`]: the key is cached as invalid, or lacks the scope. [`RecordsError::Limit`].
    pub async fn admit(&self, caller: &Caller) -> Result<(), RecordsError> {
        if self.rate_limits.is_none() || !self.is_cached(caller)? {
            return Ok(());
        }
        self.admit_owner(caller.owner(), caller.now).await
    }

    /// Admits a request whose key or token was checked.
    pub(crate) async fn admit_owner(&self, owner: OwnerId, now: Timestamp) -> Result<(), RecordsError> {
        let Some(rate_limits) = &self.rate_limits else { return Ok(()) };
        let Some(own) = self.cache.own_limits(owner, now) else { return Ok(()) };
        match self.default_limits.with_own(&own).get(Limit::RequestsPerSecond) {
            Some(rate) => rate_limits.take(owner, rate, now).await,
            None => Ok(()),
        }
    }
}

impl ClientRecords {
    /// Reads the usage and the limits of the caller's owner by one consistent read.
    ///
    /// # Errors
    /// [`RecordsError::Key`], [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn usage(&self, caller: &Caller) -> Result<(Usage, OwnerLimits), RecordsError> {
        debug_assert_eq!(caller.scope, Scope::Read, "a cached key is valid for reading only");
        let (keys, records) = (self.keys(), self.unchecked());
        let is_cached = keys.is_cached(caller)?;
        let mut of_keys = vec![owner_limits_key(caller.owner())];
        if !is_cached {
            of_keys.push(api_key_key(caller.hash()));
        }
        let pk = owner_pk(caller.owner());
        let requested = ByTable::from([
            (keys.table.clone(), of_keys),
            (records.table.clone(), [USAGE_SK, SlotKind::Preview.sk()].map(|sk| primary_key(&pk, sk)).into()),
        ]);
        let mut read = batch::read(&records.client, requested).await?;
        let (limits, key): (Vec<_>, Vec<_>) =
            read.remove(&keys.table).unwrap_or_default().into_iter().partition(of_owner);
        if !is_cached {
            keys.judge_item(caller, key.into_iter().next())?;
            keys.note_use(caller).await;
        }
        let own = limits.first().map(numbers).unwrap_or_default();
        keys.cache.put_limits(caller.owner(), own.clone(), caller.now);
        let items = read.remove(&records.table).unwrap_or_default();
        let is_usage =
            |item: &&Item| item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == USAGE_SK);
        let (usage, slots) = (items.iter().find(is_usage), items.iter().find(|item| !is_usage(item)));
        let previews = slots.map_or(0, |item| slots::held(item, caller.now).len() as u64);
        let usage = Usage { previews, ..usage.map(usage_from_item).unwrap_or_default() };
        Ok((usage, keys.default_limits.with_own(&own)))
    }
}
