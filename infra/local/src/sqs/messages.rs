//! Messages: sends, receives, hides, deletes them, and moves them to the dead-letter queue.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::Value;
use uuid::Uuid;

use super::Message;
use super::attributes::md5_hex;
use super::clock::{Millis, date, now, span};
use super::error::{SqsError, invalid};
use super::fairness;
use super::queues::Queue;
use super::receipt::Receipt;
use super::store::Store;

/// Maximum time that a message stays invisible after a receive.
pub(super) const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// A checked message to send.
pub(super) struct NewMessage {
    pub(super) body: String,
    pub(super) delay: Duration,
    /// Message attributes in the API's JSON, an object.
    pub(super) attributes: Value,
    /// System attributes that the sender may set, in the API's JSON, an object.
    pub(super) system_attributes: Value,
    /// MessageGroupId.
    pub(super) group: Option<String>,
}

/// The result of sending a message.
pub(super) struct Sent {
    pub(super) message_id: String,
    pub(super) md5_of_body: String,
}

/// The result of one receive from a queue.
pub(super) struct Taken {
    pub(super) messages: Vec<Message>,
    /// The time when the next message becomes visible by itself.
    pub(super) next_visible_at: Option<Millis>,
}

impl Store {
    pub(super) fn send(&self, queue: &str, sender: &str, message: &NewMessage) -> Result<Sent, SqsError> {
        let sent =
            Sent { message_id: Uuid::now_v7().to_string(), md5_of_body: md5_hex(message.body.as_bytes()) };
        self.transaction(|transaction| {
            Queue::find(transaction, queue)?;
            let now = now(&self.clock);
            let mut statement = transaction.prepare_cached(
                "INSERT INTO messages (queue, message_id, body, md5_of_body, attributes, system_attributes, sender,
                    sent_at, visible_at, message_group)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            statement.execute(params![
                queue,
                sent.message_id,
                message.body,
                sent.md5_of_body,
                message.attributes.to_string(),
                message.system_attributes.to_string(),
                sender,
                now,
                now + span(message.delay),
                message.group,
            ])?;
            Ok(())
        })?;
        self.arrivals(queue).notify_waiters();
        Ok(sent)
    }

    /// Receives up to `max` messages, and hides them for `visibility` or else the queue's own timeout.
    pub(super) fn take(
        &self,
        queue: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Result<Taken, SqsError> {
        let (taken, redriven_to) = self.transaction(|transaction| {
            let queue = Queue::find(transaction, queue)?;
            let now = now(&self.clock);
            let redriven_to = tidy(transaction, &queue, now)?;
            let hidden_until = now + visibility.map_or(queue.visibility_timeout, span);
            let messages = receive(transaction, &queue.name, max, now, hidden_until)?;
            let mut next = transaction.prepare_cached(
                "SELECT min(visible_at) FROM messages WHERE queue = ?1 AND visible_at > ?2",
            )?;
            let next_visible_at = next.query_row(params![queue.name, now], |row| row.get(0))?;
            Ok((Taken { messages, next_visible_at }, redriven_to))
        })?;
        if let Some(target) = redriven_to {
            self.arrivals(&target).notify_waiters();
        }
        Ok(taken)
    }

    /// Deletes a message if the handle is that of its last receive. An older handle has no effect, as in AWS.
    pub(super) fn delete(&self, queue: &str, handle: &str) -> Result<(), SqsError> {
        self.transaction(|transaction| {
            Queue::find(transaction, queue)?;
            let receipt = Receipt::decode(handle, queue)?;
            transaction
                .prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?
                .execute(params![receipt.row, queue, receipt.nonce])?;
            Ok(())
        })
    }

    /// Moves a received message to the dead-letter queue, or deletes it if there is none.
    pub(super) fn dead_letter(&self, queue: &str, handle: &str) -> Result<(), SqsError> {
        let target = self.transaction(|transaction| {
            let Queue { redrive, .. } = Queue::find(transaction, queue)?;
            let receipt = Receipt::decode(handle, queue)?;
            let message = params![receipt.row, queue, receipt.nonce];
            let Some(redrive) = redrive else {
                transaction
                    .execute("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3", message)?;
                return Ok(None);
            };
            let sql = format!("{MOVE} WHERE id = ?1 AND queue = ?4 AND receipt = ?5");
            let now = now(&self.clock);
            let values = params![receipt.row, redrive.target, now, queue, receipt.nonce];
            transaction.prepare_cached(&sql)?.execute(values)?;
            Ok(Some(redrive.target))
        })?;
        if let Some(target) = target {
            self.arrivals(&target).notify_waiters();
        }
        Ok(())
    }

    /// Hides a received message for `visibility` from now. As in AWS, a handle stays valid for this until the message is deleted
    /// or moved, even after its visibility timeout and after a newer receive.
    pub(super) fn change_visibility(
        &self,
        queue: &str,
        handle: &str,
        visibility: Duration,
    ) -> Result<(), SqsError> {
        self.transaction(|transaction| {
            Queue::find(transaction, queue)?;
            let receipt = Receipt::decode(handle, queue)?;
            let mut find = transaction.prepare_cached(
                "SELECT received_at FROM messages WHERE id = ?1 AND queue = ?2 AND received_at IS NOT NULL",
            )?;
            let found =
                find.query_row(params![receipt.row, queue], |row| row.get::<_, Millis>(0)).optional()?;
            let gone = "Message does not exist or is not available for visibility timeout change.";
            let received_at = found.ok_or_else(|| invalid(handle, "ReceiptHandle", gone))?;
            let now = now(&self.clock);
            if now + span(visibility) > received_at + span(MAX_VISIBILITY) {
                let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
                return Err(invalid(visibility.as_secs(), "VisibilityTimeout", reason));
            }
            transaction
                .prepare_cached("UPDATE messages SET visible_at = ?2 WHERE id = ?1")?
                .execute(params![receipt.row, now + span(visibility)])?;
            Ok(())
        })?;
        self.arrivals(queue).notify_waiters();
        Ok(())
    }
}

/// Moves messages to queue `?2` at `?3`.
const MOVE: &str =
    "UPDATE messages SET queue = ?2, dead_letter_source = queue, visible_at = ?3, received_at = NULL,
    first_received_at = NULL, receives_before = receive_count, receipt = NULL";

/// Deletes messages older than the retention, then moves messages that were received too often. Returns the queue that got them.
fn tidy(transaction: &Transaction<'_>, queue: &Queue, now: Millis) -> Result<Option<String>, SqsError> {
    transaction
        .prepare_cached("DELETE FROM messages WHERE queue = ?1 AND sent_at <= ?2")?
        .execute(params![queue.name, now - queue.retention])?;
    let Some(redrive) = &queue.redrive else {
        return Ok(None);
    };
    // The message keeps its id, its send time and its count of receives. Only receives from this queue count here: otherwise a
    // dead-letter queue's own redrive policy would apply at once.
    let received = "queue = ?1 AND visible_at <= ?3 AND received_at IS NOT NULL";
    let moved = transaction
        .prepare_cached(&format!("{MOVE} WHERE {received} AND receive_count - receives_before >= ?4"))?
        .execute(params![queue.name, redrive.target, now, redrive.max_receive_count])?;
    Ok((moved > 0).then(|| redrive.target.clone()))
}

fn receive(
    transaction: &Transaction<'_>,
    queue: &str,
    max: usize,
    now: Millis,
    hidden_until: Millis,
) -> Result<Vec<Message>, SqsError> {
    let rows = fairness::choose(transaction, queue, max, now)?;
    let mut hide = transaction.prepare_cached(
        "UPDATE messages SET visible_at = ?2, received_at = ?3, first_received_at = coalesce(first_received_at, ?3),
            receive_count = receive_count + 1, receipt = ?4
         WHERE id = ?1
         RETURNING message_id, body, md5_of_body, sent_at, first_received_at, receive_count, sender,
            dead_letter_source, attributes, system_attributes, message_group",
    )?;
    let mut take = |row| {
        let receipt = Receipt::new(row);
        let handle = receipt.encode(queue);
        hide.query_row(params![row, hidden_until, now, receipt.nonce], |row| message(row, handle))
    };
    Ok(rows.into_iter().map(&mut take).collect::<Result<_, _>>()?)
}

fn message(row: &Row<'_>, receipt_handle: String) -> rusqlite::Result<Message> {
    Ok(Message {
        message_id: row.get(0)?,
        receipt_handle,
        body: row.get(1)?,
        md5_of_body: row.get(2)?,
        sent_at: date(row.get(3)?),
        first_received_at: date(row.get(4)?),
        receive_count: row.get(5)?,
        sender_id: row.get(6)?,
        dead_letter_source: row.get(7)?,
        message_attributes: json(row, 8)?,
        system_attributes: json(row, 9)?,
        group: row.get(10)?,
    })
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
