//! The HTTP/1.1 server of the services. Injected faults can end its connections.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::connection::{BoxResponse, Connection, Cut, ServiceResult, boxed};
use crate::faults::{Faults, Processes};
use crate::foreign::{self, Foreign};

/// The clients that a service accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    /// Programs on this machine; web pages are refused.
    Programs,
    /// Web pages too: CORS restricts their origins.
    Browsers,
}

/// Serves connections until the future is dropped. Each connection is a task of this future, so that none outlives it. A request
/// with a foreign `Host`, or with a foreign `Origin` unless browsers are allowed, gets a 403.
pub(crate) async fn serve<F, A>(
    listener: TcpListener,
    clients: Clients,
    faults: &Faults,
    handler: F,
) -> anyhow::Result<()>
where
    F: Fn(Request<Incoming>, Connection) -> A + Clone + Send + 'static,
    A: Future<Output = ServiceResult> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    drop(connections.spawn(serve_connection(handler.clone(), clients, faults.processes().clone(), stream)));
                },
                Err(error) => {
                    // The usual cause is a lack of file descriptors: wait until connections end.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection<F, A>(handler: F, clients: Clients, processes: Processes, stream: TcpStream)
where
    F: Fn(Request<Incoming>, Connection) -> A,
    A: Future<Output = ServiceResult>,
{
    // Responses are small: without this, Nagle's algorithm can delay one by 40 ms.
    let _ = stream.set_nodelay(true);
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let connection = Connection::new(peer, local);
    // Dropped last: it reports that the connection is closed.
    let _connected = processes.connected(&connection);
    let closing = connection.closing().clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let checked = check(&request, clients);
        let alive = connection.is_alive();
        let handled = checked.map(|()| alive.then(|| handler(request, connection.clone())));
        async move {
            match handled {
                Ok(Some(response)) => response.await,
                Ok(None) => Err(Cut),
                Err(foreign) => Ok(forbidden(foreign)),
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

fn check(request: &Request<Incoming>, clients: Clients) -> Result<(), Foreign> {
    foreign::check_host(request.uri(), request.headers())?;
    match clients {
        Clients::Programs => foreign::check_origin(request.headers()),
        Clients::Browsers => Ok(()),
    }
}

/// Creates the 403 for a request of a foreign web page.
fn forbidden(foreign: Foreign) -> BoxResponse {
    let body = serde_json::json!({"message": foreign}).to_string();
    let mut response = Response::new(http_body_util::Full::from(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    boxed(response)
}
