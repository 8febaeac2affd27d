use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use files_domain::{KeyHash, KeyRecord, LimitNumbers, OwnerId, Timestamp};

/// Caches API keys and owners' limits for 30 s. A revoked key is rejected after at most that time, and an invalid one costs no
/// further read.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    valid: Mutex<Recent<KeyHash, KeyRecord>>,
    /// Separate, so that many invalid keys do not evict valid ones.
    invalid: Mutex<Recent<KeyHash, ()>>,
    /// Individual limits of owners with valid keys.
    limits: Mutex<Recent<OwnerId, LimitNumbers>>,
}

/// The cached state of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CachedKey {
    /// The key has this record.
    Valid(KeyRecord),
    /// The key is unknown, expired or revoked.
    Invalid,
}

/// Lifetime of an entry in milliseconds.
const CACHE_MILLIS: u64 = 30_000;
/// Maximum number of entries of each kind.
const MAX_KEYS: usize = 10_000;

impl KeyCache {
    /// Returns the state of a key that is cached at `now`.
    pub(crate) fn get(&self, hash: KeyHash, now: Timestamp) -> Option<CachedKey> {
        if lock(&self.invalid).get(hash, now).is_some() {
            return Some(CachedKey::Invalid);
        }
        lock(&self.valid).get(hash, now).map(CachedKey::Valid)
    }

    /// Returns an owner's individual limits that are cached at `now`.
    pub(crate) fn own_limits(&self, owner: OwnerId, now: Timestamp) -> Option<LimitNumbers> {
        lock(&self.limits).get(owner, now)
    }

    pub(crate) fn put_limits(&self, owner: OwnerId, own: LimitNumbers, now: Timestamp) {
        lock(&self.limits).put(owner, own, now);
    }

    pub(crate) fn put(&self, hash: KeyHash, key: CachedKey, now: Timestamp) {
        match key {
            CachedKey::Valid(record) => {
                lock(&self.invalid).entries.remove(&hash);
                lock(&self.valid).put(hash, record, now);
            }
            CachedKey::Invalid => {
                lock(&self.valid).entries.remove(&hash);
                lock(&self.invalid).put(hash, (), now);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Recent<K, T> {
    entries: HashMap<K, (T, Timestamp)>,
}

impl<K, T> Default for Recent<K, T> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<K: Eq + Hash, T: Clone> Recent<K, T> {
    fn get(&self, key: K, now: Timestamp) -> Option<T> {
        let (value, read_at) = self.entries.get(&key)?;
        is_recent(*read_at, now).then(|| value.clone())
    }

    fn put(&mut self, key: K, value: T, now: Timestamp) {
        if self.entries.len() >= MAX_KEYS {
            self.entries.retain(|_, (_, read_at)| is_recent(*read_at, now));
        }
        if self.entries.len() >= MAX_KEYS {
            self.entries.clear();
        }
        self.entries.insert(key, (value, now));
    }
}

fn is_recent(read_at: Timestamp, now: Timestamp) -> bool {
    now.millis().saturating_sub(read_at.millis()) < CACHE_MILLIS
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::{ApiKey, OwnerId, Scope};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn key() -> ApiKey {
        ApiKey::generate(OwnerId::named("press")).unwrap()
    }

    fn valid(key: &ApiKey) -> CachedKey {
        CachedKey::Valid(KeyRecord {
            owner: key.owner(),
            owner_name: "press".into(),
            name: "test".into(),
            scopes: Scope::ALL.into(),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
        })
    }

    #[test]
    fn a_key_is_cached_for_30_seconds() {
        let key = key();
        let cache = KeyCache::default();
        assert_eq!(cache.get(key.hash(), at(100)), None);
        for cached in [valid(&key), CachedKey::Invalid] {
            cache.put(key.hash(), cached.clone(), at(100));
            assert_eq!(cache.get(key.hash(), at(129)), Some(cached));
            assert_eq!(cache.get(key.hash(), at(130)), None);
        }
    }

    #[test]
    fn the_latest_state_replaces_an_earlier_one() {
        let (cache, key) = (KeyCache::default(), key());
        for cached in [valid(&key), CachedKey::Invalid, valid(&key)] {
            cache.put(key.hash(), cached.clone(), at(1));
            assert_eq!(cache.get(key.hash(), at(2)), Some(cached));
        }
    }

    #[test]
    fn invalid_keys_do_not_evict_valid_ones() {
        let (cache, key) = (KeyCache::default(), key());
        cache.put(key.hash(), valid(&key), at(1));
        for _ in 0..=MAX_KEYS {
            cache.put(self::key().hash(), CachedKey::Invalid, at(1));
        }
        assert_eq!(cache.get(key.hash(), at(2)), Some(valid(&key)));
        assert!(lock(&cache.invalid).entries.len() <= MAX_KEYS);
    }
}
