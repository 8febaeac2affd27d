//! What reads that ask for no consistency may see: the table as it was a while ago.
//!
//! A second table in memory, to which every change is applied late. It is made when a rule first asks for stale reads,
//! as a copy of the table as it is then.

use std::collections::VecDeque;
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

/// Most changes that wait to be applied.
const MAX_WAITING: usize = 10_000;

/// A table that lags.
pub(super) struct Replica {
    engine: Engine,
    copy: Database,
    origin: Database,
    table: String,
    keys: Vec<String>,
    waiting: Mutex<VecDeque<Change>>,
}

/// What an item became.
struct Change {
    at: OffsetDateTime,
    key: Value,
    item: Option<Value>,
}

impl Replica {
    /// A copy of the table that `create_table` describes, as it is now. Blocks; needs a runtime.
    pub(super) fn new(origin: Database, create_table: Value) -> anyhow::Result<Self> {
        let table = create_table["TableName"].as_str().context("TableName is missing")?.to_owned();
        let schema = create_table["KeySchema"].as_array().context("KeySchema is missing")?;
        let name = |key: &Value| key["AttributeName"].as_str().map(str::to_owned);
        let keys = schema.iter().filter_map(name).collect();
        let copy = Database::memory()?;
        tables::ensure(&copy, create_table, None)?;
        let engine = Engine::start(copy.clone())?;
        let replica = Self { engine, copy, origin, table, keys, waiting: Mutex::default() };
        // What is written while it is copied is noted when it is done, and waits for this.
        let waiting = replica.waiting();
        replica.copy_all()?;
        drop(waiting);
        Ok(replica)
    }

    fn copy_all(&self) -> anyhow::Result<()> {
        let mut scan = json!({"TableName": self.table});
        loop {
            let mut page = serde_json::to_value(self.origin.scan(request(scan.clone())?)?)?;
            for item in page["Items"].as_array().into_iter().flatten() {
                self.copy.put_item(request(json!({"TableName": self.table, "Item": item}))?)?;
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(()),
                key => scan["ExclusiveStartKey"] = key,
            }
        }
    }

    /// Notes what became of the items that a carried out request wrote. Blocks.
    pub(super) fn note(&self, operation: &str, body: &[u8], now: OffsetDateTime) -> anyhow::Result<()> {
        let keys = self.written(operation, body);
        // Held while reading, so that of two changes of an item the later one is noted later.
        let mut waiting = self.waiting();
        for key in keys {
            let get = json!({"TableName": self.table, "Key": key, "ConsistentRead": true});
            let mut found = serde_json::to_value(self.origin.get_item(request(get)?)?)?;
            let item = Some(found["Item"].take()).filter(|item| !item.is_null());
            waiting.push_back(Change { at: now, key, item });
        }
        while waiting.len() > MAX_WAITING
            && let Some(change) = waiting.pop_front()
        {
            self.apply(change)?;
        }
        Ok(())
    }

    /// Applies what is older than `lag`. Blocks.
    pub(super) fn catch_up(&self, now: OffsetDateTime, lag: Duration) -> anyhow::Result<()> {
        let mut waiting = self.waiting();
        while let Some(change) = waiting.pop_front_if(|change| change.at + lag <= now) {
            self.apply(change)?;
        }
        Ok(())
    }

    fn apply(&self, change: Change) -> anyhow::Result<()> {
        match change.item {
            Some(item) => {
                self.copy.put_item(request(json!({"TableName": self.table, "Item": item}))?)?;
            }
            None => {
                self.copy.delete_item(request(json!({"TableName": self.table, "Key": change.key}))?)?;
            }
        }
        Ok(())
    }

    /// Answers a read from what was.
    pub(super) async fn read(&self, parts: Parts, body: Bytes) -> anyhow::Result<Response> {
        self.engine.forward(parts, body).await
    }

    /// Keys of the items that a request writes.
    fn written(&self, operation: &str, body: &[u8]) -> Vec<Value> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let items = match operation {
            "PutItem" => vec![request["Item"].clone()],
            "UpdateItem" | "DeleteItem" => vec![request["Key"].clone()],
            "TransactWriteItems" => {
                list(&request["TransactItems"]).iter().filter_map(of_transaction).collect()
            }
            "BatchWriteItem" => {
                list(&request["RequestItems"][&self.table]).iter().filter_map(of_batch).collect()
            }
            _ => Vec::new(),
        };
        items.iter().filter_map(|item| self.key_of(item)).collect()
    }

    fn key_of(&self, item: &Value) -> Option<Value> {
        let field = |name: &String| Some((name.clone(), item.get(name)?.clone()));
        self.keys.iter().map(field).collect::<Option<Map<_, _>>>().map(Value::Object)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an operation changes items.
pub(super) fn writes(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"].contains(&operation)
}

/// Whether a read asks to see all that was written before it.
pub(super) fn is_consistent(body: &[u8]) -> bool {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let tables = request["RequestItems"].as_object().into_iter().flat_map(Map::values);
    tables.chain([&request]).any(|read| read["ConsistentRead"] == true)
}

fn of_transaction(action: &Value) -> Option<Value> {
    let put = action.pointer("/Put/Item");
    put.or_else(|| action.pointer("/Update/Key")).or_else(|| action.pointer("/Delete/Key")).cloned()
}

fn of_batch(action: &Value) -> Option<Value> {
    action.pointer("/PutRequest/Item").or_else(|| action.pointer("/DeleteRequest/Key")).cloned()
}
