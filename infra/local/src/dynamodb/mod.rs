//! DynamoDB: the `dynoxide` engine on a database file, behind a server that authenticates and counts
//! calls, and injects the faults of [`crate::faults`].

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

/// DynamoDB's own limit of a request.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A DynamoDB of one region. Clones share the database.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
    clock: Clock,
    faults: Faults,
    /// The bodies of `CreateTable`, as they were wanted last.
    tables: Arc<Mutex<Vec<Table>>>,
}

/// A table that is there.
#[derive(Clone)]
struct Table {
    create: Value,
    ttl_attribute: Option<String>,
}

impl DynamoDb {
    /// Opens the database file, or creates it.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database of the engine's.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let path = file.to_str().with_context(|| format!("{} is not UTF-8", file.display()))?;
        let database = Database::new(path).with_context(|| format!("cannot open {path}"))?;
        // Sets `synchronous = NORMAL`: with the engine's write-ahead log nothing is lost when the process is
        // killed, and not every write waits for the disk. The engine has no other way to set it.
        database.disable_bulk_loading()?;
        Ok(Self { database, clock: Clock::default(), faults: Faults::default(), tables: Arc::default() })
    }

    /// Sets the clock for time to live and for how stale a read is.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sets the faults to inject into its calls.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Makes the table be as `create_table` (the body of a CreateTable call) says: creates it, or brings the
    /// global secondary indexes of an existing one up to date. Sets the attribute of time to live, or turns it off.
    ///
    /// # Errors
    /// When the engine refuses the definition, or the table exists with another primary key.
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

    /// Returns the bodies of the CreateTable calls of all tables.
    fn definitions(&self) -> Vec<Value> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.iter().map(|table| table.create.clone()).collect()
    }

    /// Deletes expired items. Returns their number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sweep_ttl(&self) -> anyhow::Result<usize> {
        let removed = self.database.sweep_ttl()?;
        // The engine goes by the machine's clock.
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
    /// When the listener fails for good.
    pub async fn serve(self, listener: TcpListener, access: Access) -> anyhow::Result<()> {
        let server = Arc::new(Server::new(&self, access));
        serve(listener, Clients::Programs, &self.faults, move |request, connection| {
            let server = Arc::clone(&server);
            async move { server.handle(request, &connection).await }
        })
        .await
    }
}

/// The type of an error about the request's content.
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
