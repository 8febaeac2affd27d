//! Connections of the services, and the responses on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tokio_util::sync::CancellationToken;

/// Any error of a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A response with any body.
pub(crate) type BoxResponse = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// A response, or [`Cut`]: the connection is closed without a response.
pub(crate) type ServiceResult = Result<BoxResponse, Cut>;

/// An injected fault closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("an injected fault cuts the connection")]
pub(crate) struct Cut;

/// The connection that a request came on.
#[derive(Clone)]
pub(crate) struct Connection {
    /// The client's address.
    pub(crate) peer: SocketAddr,
    /// The server's address.
    pub(crate) local: SocketAddr,
    dead: Arc<AtomicBool>,
    closing: CancellationToken,
}

impl Connection {
    /// Describes a connection that was accepted.
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self { peer, local, dead: Arc::default(), closing: CancellationToken::new() }
    }

    /// Returns whether requests on this connection still get responses.
    pub(crate) fn is_alive(&self) -> bool {
        !self.dead.load(Ordering::Relaxed)
    }

    /// Makes the connection dead: no later request on it gets a response. The client notices when it sends.
    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    /// Returns the token whose cancellation closes the connection.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

/// Boxes the body of a response.
pub(crate) fn boxed<B>(response: Response<B>) -> BoxResponse
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}
