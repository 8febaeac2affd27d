use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use files_domain::{OwnerId, Timestamp};

use crate::{Keys, Records};

/// How long a process remembers that an owner has webhook endpoints.
const ENDPOINTS_CACHE_TTL: Duration = Duration::from_secs(30);
/// Most owners that it remembers.
const MAX_REMEMBERED: usize = 1_000;

/// The records as the API's clients reach them: each operation checks the caller's key, most of them in the read or the
/// transaction that does the work.
#[derive(Debug)]
pub struct ClientRecords {
    records: Records,
    keys: Keys,
    /// Whether what happens to any file is an event.
    all_events: bool,
    /// Owners that have webhook endpoints, and until when that is believed.
    with_endpoints: Mutex<HashMap<OwnerId, Timestamp>>,
}

impl ClientRecords {
    /// Checks the keys of those who use `records` against `keys`.
    #[must_use]
    pub fn new(records: Records, keys: Keys) -> Self {
        Self { records, keys, all_events: false, with_endpoints: Mutex::default() }
    }

    /// Makes an event of what happens to any file: of its end and of its deletion.
    #[must_use]
    pub fn with_all_events(self) -> Self {
        Self { all_events: true, ..self }
    }

    /// Returns whether what happens to any file is an event.
    pub(crate) fn has_all_events(&self) -> bool {
        self.all_events
    }

    /// Returns the API keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns whether an owner is remembered to have webhook endpoints.
    pub(crate) fn has_endpoints(&self, owner: OwnerId, now: Timestamp) -> bool {
        let owners = self.with_endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(&owner).is_some_and(|until| *until > now)
    }

    /// Remembers that an owner has webhook endpoints.
    pub(crate) fn remember_endpoints(&self, owner: OwnerId, now: Timestamp) {
        let mut owners = self.with_endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|_, until| *until > now);
        if owners.len() < MAX_REMEMBERED {
            owners.insert(owner, now.plus(ENDPOINTS_CACHE_TTL));
        }
    }

    /// Returns the records without the check of a key, for what follows a checked operation.
    #[must_use]
    pub fn unchecked(&self) -> &Records {
        &self.records
    }
}
