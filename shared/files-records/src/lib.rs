//! The records in DynamoDB: keys, items, conditional writes, pages.
//!
//! Two tables. In the files table, a file is a summary item and, where there is more to say, a detail item; whatever still
//! has to happen to it is an attribute of the summary, set in the same transaction that makes it necessary. The keys table
//! holds the API keys; functions only read it.

mod batch;
mod create;
mod due;
mod error;
mod import;
mod item;
mod key_cache;
mod key_item;
mod keys;
mod list;
mod probe;
mod probe_output;
mod read;
mod remove;
mod save;
mod scan;
mod transact;

pub use due::{DUE_SHARDS, DueItem, DueItems, DueWhat};
pub use keys::Keys;
pub use probe_output::{MAX_INLINE_BYTES, pack_probe, unpack_probe};
pub use scan::ScanPosition;

use aws_sdk_dynamodb::Client;
use files_domain::{Authority, CheckKey, StoreError};

/// The files table of one deployment, and the keys table for whoever works for clients.
#[derive(Debug)]
pub struct Records {
    client: Client,
    table: String,
    keys: Option<Keys>,
}

impl Records {
    /// The records in `table`, for background work: what asks for a key's check fails.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), keys: None }
    }

    /// The same for clients, whose keys are checked against `keys`.
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    fn keys(&self) -> Result<&Keys, StoreError> {
        self.keys.as_ref().ok_or_else(|| error::corrupt("these records were opened without the keys table"))
    }
}

impl CheckKey for Records {
    async fn check_key(&self, access: &Authority) -> Result<(), StoreError> {
        self.keys()?.check_key(access).await
    }

    async fn check_key_now(&self, access: &Authority) -> Result<(), StoreError> {
        self.keys()?.check_key_now(access).await
    }
}
