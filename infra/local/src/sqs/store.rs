//! The database file, and the notifications of waiting receivers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Notify;

use super::error::SqsError;
use crate::clock::Clock;

/// Times are milliseconds since 1970. A message is visible from `visible_at` on; `received_at`, `first_received_at` and
/// `receipt` refer to its current queue. `receive_count` continues in a dead-letter queue; `receives_before` is its value on
/// arrival.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS queues (
        name TEXT PRIMARY KEY,
        visibility_timeout INTEGER NOT NULL,
        retention INTEGER NOT NULL,
        redrive_target TEXT,
        max_receive_count INTEGER,
        created_at INTEGER NOT NULL,
        modified_at INTEGER NOT NULL,
        purged_at INTEGER
    ) STRICT;
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        message_id TEXT NOT NULL,
        body TEXT NOT NULL,
        md5_of_body TEXT NOT NULL,
        attributes TEXT NOT NULL,
        system_attributes TEXT NOT NULL,
        sender TEXT NOT NULL,
        dead_letter_source TEXT,
        sent_at INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        received_at INTEGER,
        first_received_at INTEGER,
        receive_count INTEGER NOT NULL DEFAULT 0,
        receives_before INTEGER NOT NULL DEFAULT 0,
        receipt TEXT,
        message_group TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at, id);
    CREATE INDEX IF NOT EXISTS messages_sent ON messages (queue, sent_at);
";

/// Columns that older databases lack.
const LATER_COLUMNS: [(&str, &str); 2] =
    [("receives_before", "INTEGER NOT NULL DEFAULT 0"), ("message_group", "TEXT")];

/// Indexes of each group's messages, of those without a group, and of received ones.
const INDEXES: &str = "
    CREATE INDEX IF NOT EXISTS messages_of_group ON messages (queue, message_group, visible_at, id)
        WHERE message_group IS NOT NULL;
    CREATE INDEX IF NOT EXISTS messages_without_group ON messages (queue, visible_at, id)
        WHERE message_group IS NULL;
    CREATE INDEX IF NOT EXISTS messages_received ON messages (queue, visible_at) WHERE received_at IS NOT NULL;
";

/// Queues and messages in one SQLite file.
pub(super) struct Store {
    connection: Mutex<Connection>,
    arrivals: Mutex<HashMap<String, Arc<Notify>>>,
    pub(super) clock: Clock,
}

impl Store {
    pub(super) fn open(file: &Path, clock: Clock) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        // With a write-ahead log, NORMAL loses nothing when the process is killed; only a power failure can.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(SCHEMA)?;
        for (name, definition) in LATER_COLUMNS {
            if !connection.column_exists(None, "messages", name)? {
                connection.execute(&format!("ALTER TABLE messages ADD COLUMN {name} {definition}"), [])?;
            }
        }
        connection.execute_batch(INDEXES)?;
        Ok(Self { connection: Mutex::new(connection), arrivals: Mutex::default(), clock })
    }

    /// Runs `work` in one transaction, which is rolled back if it fails.
    pub(super) fn transaction<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, SqsError>,
    ) -> Result<T, SqsError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Returns the notification of `queue`: it wakes when a message becomes visible earlier than expected.
    pub(super) fn arrivals(&self, queue: &str) -> Arc<Notify> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(arrivals.entry(queue.to_owned()).or_default())
    }
}
