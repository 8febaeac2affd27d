use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use files_domain::{OwnerId, Timestamp};

use crate::{Keys, Records};

/// How long a process caches that an owner has webhook endpoints.
const ENDPOINTS_CACHE_TTL: Duration = Duration::from_secs(30);
/// Maximum number of owners in this cache.
const MAX_CACHED_OWNERS: usize = 1_000;

/// The records for requests of API clients. Each operation checks the caller's key, most of them in the read or the transaction
/// that does the work.
#[derive(Debug)]
pub struct ClientRecords {
    records: Records,
    keys: Keys,
    /// Whether the end and the deletion of every file are events.
    all_events: bool,
    /// Owners with webhook endpoints, and the expiry of each entry.
    with_endpoints: Mutex<HashMap<OwnerId, Timestamp>>,
}

impl ClientRecords {
    /// Returns `records` for API clients, whose keys are in `keys`.
    #[must_use]
    pub fn new(records: Records, keys: Keys) -> Self {
        Self { records, keys, all_events: false, with_endpoints: Mutex::default() }
    }

    /// Makes the end and the deletion of every file an event.
    #[must_use]
    pub fn with_all_events(self) -> Self {
        Self { all_events: true, ..self }
    }

    /// Returns whether the end and the deletion of every file are events.
    pub(crate) fn has_all_events(&self) -> bool {
        self.all_events
    }

    /// Returns the API keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns whether the cache has webhook endpoints of an owner.
    pub(crate) fn has_endpoints(&self, owner: OwnerId, now: Timestamp) -> bool {
        let owners = self.with_endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(&owner).is_some_and(|until| *until > now)
    }

    /// Caches that an owner has webhook endpoints.
    pub(crate) fn cache_has_endpoints(&self, owner: OwnerId, now: Timestamp) {
        let mut owners = self.with_endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|_, until| *until > now);
        if owners.len() < MAX_CACHED_OWNERS {
            owners.insert(owner, now.plus(ENDPOINTS_CACHE_TTL));
        }
    }

    /// Returns the records without checks of keys, for use after a checked operation.
    #[must_use]
    pub fn unchecked(&self) -> &Records {
        &self.records
    }
}
