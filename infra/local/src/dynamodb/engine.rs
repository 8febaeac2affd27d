//! The engine's own HTTP server.
//!
//! The engine checks requests, dispatches operations and words errors as DynamoDB does, but exposes this over HTTP only. It
//! blocks its thread while SQLite works, so it gets a thread with a runtime of its own.
//!
//! It verifies no signature, so only this process may reach it: it accepts one connection, and then closes its port.

use std::future::pending;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, ensure};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use dynoxide::Database;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, oneshot};

use crate::peer;

/// The stack size of the engine's thread.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// An engine on a database. It starts at the first request, and stops when it is dropped.
pub(super) struct Engine {
    database: Database,
    /// Serializes requests: the engine handles one at a time anyway.
    running: Mutex<Option<Running>>,
}

struct Running {
    requests: SendRequest<Full<Bytes>>,
    /// Ends the engine's thread when it is dropped.
    _thread: oneshot::Sender<()>,
}

impl Engine {
    pub(super) fn new(database: Database) -> Self {
        Self { database, running: Mutex::new(None) }
    }

    /// Sends a request to the engine, and returns its response.
    pub(super) async fn forward(&self, parts: Parts, body: Bytes) -> anyhow::Result<Response> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(parts.method).uri(path).body(Full::new(body))?;
        *request.headers_mut() = parts.headers;
        // These headers belong to the client's connection.
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert(HOST, HeaderValue::from_static("engine"));
        let mut running = self.running.lock().await;
        let mut engine = match running.take().filter(|engine| !engine.requests.is_closed()) {
            Some(engine) => engine,
            None => {
                Running::start(self.database.clone(), TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?).await?
            }
        };
        let response = engine.send(request).await?;
        *running = Some(engine); // after a failure the next request starts a new engine
        Ok(response)
    }
}

impl Running {
    async fn start(database: Database, listener: TcpListener) -> anyhow::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (thread, stopped) = oneshot::channel::<()>();
        let (accepted, is_accepted) = oneshot::channel::<()>();
        let (close, closed) = oneshot::channel::<()>();
        // The engine parses expressions recursively. The checks limit the nesting, so most of this stack stays unused.
        let builder = std::thread::Builder::new().name("dynamodb".to_owned()).stack_size(STACK_BYTES);
        builder.spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = serve(listener, database) => tracing::error!(?ended, "the DynamoDB engine ended"),
                    _ = is_accepted => {}
                }
                drop(close);
                drop(stopped.await);
            });
        })?;
        let stream = TcpStream::connect(address).await?;
        let own = stream.local_addr()?.port();
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut running = Self { requests, _thread: thread };
        // A response shows that the connection has been accepted.
        running.send(Request::get("/").header(HOST, "engine").body(Full::default())?).await?;
        drop(accepted);
        drop(closed.await);
        let is_foreign = |socket: &peer::Socket| socket.to == address.port() && socket.port != own;
        ensure!(!peer::sockets()?.iter().any(is_foreign), "another process has connected to the engine");
        Ok(running)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response> {
        self.requests.ready().await?;
        let (mut parts, body) = self.requests.send_request(request).await?.into_parts();
        let body = body.collect().await.context("the engine's response was interrupted")?.to_bytes();
        parts.headers.remove(CONNECTION);
        parts.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

/// Accepts connections until the future is dropped. Accepted connections outlive it.
async fn serve(listener: TcpListener, database: Database) -> Result<(), String> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    dynoxide::server::serve_with_shutdown(listener, database, pending()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_running_engine_accepts_no_other_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let database = Database::memory().unwrap();
        let mut running = Running::start(database.clone(), listener).await.unwrap();
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        let again = || Request::get("/").header(HOST, "engine").body(Full::default()).unwrap();
        assert_eq!(running.send(again()).await.unwrap().status(), 200);

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let _stranger = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(Running::start(database, listener).await.is_err(), "another process connected first");
    }
}
