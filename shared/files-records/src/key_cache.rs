use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use files_domain::{KeyHash, KeyRecord, Timestamp};

/// Good keys, remembered for a short while: a revoked key is refused after that at the latest.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    known: Mutex<HashMap<KeyHash, (KeyRecord, Timestamp)>>,
}

/// How long a good key is remembered, in milliseconds.
const REMEMBERED_MILLIS: u64 = 30_000;
/// More keys than this in one process are not remembered.
const MAX_KEYS: usize = 10_000;

impl KeyCache {
    /// The key's record, if it was read a short while before `now`.
    pub(crate) fn get(&self, hash: KeyHash, now: Timestamp) -> Option<KeyRecord> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (record, read_at) = known.get(&hash)?;
        (now.millis().saturating_sub(read_at.millis()) < REMEMBERED_MILLIS).then(|| record.clone())
    }

    pub(crate) fn remember(&self, hash: KeyHash, record: &KeyRecord, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KEYS {
            known.clear();
        }
        known.insert(hash, (record.clone(), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::{ApiKey, OwnerId, Scope};

    #[test]
    fn a_key_is_remembered_for_half_a_minute() {
        let key = ApiKey::generate(OwnerId::named("press")).unwrap();
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let record = KeyRecord {
            owner: key.owner(),
            owner_name: "press".into(),
            name: "test".into(),
            scopes: Scope::ALL.into(),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
        };
        let cache = KeyCache::default();
        assert_eq!(cache.get(key.hash(), at(100)), None);
        cache.remember(key.hash(), &record, at(100));
        assert_eq!(cache.get(key.hash(), at(129)), Some(record));
        assert_eq!(cache.get(key.hash(), at(130)), None);
    }
}
