//! Multipart uploads and their parts.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::{Duration, OffsetDateTime};

use super::{Headers, algorithm, headers, kind, time, to_millis};
use crate::s3::checksums::{Algorithm, Kind};
use crate::s3::fault::Outcome;

/// How long a completed upload is kept, so that a repeated completion gets the same response.
const COMPLETED_KEPT: Duration = Duration::days(1);

/// A multipart upload.
#[derive(Clone, Debug)]
pub(in crate::s3) struct Upload {
    pub(in crate::s3) id: String,
    pub(in crate::s3) key: String,
    pub(in crate::s3) initiated: OffsetDateTime,
    /// The algorithm that the client requested, if any.
    pub(in crate::s3) algorithm: Option<Algorithm>,
    pub(in crate::s3) kind: Kind,
    pub(in crate::s3) headers: Headers,
    /// The version of the completed object.
    pub(in crate::s3) completed: Option<String>,
    pub(in crate::s3) overtaken: Overtaken,
}

/// The changes by others to the key of an open upload, which make conditional completions fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::s3) enum Overtaken {
    #[default]
    No,
    /// An object was written.
    Written,
    /// An object was deleted, and perhaps others were written.
    Deleted,
}

impl Upload {
    /// Returns the checksum algorithm that is computed for each part.
    pub(in crate::s3) fn computed(&self) -> Algorithm {
        self.algorithm.unwrap_or(Algorithm::Crc64Nvme)
    }
}

/// A stored part.
#[derive(Clone, Debug)]
pub(in crate::s3) struct Part {
    /// 1 to 10,000.
    pub(in crate::s3) number: i32,
    pub(in crate::s3) file: String,
    /// Bytes.
    pub(in crate::s3) size: u64,
    /// Without quotes.
    pub(in crate::s3) etag: String,
    /// The digest of [`Upload::computed`].
    pub(in crate::s3) checksum: Vec<u8>,
    pub(in crate::s3) modified: OffsetDateTime,
}

/// Inserts an upload.
pub(in crate::s3) fn insert(index: &Connection, upload: &Upload) -> Outcome<()> {
    let insert =
        "INSERT INTO uploads (id, key, initiated, algorithm, kind, headers) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    index.prepare_cached(insert)?.execute(params![
        upload.id,
        upload.key,
        to_millis(upload.initiated),
        upload.algorithm.map(Algorithm::name),
        upload.kind.name(),
        serde_json::to_string(&upload.headers)?,
    ])?;
    Ok(())
}

/// Finds an upload by its id, completed or open.
pub(in crate::s3) fn find(index: &Connection, key: &str, id: &str) -> Outcome<Option<Upload>> {
    let mut query = index.prepare_cached("SELECT * FROM uploads WHERE id = ?1 AND key = ?2")?;
    Ok(query.query_row([id, key], read).optional()?)
}

/// Records the object of a completed upload.
pub(in crate::s3) fn complete(
    index: &Connection,
    id: &str,
    version: &str,
    now: OffsetDateTime,
) -> Outcome<()> {
    let update = "UPDATE uploads SET completed = ?2, completed_at = ?3 WHERE id = ?1";
    index.prepare_cached(update)?.execute(params![id, version, to_millis(now)])?;
    Ok(())
}

/// Records that a key with open uploads was written or deleted.
pub(in crate::s3) fn overtake(index: &Connection, key: &str, how: Overtaken) -> Outcome<()> {
    let update = "UPDATE uploads SET overtaken = max(overtaken, ?2) WHERE key = ?1 AND completed IS NULL";
    index.prepare_cached(update)?.execute(params![key, how as u8])?;
    Ok(())
}

/// Deletes an upload; [`remove_parts`] deletes its parts.
pub(in crate::s3) fn remove(index: &Connection, id: &str) -> Outcome<()> {
    index.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Deletes uploads that were completed more than [`COMPLETED_KEPT`] ago.
pub(in crate::s3) fn forget_completed(index: &Connection, now: OffsetDateTime) -> rusqlite::Result<usize> {
    index.execute("DELETE FROM uploads WHERE completed_at < ?1", [to_millis(now - COMPLETED_KEPT)])
}

/// Lists at most `limit` open uploads after `(key, id)`, by key and then by age.
pub(in crate::s3) fn list(
    index: &Connection,
    prefix: &str,
    (key, id): (&str, &str),
    limit: i64,
) -> Outcome<Vec<Upload>> {
    let query = "SELECT * FROM uploads WHERE completed IS NULL AND (key, id) > (?2, ?3) AND key >= ?1
        ORDER BY key, id LIMIT ?4";
    let mut query = index.prepare_cached(query)?;
    let rows = query.query_map(params![prefix, key, id, limit], read)?;
    let found = rows.take_while(|row| row.as_ref().map_or(true, |upload| upload.key.starts_with(prefix)));
    Ok(found.collect::<Result<_, _>>()?)
}

/// Writes a part. Returns the file of the part that it replaces.
pub(in crate::s3) fn put_part(index: &Connection, upload: &str, part: &Part) -> Outcome<Option<String>> {
    let mut query = index.prepare_cached("SELECT file FROM parts WHERE upload = ?1 AND number = ?2")?;
    let replaced = query.query_row(params![upload, part.number], |row| row.get(0)).optional()?;
    let insert = "INSERT OR REPLACE INTO parts (upload, number, file, size, etag, checksum, modified)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    index.prepare_cached(insert)?.execute(params![
        upload,
        part.number,
        part.file,
        part.size,
        part.etag,
        part.checksum,
        to_millis(part.modified)
    ])?;
    Ok(replaced)
}

/// Lists at most `limit` parts with numbers after `after`, in order.
pub(in crate::s3) fn parts(index: &Connection, upload: &str, after: i32, limit: i64) -> Outcome<Vec<Part>> {
    let query = "SELECT * FROM parts WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
    let mut query = index.prepare_cached(query)?;
    let rows = query.query_map(params![upload, after, limit], read_part)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Deletes all parts of an upload.
pub(in crate::s3) fn remove_parts(index: &Connection, upload: &str) -> Outcome<()> {
    index.prepare_cached("DELETE FROM parts WHERE upload = ?1")?.execute([upload])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: row.get("id")?,
        key: row.get("key")?,
        initiated: time(row, "initiated")?,
        algorithm: algorithm(row)?,
        kind: kind(row)?,
        headers: headers(row)?,
        completed: row.get("completed")?,
        overtaken: match row.get("overtaken")? {
            0_u8 => Overtaken::No,
            1 => Overtaken::Written,
            _ => Overtaken::Deleted,
        },
    })
}

fn read_part(row: &Row<'_>) -> rusqlite::Result<Part> {
    Ok(Part {
        number: row.get("number")?,
        file: row.get("file")?,
        size: row.get("size")?,
        etag: row.get("etag")?,
        checksum: row.get("checksum")?,
        modified: time(row, "modified")?,
    })
}
