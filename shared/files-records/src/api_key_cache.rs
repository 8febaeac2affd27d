use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use files_domain::{KeyHash, KeyRecord, LimitNumbers, OwnerId, Timestamp};

/// Caches API keys and owners' limits for 30 s. A revoked key is rejected after at most that time, and an invalid one costs no
/// further read.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    good: Mutex<Recent<KeyHash, KeyRecord>>,
    /// Separate, so that many invalid keys do not evict valid ones.
    bad: Mutex<Recent<KeyHash, ()>>,
    /// Individual limits of owners with valid keys.
    limits: Mutex<Recent<OwnerId, LimitNumbers>>,
}

/// The cached state of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// The key has this record.
    Good(KeyRecord),
    /// The key is unknown, expired or revoked.
    Bad,
}

/// Lifetime of an entry in milliseconds.
const CACHE_MILLIS: u64 = 30_000;
/// Most entries of each kind.
const MAX_KEYS: usize = 10_000;

impl KeyCache {
    /// Returns the state of a key that is cached at `now`.
    pub(crate) fn get(&self, hash: KeyHash, now: Timestamp) -> Option<Remembered> {
        if lock(&self.bad).get(hash, now).is_some() {
            return Some(Remembered::Bad);
        }
        lock(&self.good).get(hash, now).map(Remembered::Good)
    }

    /// Returns an owner's individual limits that are cached at `now`.
    pub(crate) fn own_limits(&self, owner: OwnerId, now: Timestamp) -> Option<LimitNumbers> {
        lock(&self.limits).get(owner, now)
    }

    pub(crate) fn remember_limits(&self, owner: OwnerId, own: LimitNumbers, now: Timestamp) {
        lock(&self.limits).put(owner, own, now);
    }

    pub(crate) fn remember(&self, hash: KeyHash, remembered: Remembered, now: Timestamp) {
        match remembered {
            Remembered::Good(record) => {
                lock(&self.bad).known.remove(&hash);
                lock(&self.good).put(hash, record, now);
            }
            Remembered::Bad => {
                lock(&self.good).known.remove(&hash);
                lock(&self.bad).put(hash, (), now);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Recent<K, T> {
    known: HashMap<K, (T, Timestamp)>,
}

impl<K, T> Default for Recent<K, T> {
    fn default() -> Self {
        Self { known: HashMap::new() }
    }
}

impl<K: Eq + Hash, T: Clone> Recent<K, T> {
    fn get(&self, key: K, now: Timestamp) -> Option<T> {
        let (value, read_at) = self.known.get(&key)?;
        is_recent(*read_at, now).then(|| value.clone())
    }

    fn put(&mut self, key: K, value: T, now: Timestamp) {
        if self.known.len() >= MAX_KEYS {
            self.known.retain(|_, (_, read_at)| is_recent(*read_at, now));
        }
        if self.known.len() >= MAX_KEYS {
            self.known.clear();
        }
        self.known.insert(key, (value, now));
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

    fn good(key: &ApiKey) -> Remembered {
        Remembered::Good(KeyRecord {
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
        for remembered in [good(&key), Remembered::Bad] {
            cache.remember(key.hash(), remembered.clone(), at(100));
            assert_eq!(cache.get(key.hash(), at(129)), Some(remembered));
            assert_eq!(cache.get(key.hash(), at(130)), None);
        }
    }

    #[test]
    fn the_latest_state_replaces_an_earlier_one() {
        let (cache, key) = (KeyCache::default(), key());
        for remembered in [good(&key), Remembered::Bad, good(&key)] {
            cache.remember(key.hash(), remembered.clone(), at(1));
            assert_eq!(cache.get(key.hash(), at(2)), Some(remembered));
        }
    }

    #[test]
    fn invalid_keys_do_not_evict_valid_ones() {
        let (cache, key) = (KeyCache::default(), key());
        cache.remember(key.hash(), good(&key), at(1));
        for _ in 0..=MAX_KEYS {
            cache.remember(self::key().hash(), Remembered::Bad, at(1));
        }
        assert_eq!(cache.get(key.hash(), at(2)), Some(good(&key)));
        assert!(lock(&cache.bad).known.len() <= MAX_KEYS);
    }
}
