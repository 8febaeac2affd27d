//! DynamoDB: the engine `dynoxide` on a database file, behind a server that authenticates and counts calls, and injects the
//! faults of [`crate::faults`].

mod amend;
mod capacity;
mod checks;
mod engine;
mod expiry;
mod expression;
mod index_keys;
mod refusal;
mod removal;
mod replica;
mod server;
mod tables;
mod unprocessed;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::body::Body;
use axum::response::Response;
use dynoxide::Database;
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

pub use crate::access::Access;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::server::{Clients, serve};
use server::Server;

/// DynamoDB's limit of a request in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// DynamoDB in one region. Clones share the database.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
    clock: Clock,
    faults: Faults,
    /// The bodies of the last `CreateTable` calls of each table.
    tables: Arc<Mutex<Vec<Table>>>,
}

/// An existing table.
#[derive(Clone)]
struct Table {
    create: Value,
    ttl_attribute: Option<String>,
}

impl DynamoDb {
    /// Opens the database file, or creates it.
    ///
    /// # Errors
    /// The file cannot be opened, or is not a database of the engine.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let path = file.to_str().with_context(|| format!("{} is not UTF-8", file.display()))?;
        let database = Database::new(path).with_context(|| format!("cannot open {path}"))?;
        // Sets `synchronous = NORMAL`: the engine's write-ahead log loses nothing when the process is killed, and a write need
        // not wait for the disk. The engine has no other way to set it.
        database.disable_bulk_loading()?;
        Ok(Self { database, clock: Clock::default(), faults: Faults::default(), tables: Arc::default() })
    }

    /// Sets the clock of time to live and of stale reads.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sets the faults to inject into calls.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Creates the table that `create_table` (the body of a CreateTable call) describes, or updates the global secondary indexes
    /// of an existing table. Sets the attribute of time to live, or turns it off.
    ///
    /// # Errors
    /// The engine refuses the definition, or the table exists with another primary key.
    pub fn ensure_table(
        &self,
        create_table: serde_json::Value,
        ttl_attribute: Option<&str>,
    ) -> anyhow::Result<()> {
        tables::ensure(&self.database, create_table.clone(), ttl_attribute)?;
        let table = Table { create: create_table, ttl_attribute: ttl_attribute.map(str::to_owned) };
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.retain(|other| other.create["TableName"] != table.create["TableName"]);
        tables.push(table);
        Ok(())
    }

    /// Returns the bodies of all tables' CreateTable calls.
    fn definitions(&self) -> Vec<Value> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.iter().map(|table| table.create.clone()).collect()
    }

    /// Deletes expired items. Returns how many.
    ///
    /// # Errors
    /// The database fails.
    pub fn sweep_ttl(&self) -> anyhow::Result<usize> {
        let removed = self.database.sweep_ttl()?;
        // The engine itself expires items by the machine's clock.
        if self.clock.ahead().is_zero() {
            return Ok(removed);
        }
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let removals = tables.iter().map(|table| expiry::sweep(&self.database, table, self.clock.now()));
        Ok(removed + removals.sum::<anyhow::Result<usize>>()?)
    }

    /// Serves signed requests until the future is dropped.
    ///
    /// # Errors
    /// The listener fails permanently.
    pub async fn serve(self, listener: TcpListener, access: Access) -> anyhow::Result<()> {
        let server = Arc::new(Server::new(&self, access));
        serve(listener, Clients::Programs, &self.faults, move |request, connection| {
            let server = Arc::clone(&server);
            async move { server.handle(request, &connection).await }
        })
        .await
    }
}

/// The type of errors about a request's content.
const VALIDATION: &str = "com.amazon.coral.validate#ValidationException";

/// An error's type and message.
type Error = (&'static str, &'static str);
const INTERNAL: Error =
    ("com.amazonaws.dynamodb.v20120810#InternalServerError", "The request could not be handled.");
const TOO_LARGE: Error =
    ("com.amazon.coral.service#RequestEntityTooLargeException", "Request size exceeded 16 MB.");

fn refuse(status: StatusCode, (kind, message): &Error) -> Response {
    json(status, &serde_json::json!({"__type": kind, "message": message}))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}
