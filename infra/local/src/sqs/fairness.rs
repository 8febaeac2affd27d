//! Fair queues: the order in which a receive chooses messages of several groups.
//!
//! A group is the MessageGroupId on a standard queue. A receive prefers groups with fewer messages in flight, so that a sender
//! with many messages does not delay the others; among equal groups the oldest message comes first. A message without a group is
//! never delayed.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::clock::Millis;
use super::error::SqsError;

/// The oldest visible message of a group, or a message without a group. Ordered by preference.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    /// The group's messages in flight, including those chosen before.
    in_flight: i64,
    visible_at: Millis,
    id: i64,
    group: Option<String>,
    /// The group's messages that were chosen before.
    chosen: i64,
}

/// Each step is one search in `messages_of_group`: the cost depends on the number of groups, not of messages.
const HEADS: &str = "
    WITH RECURSIVE groups (name) AS (
        SELECT min(message_group) FROM messages WHERE queue = ?1 AND message_group IS NOT NULL
        UNION ALL
        SELECT (SELECT min(message_group) FROM messages WHERE queue = ?1 AND message_group > name)
            FROM groups WHERE name IS NOT NULL
    )
    SELECT name, id, visible_at,
        (SELECT count(*) FROM messages
            WHERE queue = ?1 AND message_group = name AND visible_at > ?2 AND received_at IS NOT NULL)
    FROM groups JOIN messages ON id = (
        SELECT id FROM messages WHERE queue = ?1 AND message_group = name AND visible_at <= ?2
            ORDER BY visible_at, id LIMIT 1)
    WHERE name IS NOT NULL";

const NEXT: &str = "
    SELECT id, visible_at FROM messages WHERE queue = ?1 AND message_group = ?3 AND visible_at <= ?2
        ORDER BY visible_at, id LIMIT 1 OFFSET ?4";

const WITHOUT_GROUP: &str = "
    SELECT id, visible_at FROM messages WHERE queue = ?1 AND message_group IS NULL AND visible_at <= ?2
        ORDER BY visible_at, id LIMIT ?3";

/// Returns the rows of up to `max` visible messages in the order of receipt.
pub(super) fn choose(
    transaction: &Transaction<'_>,
    queue: &str,
    max: usize,
    now: Millis,
) -> Result<Vec<i64>, SqsError> {
    let mut waiting = heads(transaction, queue, max, now)?;
    let mut next = transaction.prepare_cached(NEXT)?;
    let mut rows = Vec::with_capacity(max);
    while rows.len() < max
        && let Some(Reverse(head)) = waiting.pop()
    {
        rows.push(head.id);
        let Head { in_flight, group: Some(group), chosen, .. } = head else { continue };
        let (in_flight, chosen) = (in_flight + 1, chosen + 1);
        let found = next.query_row(params![queue, now, group, chosen], |row| Ok((row.get(0)?, row.get(1)?)));
        if let Some((id, visible_at)) = found.optional()? {
            waiting.push(Reverse(Head { in_flight, visible_at, id, group: Some(group), chosen }));
        }
    }
    Ok(rows)
}

/// Returns the oldest visible message of each group, and up to `max` messages without one.
fn heads(
    transaction: &Transaction<'_>,
    queue: &str,
    max: usize,
    now: Millis,
) -> Result<BinaryHeap<Reverse<Head>>, SqsError> {
    let mut grouped = transaction.prepare_cached(HEADS)?;
    let grouped = grouped.query_map(params![queue, now], |row| {
        let (group, id, visible_at, in_flight) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Reverse(Head { in_flight, visible_at, id, group: Some(group), chosen: 0 }))
    })?;
    let mut others = transaction.prepare_cached(WITHOUT_GROUP)?;
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let others = others.query_map(params![queue, now, max], |row| {
        Ok(Reverse(Head { in_flight: 0, id: row.get(0)?, visible_at: row.get(1)?, group: None, chosen: 0 }))
    })?;
    Ok(grouped.chain(others).collect::<Result<_, _>>()?)
}
