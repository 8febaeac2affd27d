//! A server to import from, with a response per path.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wait::until;

/// The server's response at one path.
#[derive(Clone, Debug)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    way: Way,
    needs: Option<(&'static str, String)>,
    gives_ranges: bool,
}

/// The transfer of a body.
#[derive(Clone, Debug)]
enum Way {
    /// With `Content-Length`.
    Whole,
    /// Chunked, without `Content-Length`.
    Chunked,
    /// In chunks of this many bytes each.
    SmallChunks(usize),
    /// The first half, then the connection is cut.
    Half,
    /// The first half, and the rest after the release.
    Held(watch::Receiver<bool>),
}

/// Releases held responses, now and later.
#[derive(Debug)]
pub struct Release(watch::Sender<bool>);

impl Release {
    /// Sends the rest of the held responses.
    pub fn send(&self) {
        self.0.send_replace(true);
    }
}

impl Reply {
    /// Responds with 200 and these bytes.
    #[must_use]
    pub fn bytes(body: impl Into<Bytes>) -> Self {
        let (headers, way, needs) = (Vec::new(), Way::Whole, None);
        Self { status: StatusCode::OK, headers, body: body.into(), way, needs, gives_ranges: false }
    }

    /// Responds with another status, and a body that must never be stored as the file.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self { status, ..Self::bytes("an error page") }
    }

    /// Redirects to a URL.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::status(StatusCode::FOUND).header(header::LOCATION.as_str(), to)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Responds with 206 and the whole file, as some servers do to an open range.
    #[must_use]
    pub fn as_one_part(self) -> Self {
        let last = self.body.len() - 1;
        let range = format!("bytes 0-{last}/{}", self.body.len());
        let whole = self.header("content-range", &range).header("etag", "\"1\"");
        Self { status: StatusCode::PARTIAL_CONTENT, ..whole }
    }

    /// Requires a header; other requests get a 403.
    #[must_use]
    pub fn needs(mut self, name: &'static str, value: &str) -> Self {
        self.needs = Some((name, value.to_owned()));
        self
    }

    fn is_for(&self, headers: &HeaderMap) -> bool {
        self.needs.as_ref().is_none_or(|(name, value)| headers.get(*name).is_some_and(|given| given == value))
    }

    /// Sends the body without `Content-Length`.
    #[must_use]
    pub fn chunked(self) -> Self {
        Self { way: Way::Chunked, ..self }
    }

    /// Sends the body in chunks of this many bytes.
    #[must_use]
    pub fn in_small_chunks(self, bytes: usize) -> Self {
        Self { way: Way::SmallChunks(bytes), ..self }
    }

    /// Serves the bytes of a `Range`.
    #[must_use]
    pub fn with_ranges(self) -> Self {
        Self { gives_ranges: true, ..self }
    }

    /// Returns the response to a request with these headers.
    fn for_request(self, headers: &HeaderMap) -> Self {
        let range = headers.get(header::RANGE).filter(|_| self.gives_ranges);
        let Some((first, last)) = range.and_then(|range| range_in(range.to_str().ok()?, self.body.len()))
        else {
            return self;
        };
        let range = format!("bytes {first}-{last}/{}", self.body.len());
        let part = Self { status: StatusCode::PARTIAL_CONTENT, body: self.body.slice(first..=last), ..self };
        part.header("content-range", &range)
    }

    /// Cuts the connection after half the body.
    #[must_use]
    pub fn half(self) -> Self {
        Self { way: Way::Half, ..self }
    }

    /// Holds back the second half until the release.
    #[must_use]
    pub fn held(self) -> (Self, Release) {
        let (released, held) = watch::channel(false);
        (Self { way: Way::Held(held), ..self }, Release(released))
    }

    fn send(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        let (first, second) =
            (self.body.slice(..self.body.len() / 2), self.body.slice(self.body.len() / 2..));
        let head = stream::iter(pieces(first).map(Ok::<_, io::Error>));
        let announced = response_length(self.body.len());
        let response = match self.way {
            Way::Whole => response.body(Body::from(self.body)),
            Way::Chunked => response.body(Body::from_stream(head.chain(stream::iter([Ok(second)])))),
            Way::SmallChunks(bytes) => {
                let chunks: Vec<_> = self.body.chunks(bytes).map(Bytes::copy_from_slice).collect();
                // Each chunk is sent before the next one is produced.
                response.body(Body::from_stream(stream::iter(chunks).then(async |chunk| {
                    tokio::task::yield_now().await;
                    Ok::<_, io::Error>(chunk)
                })))
            }
            Way::Half => {
                let broken = stream::once(async {
                    tokio::task::yield_now().await; // flushes the bytes written so far
                    Err(io::Error::other("interrupted on purpose"))
                });
                response.header(announced.0, announced.1).body(Body::from_stream(head.chain(broken)))
            }
            Way::Held(mut held) => {
                let rest = stream::once(async move {
                    held.wait_for(|released| *released).await.map_err(io::Error::other)?;
                    Ok(second)
                });
                response.header(announced.0, announced.1).body(Body::from_stream(head.chain(rest)))
            }
        };
        response.expect("a response")
    }
}

/// Splits the body into pieces, so that little of it is still unsent when the connection is cut.
fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        Some(bytes.split_to(bytes.len().min(64 * 1024))).filter(|piece| !piece.is_empty())
    })
}

/// Parses first and last byte of a `Range`.
fn range_in(header: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let last = last.parse().unwrap_or(usize::MAX).min(size.checked_sub(1)?);
    let first = first.parse().ok()?;
    (first <= last).then_some((first, last))
}

fn response_length(length: usize) -> (header::HeaderName, usize) {
    (header::CONTENT_LENGTH, length)
}

/// A response to clients whose `User-Agent` starts with a text.
type ByAgent = (&'static str, Reply);

#[derive(Default)]
struct Pages {
    replies: HashMap<String, Reply>,
    by_agent: HashMap<String, ByAgent>,
    requests: HashMap<String, usize>,
    headers: HashMap<String, HeaderMap>,
    sent: usize,
}

type Shared = Arc<Mutex<Pages>>;

/// A server on its own port of 127.0.0.1, stopped when it is dropped.
pub struct SourceServer {
    address: SocketAddr,
    pages: Shared,
    task: JoinHandle<()>,
}

impl SourceServer {
    /// Starts a server that responds with 404 to every path.
    pub async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// Starts a server on another loopback address.
    pub async fn start_at(address: IpAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let pages = Shared::default();
        let router = Router::new().fallback(response).with_state(pages.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the server runs");
        });
        Self { address, pages, task }
    }

    /// Sets the response for a path, which may have a query. Returns the URL.
    pub fn serve(&self, path: &str, reply: Reply) -> String {
        lock(&self.pages).replies.insert(path.to_owned(), reply);
        self.url(path)
    }

    /// Sets the responses for a path: `theirs` for clients whose `User-Agent` starts with `agent`, `reply` for others. Returns
    /// the URL.
    pub fn serve_by_agent(&self, path: &str, agent: &'static str, theirs: Reply, reply: Reply) -> String {
        lock(&self.pages).by_agent.insert(path.to_owned(), (agent, theirs));
        self.serve(path, reply)
    }

    /// Returns the URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the number of requests for a path.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        lock(&self.pages).requests.get(path).copied().unwrap_or(0)
    }

    /// Returns the headers of the last request for a path.
    #[must_use]
    pub fn headers(&self, path: &str) -> HeaderMap {
        lock(&self.pages).headers.get(path).cloned().unwrap_or_default()
    }

    /// Returns the number of body bytes sent, except those of half responses.
    #[must_use]
    pub fn sent(&self) -> usize {
        lock(&self.pages).sent
    }

    /// Waits for this many requests for a path.
    pub async fn wait_for_requests(&self, path: &str, times: usize) {
        until(&format!("{times} requests for {path}"), async || (self.requests(path) >= times).then_some(()))
            .await;
    }
}

impl Drop for SourceServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn response(State(pages): State<Shared>, request: Request) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    let reply = {
        let mut pages = lock(&pages);
        *pages.requests.entry(path.clone()).or_default() += 1;
        pages.headers.insert(path.clone(), request.headers().clone());
        let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let theirs =
            pages.by_agent.get(&path).filter(|(name, _)| agent.is_some_and(|agent| agent.starts_with(name)));
        theirs.map(|(_, reply)| reply).or_else(|| pages.replies.get(&path)).cloned()
    };
    match reply {
        Some(reply) if reply.is_for(request.headers()) => {
            let reply = reply.for_request(request.headers());
            lock(&pages).sent += reply.body.len();
            reply.send()
        }
        Some(_) => Reply::status(StatusCode::FORBIDDEN).send(),
        None => Reply::status(StatusCode::NOT_FOUND).send(),
    }
}

fn lock(pages: &Shared) -> std::sync::MutexGuard<'_, Pages> {
    pages.lock().unwrap_or_else(PoisonError::into_inner)
}
