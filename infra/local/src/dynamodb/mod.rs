//! DynamoDB: the `dynoxide` engine on a database file, behind a door that verifies signatures and counts calls.

mod engine;
mod tables;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt;
use dynoxide::Database;
use http::StatusCode;
use tokio::net::TcpListener;

pub use crate::access::Access;
use crate::access::Refusal;
use engine::Engine;

/// DynamoDB's own limit of a request.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A DynamoDB of one region. Clones share the database.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
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
        Ok(Self { database })
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
        tables::ensure(&self.database, create_table, ttl_attribute)
    }

    /// Deletes the items whose time to live is over. Gives their number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sweep_ttl(&self) -> anyhow::Result<usize> {
        Ok(self.database.sweep_ttl()?)
    }

    /// Answers signed requests until the future is dropped.
    ///
    /// # Errors
    /// When the engine cannot be started.
    pub async fn serve(self, listener: TcpListener, access: Access) -> anyhow::Result<()> {
        let front = Front { access, engine: Engine::start(self.database)? };
        let router = Router::new().fallback(answer).with_state(Arc::new(front));
        // Answers are small: without this, Nagle's algorithm may hold one back for 40 ms.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        axum::serve(listener, router).await?;
        Ok(())
    }
}

struct Front {
    access: Access,
    engine: Engine,
}

/// Every call passes through here: the place for faults on demand.
async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    match front.access.admit("dynamodb", request, MAX_BODY_BYTES).await {
        Ok(call) => front.engine.forward(call.parts, call.body).await.unwrap_or_else(|error| {
            tracing::error!(%error, operation = call.operation, "the DynamoDB engine does not answer");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, &INTERNAL)
        }),
        Err(Refusal::Signature(error)) => json(StatusCode::BAD_REQUEST, &error.to_json()),
        Err(Refusal::Body) => refuse(StatusCode::PAYLOAD_TOO_LARGE, &TOO_LARGE),
    }
}

/// An error's type and message.
type Error = (&'static str, &'static str);
const INTERNAL: Error =
    ("com.amazonaws.dynamodb.v20120810#InternalServerError", "The request could not be answered.");
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
