//! Stale reads: eventually consistent reads see the tables as they were a while ago.
//!
//! A replica is a copy of the tables in memory, to which every change is applied late. It is created when a rule first
//! requests stale reads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::response::Response;
use bytes::Bytes;
use dynoxide::Database;
use http::request::Parts;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::engine::Engine;
use super::tables::{self, request};

/// Maximum of changes that wait to be applied.
const MAX_WAITING: usize = 10_000;

/// A delayed copy of all tables.
pub(super) struct Replica {
    engine: Engine,
    copy: Database,
    origin: Database,
    /// The attributes of each table's primary key.
    keys: BTreeMap<String, Vec<String>>,
    waiting: Mutex<VecDeque<Change>>,
}

/// The new state of an item.
struct Change {
    at: OffsetDateTime,
    written: Written,
    item: Option<Value>,
}

/// Table and primary key of an item that was written.
struct Written {
    table: String,
    key: Value,
}

impl Replica {
    /// Copies the current content of the tables that the bodies of `CreateTable` describe. Blocks; needs a runtime.
    pub(super) fn new(origin: Database, create_tables: Vec<Value>) -> anyhow::Result<Self> {
        let copy = Database::memory()?;
        let mut keys = BTreeMap::new();
        for create_table in create_tables {
            let table = create_table["TableName"].as_str().context("TableName is missing")?.to_owned();
            let schema = create_table["KeySchema"].as_array().context("KeySchema is missing")?;
            let name = |key: &Value| key["AttributeName"].as_str().map(str::to_owned);
            keys.insert(table, schema.iter().filter_map(name).collect());
            tables::ensure(&copy, create_table, None)?;
        }
        let engine = Engine::new(copy.clone());
        let replica = Self { engine, copy, origin, keys, waiting: Mutex::default() };
        // Changes made during the copy wait for this lock, and are noted afterwards.
        let waiting = replica.waiting();
        for table in replica.keys.keys() {
            replica.copy_all(table)?;
        }
        drop(waiting);
        Ok(replica)
    }

    fn copy_all(&self, table: &str) -> anyhow::Result<()> {
        let mut scan = json!({"TableName": table});
        loop {
            let mut page = serde_json::to_value(self.origin.scan(request(scan.clone())?)?)?;
            for item in page["Items"].as_array().into_iter().flatten() {
                self.copy.put_item(request(json!({"TableName": table, "Item": item}))?)?;
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(()),
                key => scan["ExclusiveStartKey"] = key,
            }
        }
    }

    /// Notes the current state of the items that a successful request wrote. Blocks.
    pub(super) fn note(&self, operation: &str, body: &[u8], now: OffsetDateTime) -> anyhow::Result<()> {
        let all = self.written(operation, body);
        // Locked while reading, so that two changes of an item are noted in their order.
        let mut waiting = self.waiting();
        for written in all {
            let get = json!({"TableName": written.table, "Key": written.key, "ConsistentRead": true});
            let mut found = serde_json::to_value(self.origin.get_item(request(get)?)?)?;
            let item = Some(found["Item"].take()).filter(|item| !item.is_null());
            waiting.push_back(Change { at: now, written, item });
        }
        while waiting.len() > MAX_WAITING
            && let Some(change) = waiting.pop_front()
        {
            self.apply(change)?;
        }
        Ok(())
    }

    /// Applies the noted writes that are older than `lag`. Blocks.
    pub(super) fn catch_up(&self, now: OffsetDateTime, lag: Duration) -> anyhow::Result<()> {
        let mut waiting = self.waiting();
        while let Some(change) = waiting.pop_front_if(|change| change.at + lag <= now) {
            self.apply(change)?;
        }
        Ok(())
    }

    fn apply(&self, change: Change) -> anyhow::Result<()> {
        let Written { table, key } = change.written;
        match change.item {
            Some(item) => {
                self.copy.put_item(request(json!({"TableName": table, "Item": item}))?)?;
            }
            None => {
                self.copy.delete_item(request(json!({"TableName": table, "Key": key}))?)?;
            }
        }
        Ok(())
    }

    /// Handles a read from the copy.
    pub(super) async fn read(&self, parts: Parts, body: Bytes) -> anyhow::Result<Response> {
        self.engine.forward(parts, body).await
    }

    /// Returns the items that a request writes.
    fn written(&self, operation: &str, body: &[u8]) -> Vec<Written> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let single = |item: &str| vec![(request["TableName"].clone(), request[item].clone())];
        let items = match operation {
            "PutItem" => single("Item"),
            "UpdateItem" | "DeleteItem" => single("Key"),
            "TransactWriteItems" => {
                request["TransactItems"].as_array().into_iter().flatten().filter_map(of_transaction).collect()
            }
            "BatchWriteItem" => {
                request["RequestItems"].as_object().into_iter().flatten().flat_map(of_batch).collect()
            }
            _ => Vec::new(),
        };
        items.iter().filter_map(|(table, item)| self.key_of(table.as_str()?, item)).collect()
    }

    /// Returns table and primary key of an item. `table` is a name or an ARN.
    fn key_of(&self, table: &str, item: &Value) -> Option<Written> {
        let table = table.rsplit('/').next().unwrap_or(table).to_owned();
        let field = |name: &String| Some((name.clone(), item.get(name)?.clone()));
        let key = self.keys.get(&table)?.iter().map(field).collect::<Option<Map<_, _>>>()?;
        Some(Written { table, key: Value::Object(key) })
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether an operation changes items.
pub(super) fn writes(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"].contains(&operation)
}

/// Returns whether a read requests strong consistency.
pub(super) fn is_consistent(body: &[u8]) -> bool {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let tables = request["RequestItems"].as_object().into_iter().flat_map(Map::values);
    tables.chain([&request]).any(|read| read["ConsistentRead"] == true)
}

/// Returns table and item, or key, of one write of a transaction.
fn of_transaction(action: &Value) -> Option<(Value, Value)> {
    let parts = [("Put", "Item"), ("Update", "Key"), ("Delete", "Key")];
    parts.iter().find_map(|(part, item)| {
        let part = action.get(part)?;
        Some((part["TableName"].clone(), part.get(item)?.clone()))
    })
}

/// Returns table and item, or key, of each write of a batch to one table.
fn of_batch<'a>((table, writes): (&'a String, &'a Value)) -> impl Iterator<Item = (Value, Value)> + 'a {
    writes.as_array().into_iter().flatten().filter_map(move |write| {
        let item = write.pointer("/PutRequest/Item").or_else(|| write.pointer("/DeleteRequest/Key"));
        Some((Value::from(table.as_str()), item?.clone()))
    })
}
