//! Undelivered events of created objects.

use rusqlite::{Connection, Row, params};

use super::objects::Object;
use super::{time, to_millis};
use crate::s3::ObjectCreated;
use crate::s3::fault::Outcome;

/// Adds the event of a created object, in the transaction that writes the object.
pub(in crate::s3) fn add(index: &Connection, name: &str, object: &Object) -> Outcome<()> {
    let insert = "INSERT INTO events (name, key, size, etag, time) VALUES (?1, ?2, ?3, ?4, ?5)";
    let time = to_millis(object.modified);
    index.prepare_cached(insert)?.execute(params![name, object.key, object.size, object.etag, time])?;
    Ok(())
}

/// Returns the oldest events.
pub(in crate::s3) fn pending(index: &Connection, limit: usize) -> rusqlite::Result<Vec<ObjectCreated>> {
    let mut query = index.prepare_cached("SELECT * FROM events ORDER BY id LIMIT ?1")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.query_map([limit], read)?.collect()
}

/// Deletes an event.
pub(in crate::s3) fn finish(index: &Connection, id: i64) -> rusqlite::Result<()> {
    index.prepare_cached("DELETE FROM events WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<ObjectCreated> {
    let id: i64 = row.get("id")?;
    Ok(ObjectCreated {
        id,
        event_name: row.get("name")?,
        key: row.get("key")?,
        size: row.get("size")?,
        etag: row.get("etag")?,
        // Ids ascend over the whole bucket, as a sequencer must.
        sequencer: format!("{id:018X}"),
        time: time(row, "time")?,
    })
}
