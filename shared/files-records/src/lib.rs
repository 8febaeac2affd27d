//! The records in DynamoDB: keys, items, conditional writes, pages.
//!
//! One table. A file is a summary item and, where there is more to say, a detail item; whatever still has to happen
//! to it is an attribute of the summary, set in the same transaction that makes it necessary.

mod create;
mod due;
mod error;
mod import;
mod item;
mod key;
mod key_cache;
mod list;
mod probe;
mod probe_output;
mod read;
mod remove;
mod save;
mod scan;
mod transact;

pub use due::{DUE_SHARDS, DueItem, DueWhat};
pub use probe_output::{MAX_INLINE_BYTES, pack_probe, unpack_probe};
pub use scan::ScanPosition;

use aws_sdk_dynamodb::Client;
use key_cache::KeyCache;

/// The table of one deployment.
#[derive(Debug)]
pub struct Records {
    client: Client,
    table: String,
    known_keys: KeyCache,
}

impl Records {
    /// The records in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), known_keys: KeyCache::default() }
    }
}
