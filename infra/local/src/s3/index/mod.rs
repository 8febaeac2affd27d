//! The index of objects, uploads and events. Their bytes are in [`super::files`].

pub(super) mod events;
pub(super) mod objects;
pub(super) mod uploads;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row};
use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::checksums::{Algorithm, Kind};

/// `uploads.completed` is the version that an upload became, for a repeated completion.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS objects (
  key TEXT PRIMARY KEY, version TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, etag TEXT NOT NULL,
  modified INTEGER NOT NULL, algorithm TEXT NOT NULL, kind TEXT NOT NULL, checksum TEXT NOT NULL,
  headers TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
  version TEXT NOT NULL, position INTEGER NOT NULL, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
  PRIMARY KEY (version, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, initiated INTEGER NOT NULL, algorithm TEXT, kind TEXT NOT NULL,
  headers TEXT NOT NULL, completed TEXT, completed_at INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_uploads ON uploads (key, id) WHERE completed IS NULL;
CREATE TABLE IF NOT EXISTS parts (
  upload TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
  etag TEXT NOT NULL, checksum BLOB NOT NULL, modified INTEGER NOT NULL, PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL,
  etag TEXT NOT NULL, time INTEGER NOT NULL
);
";

/// Columns that older folders lack. `uploads.overtaken`: see [`uploads::Overtaken`]; `segments.number` and `checksum`: those of
/// the segment's part.
const ADDED: [(&str, &str, &str); 3] = [
    ("uploads", "overtaken", "INTEGER NOT NULL DEFAULT 0"),
    ("segments", "number", "INTEGER"),
    ("segments", "checksum", "BLOB"),
];

/// Opens the index for this process alone: a second process would delete the bodies that the first one is receiving.
pub(super) fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"))?;
    for (table, column, kind) in ADDED {
        add_column(&connection, table, column, kind)?;
    }
    Ok(connection)
}

fn add_column(index: &Connection, table: &str, column: &str, kind: &str) -> rusqlite::Result<()> {
    let query = "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2";
    if index.query_row(query, [table, column], |_| Ok(())).optional()?.is_none() {
        index.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind};"))?;
    }
    Ok(())
}

/// Returns whether an object or a part uses this file.
pub(super) fn names_file(index: &Connection, file: &str) -> rusqlite::Result<bool> {
    let query = "SELECT 1 FROM segments WHERE file = ?1 UNION ALL SELECT 1 FROM parts WHERE file = ?1";
    let found = index.prepare_cached(query)?.query_row([file], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Headers that a client sends with an object and gets back with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) metadata: Option<std::collections::HashMap<String, String>>,
}

/// Converts a time to milliseconds, the precision that S3 stores.
fn to_millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<OffsetDateTime> {
    let millis: i64 = row.get(column)?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    time.map_err(|error| invalid(column, error))
}

fn headers(row: &Row<'_>) -> rusqlite::Result<Headers> {
    serde_json::from_str(&row.get::<_, String>("headers")?).map_err(|error| invalid("headers", error))
}

fn algorithm(row: &Row<'_>) -> rusqlite::Result<Option<Algorithm>> {
    let name: Option<String> = row.get("algorithm")?;
    Ok(Algorithm::ALL.into_iter().find(|algorithm| Some(algorithm.name()) == name.as_deref()))
}

fn kind(row: &Row<'_>) -> rusqlite::Result<Kind> {
    let name: String = row.get("kind")?;
    Ok(if name == Kind::Composite.name() { Kind::Composite } else { Kind::FullObject })
}

/// Creates the error of a value that this program did not write.
fn invalid(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    tracing::error!(column, "the index of S3 has an invalid value");
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}
