//! The engine's HTTP server, on a loopback port of its own behind the door.
//!
//! Its request checks, dispatch and error texts are reachable only over HTTP, and they are what makes it answer as
//! DynamoDB does. It works on SQLite while it holds the thread, so it gets a thread with a runtime of its own.

use std::net::{Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use dynoxide::Database;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::oneshot;

/// The stack of the engine's thread.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// A running engine. It stops when this is dropped.
pub(super) struct Engine {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    /// Ends the engine's server when it is dropped.
    _running: oneshot::Sender<()>,
}

impl Engine {
    pub(super) fn start(database: Database) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (running, stopped) = oneshot::channel::<()>();
        // It parses expressions by recursion; what may nest how deep is checked before, and leaves most of this unused.
        let thread = std::thread::Builder::new().name("dynamodb".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(move || {
            let served = runtime.block_on(async {
                let listener =
                    tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
                let until = async { drop(stopped.await) };
                dynoxide::server::serve_with_shutdown(listener, database, until).await
            });
            if let Err(error) = served {
                tracing::error!(error, "the DynamoDB engine ended");
            }
        })?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { address, client, _running: running })
    }

    /// Gives the engine a request and its caller the answer.
    pub(super) async fn forward(&self, parts: Parts, body: Bytes) -> anyhow::Result<Response> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("http://{}{path}", self.address);
        let mut request = http::Request::builder().method(parts.method).uri(uri).body(Full::new(body))?;
        *request.headers_mut() = parts.headers;
        // These belong to the connection they came on.
        for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
        let (mut parts, body) = self.client.request(request).await?.into_parts();
        parts.headers.remove(CONNECTION);
        parts.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(parts, Body::new(body)))
    }
}
