//! The records in DynamoDB: primary keys, items, conditional writes, pages.
//!
//! There are two tables. In the files table, a file is a summary item and, unless it would be empty, a detail item. The summary has
//! the deadline after which `sweep` finishes pending work, written in the transaction that makes the work necessary. The keys table
//! has the API keys and the owners' individual limits; functions only read it.

mod api_key_admin;
mod api_key_cache;
mod api_key_item;
mod api_keys;
mod attribute;
mod batch;
mod change;
mod client;
mod create;
mod deliveries;
mod due;
mod endpoints;
mod error;
mod events;
mod import;
mod item;
mod key_uses;
mod keys;
mod list;
mod owner_limits;
mod packed;
mod probe;
mod probe_output;
mod rate_limits;
mod read;
mod reconcile;
mod remove;
mod save;
mod scan;
mod slots;
mod transact;
mod update;
mod upload_tokens;
mod usage;

pub use api_keys::Keys;
pub use client::ClientRecords;
pub use create::Created;
pub use deliveries::{DeliveryFilter, DeliveryPage};
pub use due::{DueItem, DueItems, ScheduledWork};
pub use error::RecordsError;
pub use import::ImportClaim;
pub use keys::DUE_SHARDS;
pub use probe::SavedProbe;
pub use probe_output::{MAX_INLINE_BYTES, pack_probe, unpack_probe};
pub use save::Imported;
pub use scan::ScanPosition;
pub use slots::{Slot, SlotKind, WaitSlots};
pub use usage::UsageCounts;

use std::sync::Mutex;

use aws_sdk_dynamodb::Client;
use files_domain::EventRef;

/// The files table of one deployment.
#[derive(Debug)]
pub struct Records {
    client: Client,
    table: String,
    /// Events that this process has written and not queued yet.
    events: Mutex<Vec<EventRef>>,
}

impl Records {
    /// Returns the records in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), events: Mutex::default() }
    }
}
