//! Objects and the files of their bytes.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::OffsetDateTime;

use super::{Headers, algorithm, headers, kind, time, to_millis};
use crate::s3::checksums::{Algorithm, Checksum};
use crate::s3::fault::Outcome;

/// An object without its bytes.
#[derive(Clone, Debug)]
pub(in crate::s3) struct Object {
    pub(in crate::s3) key: String,
    /// Changes with every write of the key; not visible to clients.
    pub(in crate::s3) version: String,
    /// Bytes.
    pub(in crate::s3) size: u64,
    /// Without quotes.
    pub(in crate::s3) etag: String,
    pub(in crate::s3) modified: OffsetDateTime,
    pub(in crate::s3) checksum: Checksum,
    pub(in crate::s3) headers: Headers,
}

impl Object {
    /// Returns whether it was completed from parts, which its tag shows.
    pub(in crate::s3) fn is_multipart(&self) -> bool {
        self.etag.contains('-')
    }
}

/// A file with a piece of an object.
pub(in crate::s3) struct Segment {
    pub(in crate::s3) file: String,
    /// Bytes.
    pub(in crate::s3) size: u64,
    /// The number of the part that it was uploaded as.
    pub(in crate::s3) number: i32,
    /// The digest of the part.
    pub(in crate::s3) checksum: Option<Vec<u8>>,
}

/// Finds the object of a key.
pub(in crate::s3) fn find(index: &Connection, key: &str) -> Outcome<Option<Object>> {
    let mut query = index.prepare_cached("SELECT * FROM objects WHERE key = ?1")?;
    Ok(query.query_row([key], read).optional()?)
}

/// Returns the files of an object, in order.
pub(in crate::s3) fn segments(index: &Connection, version: &str) -> Outcome<Vec<Segment>> {
    let query = "SELECT file, size, coalesce(number, position + 1), checksum FROM segments
        WHERE version = ?1 ORDER BY position";
    let mut query = index.prepare_cached(query)?;
    let rows = query.query_map([version], |row| {
        Ok(Segment { file: row.get(0)?, size: row.get(1)?, number: row.get(2)?, checksum: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Inserts an object. [`remove`] an existing object of the key first.
pub(in crate::s3) fn insert(index: &Connection, object: &Object, segments: &[Segment]) -> Outcome<()> {
    let insert =
        "INSERT INTO objects (key, version, size, etag, modified, algorithm, kind, checksum, headers)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    index.prepare_cached(insert)?.execute(params![
        object.key,
        object.version,
        object.size,
        object.etag,
        to_millis(object.modified),
        object.checksum.algorithm.name(),
        object.checksum.kind.name(),
        object.checksum.value,
        serde_json::to_string(&object.headers)?,
    ])?;
    let insert = "INSERT INTO segments (version, position, file, size, number, checksum)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = index.prepare_cached(insert)?;
    for (position, segment) in segments.iter().enumerate() {
        let Segment { file, size, number, checksum } = segment;
        insert.execute(params![object.version, position, file, size, number, checksum])?;
    }
    Ok(())
}

/// Deletes an object. Returns the files that are unused now.
pub(in crate::s3) fn remove(index: &Connection, object: &Object) -> Outcome<Vec<String>> {
    let files = segments(index, &object.version)?;
    index.prepare_cached("DELETE FROM segments WHERE version = ?1")?.execute([&object.version])?;
    index.prepare_cached("DELETE FROM objects WHERE key = ?1")?.execute([&object.key])?;
    Ok(files.into_iter().map(|segment| segment.file).collect())
}

/// Lists at most `limit` objects whose keys start with `prefix`, from `start` on, in byte order.
pub(in crate::s3) fn list(
    index: &Connection,
    prefix: &str,
    start: &Start,
    limit: i64,
) -> Outcome<Vec<Object>> {
    // Keys with the prefix are adjacent: from the prefix itself to the first key without it.
    let (query, key) = match start {
        Start::At(key) => ("SELECT * FROM objects WHERE key >= ?2 AND key >= ?1 ORDER BY key LIMIT ?3", key),
        Start::After(key) => {
            ("SELECT * FROM objects WHERE key > ?2 AND key >= ?1 ORDER BY key LIMIT ?3", key)
        }
    };
    let mut query = index.prepare_cached(query)?;
    let rows = query.query_map(params![prefix, key, limit], read)?;
    let found = rows.take_while(|row| row.as_ref().map_or(true, |object| object.key.starts_with(prefix)));
    Ok(found.collect::<Result<_, _>>()?)
}

/// The start of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::s3) enum Start {
    At(String),
    After(String),
}

fn read(row: &Row<'_>) -> rusqlite::Result<Object> {
    Ok(Object {
        key: row.get("key")?,
        version: row.get("version")?,
        size: row.get("size")?,
        etag: row.get("etag")?,
        modified: time(row, "modified")?,
        checksum: Checksum {
            algorithm: algorithm(row)?.unwrap_or(Algorithm::Crc64Nvme),
            kind: kind(row)?,
            value: row.get("checksum")?,
        },
        headers: headers(row)?,
    })
}
