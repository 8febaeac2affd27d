//! The records in DynamoDB: keys, items, conditional writes, pages.
//!
//! Two tables. In the files table, a file is a summary item and, where there is more to say, a detail item; whatever still
//! has to happen to it is an attribute of the summary, set in the same transaction that makes it necessary. The keys table
//! holds the API keys; functions only read it.

mod batch;
mod change;
mod client;
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

pub use client::ClientRecords;
pub use create::Created;
pub use due::{DUE_SHARDS, DueItem, DueItems, DueWhat};
pub use error::RecordsError;
pub use import::ImportClaim;
pub use keys::Keys;
pub use probe::SavedProbe;
pub use probe_output::{MAX_INLINE_BYTES, pack_probe, unpack_probe};
pub use scan::ScanPosition;

use aws_sdk_dynamodb::Client;

/// The files table of one deployment.
#[derive(Debug)]
pub struct Records {
    client: Client,
    table: String,
}

impl Records {
    /// Returns the records in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}
