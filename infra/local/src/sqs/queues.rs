//! Queues and their settings.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::clock::{Millis, now, span};
use super::error::SqsError;
use super::store::Store;
use super::{Depth, QueueDefinition, Redrive};

/// A stored queue.
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) visibility_timeout: Millis,
    pub(super) retention: Millis,
    pub(super) redrive: Option<Redrive>,
    pub(super) created_at: Millis,
    pub(super) modified_at: Millis,
    purged_at: Option<Millis>,
}

const COLUMNS: &str = "name, visibility_timeout, retention, redrive_target, max_receive_count, created_at, \
     modified_at, purged_at";
/// Minimum time between two purges of a queue.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

impl Queue {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let target: Option<String> = row.get(3)?;
        let max_receive_count: Option<u32> = row.get(4)?;
        Ok(Self {
            name: row.get(0)?,
            visibility_timeout: row.get(1)?,
            retention: row.get(2)?,
            redrive: target
                .zip(max_receive_count)
                .map(|(target, max_receive_count)| Redrive { target, max_receive_count }),
            created_at: row.get(5)?,
            modified_at: row.get(6)?,
            purged_at: row.get(7)?,
        })
    }

    pub(super) fn find(transaction: &Transaction<'_>, name: &str) -> Result<Self, SqsError> {
        let mut statement =
            transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM queues WHERE name = ?1"))?;
        statement.query_row([name], Self::from_row).optional()?.ok_or(SqsError::QueueDoesNotExist)
    }
}

impl Store {
    /// Creates a queue, or updates its settings.
    pub(super) fn ensure_queue(&self, definition: &QueueDefinition) -> Result<(), SqsError> {
        let (target, count) = definition.redrive.as_ref().map(|r| (&r.target, r.max_receive_count)).unzip();
        self.transaction(|transaction| {
            transaction.execute(
                "INSERT INTO queues (name, visibility_timeout, retention, redrive_target, max_receive_count,
                    created_at, modified_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
                 ON CONFLICT (name) DO UPDATE SET visibility_timeout = ?2, retention = ?3, redrive_target = ?4,
                    max_receive_count = ?5, modified_at = ?6
                 WHERE (visibility_timeout, retention) <> (?2, ?3) OR redrive_target IS NOT ?4
                    OR max_receive_count IS NOT ?5",
                params![
                    definition.name,
                    span(definition.visibility_timeout),
                    span(definition.retention),
                    target,
                    count,
                    now(&self.clock)
                ],
            )?;
            Ok(())
        })
    }

    pub(super) fn queue(&self, name: &str) -> Result<Queue, SqsError> {
        self.transaction(|transaction| Queue::find(transaction, name))
    }

    /// Lists the names that start with `prefix` and sort after `after`, sorted.
    pub(super) fn queue_names(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, SqsError> {
        self.transaction(|transaction| {
            let mut statement =
                transaction.prepare_cached("SELECT name FROM queues WHERE name > ?1 ORDER BY name")?;
            let names = statement.query_map([after], |row| row.get::<_, String>(0))?;
            let matching = names.filter(|name| name.as_ref().map_or(true, |name| name.starts_with(prefix)));
            Ok(matching.take(limit).collect::<Result<_, _>>()?)
        })
    }

    /// Counts the messages.
    pub(super) fn depth(&self, name: &str) -> Result<Depth, SqsError> {
        self.transaction(|transaction| {
            let queue = Queue::find(transaction, name)?;
            let now = now(&self.clock);
            let mut statement = transaction.prepare_cached(
                "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                        count(*) FILTER (WHERE visible_at > ?2 AND received_at IS NOT NULL),
                        count(*) FILTER (WHERE visible_at > ?2 AND received_at IS NULL)
                 FROM messages WHERE queue = ?1 AND sent_at > ?3",
            )?;
            let count = |row: &Row<'_>, column| row.get::<_, u32>(column).map(u64::from);
            Ok(statement.query_row(params![name, now, now - queue.retention], |row| {
                Ok(Depth { visible: count(row, 0)?, in_flight: count(row, 1)?, delayed: count(row, 2)? })
            })?)
        })
    }

    /// Deletes all messages.
    pub(super) fn purge(&self, name: &str) -> Result<(), SqsError> {
        self.transaction(|transaction| {
            let queue = Queue::find(transaction, name)?;
            let now = now(&self.clock);
            if queue.purged_at.is_some_and(|purged_at| now < purged_at + span(PURGE_INTERVAL)) {
                return Err(SqsError::PurgeQueueInProgress(name.to_owned()));
            }
            transaction.execute("DELETE FROM messages WHERE queue = ?1", [name])?;
            transaction.execute("UPDATE queues SET purged_at = ?2 WHERE name = ?1", params![name, now])?;
            Ok(())
        })
    }
}
