//! Connections of the AWS services: HTTP/1.1, and on demand as rude as a network can be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::faults::{Faults, Processes};
use crate::foreign::{self, Foreign};

/// Any error of a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer, or none: the connection ends without one.
pub(crate) type Answer = Result<Response<UnsyncBoxBody<Bytes, BoxError>>, Cut>;

/// The connection ends here.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on demand")]
pub(crate) struct Cut;

/// The connection that a call came on.
#[derive(Clone)]
pub(crate) struct Link {
    /// The client's end.
    pub(crate) peer: SocketAddr,
    /// This end.
    pub(crate) local: SocketAddr,
    dead: Arc<AtomicBool>,
    closing: CancellationToken,
}

impl Link {
    /// From now on nothing that comes on this connection is answered; the client learns that when it sends.
    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    /// Cancelled: this end closes the connection now.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

/// A response with any body as an answer.
pub(crate) fn answer<B>(response: Response<B>) -> Response<UnsyncBoxBody<Bytes, BoxError>>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// From where a service takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// From everything on this machine but web pages.
    Programs,
    /// From web pages too: CORS says of which origins.
    Browsers,
}

/// Accepts until dropped. Every connection is a task of this future, so that none outlives it. A request with a foreign
/// `Host` or, unless browsers may call, a foreign `Origin` is answered with 403.
pub(crate) async fn serve<F, A>(
    listener: TcpListener,
    from: Callers,
    faults: &Faults,
    handler: F,
) -> anyhow::Result<()>
where
    F: Fn(Request<Incoming>, Link) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    drop(connections.spawn(connection(handler.clone(), from, faults.processes().clone(), stream)));
                },
                Err(error) => {
                    // Out of file descriptors, mostly: let some connections end first.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<F, A>(handler: F, from: Callers, processes: Processes, stream: TcpStream)
where
    F: Fn(Request<Incoming>, Link) -> A,
    A: Future<Output = Answer>,
{
    // Answers are small: without this, Nagle's algorithm may hold one back for 40 ms.
    let _ = stream.set_nodelay(true);
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let link = Link { peer, local, dead: Arc::default(), closing: CancellationToken::new() };
    // Dropped last: it tells that the connection is closed.
    let _connected = processes.connected(&link);
    let closing = link.closing().clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let checked = check(&request, from);
        let alive = !link.dead.load(Ordering::Relaxed);
        let handled = checked.map(|()| alive.then(|| handler(request, link.clone())));
        async move {
            match handled {
                Ok(Some(answer)) => answer.await,
                Ok(None) => Err(Cut),
                Err(foreign) => Ok(refuse(foreign)),
            }
        }
    });
    tokio::select! {
        served = http1::Builder::new().serve_connection(TokioIo::new(stream), service) => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        () = closing.cancelled() => {}
    }
}

fn check(request: &Request<Incoming>, from: Callers) -> Result<(), Foreign> {
    foreign::check_host(request.uri(), request.headers())?;
    match from {
        Callers::Programs => foreign::check_origin(request.headers()),
        Callers::Browsers => Ok(()),
    }
}

/// What a request that is none of this machine's gets.
pub(crate) fn refuse(foreign: Foreign) -> Response<UnsyncBoxBody<Bytes, BoxError>> {
    let body = serde_json::json!({"message": foreign}).to_string();
    let mut response = Response::new(http_body_util::Full::from(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer(response)
}
