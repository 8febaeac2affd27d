//! A server to import from that serves ranges of a large file, counts its requests and bytes, and can be told to misbehave.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::stream;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::media;

/// A prime number, so that no two parts of an upload start at the same offset of the pattern.
const PATTERN_BYTES: usize = 1_048_573;
/// Maximum of bytes per chunk.
const CHUNK: usize = 64 * 1024;

/// A file of any size that needs little memory: a repeated pattern of noise.
#[derive(Clone, Debug)]
pub struct Content {
    pattern: Bytes,
    size: u64,
}

impl Content {
    /// Creates a file of `size` bytes; each seed yields other bytes.
    #[must_use]
    pub fn new(size: u64, seed: u64) -> Self {
        Self { pattern: media::noise(PATTERN_BYTES, seed), size }
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns at most `most` bytes from `at` on; none at the end.
    #[must_use]
    pub fn chunk(&self, at: u64, most: u64) -> Bytes {
        let phase = usize::try_from(at % PATTERN_BYTES as u64).expect("a small number");
        let left = self.size.saturating_sub(at).min(most).min(CHUNK as u64);
        let length = usize::try_from(left).expect("a chunk").min(PATTERN_BYTES - phase);
        self.pattern.slice(phase..phase + length)
    }

    /// Returns the whole content in chunks.
    pub fn chunks(&self) -> impl Iterator<Item = Bytes> + use<> {
        let (content, mut at) = (self.clone(), 0);
        std::iter::from_fn(move || {
            let chunk = content.chunk(at, u64::MAX);
            at += chunk.len() as u64;
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    /// Returns the SHA-256 of the content, in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        self.chunks().for_each(|chunk| hash.update(&chunk));
        hex::encode(hash.finalize())
    }

    /// Returns the whole content.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.chunks()
            .fold(Vec::new(), |mut all, chunk| {
                all.extend_from_slice(&chunk);
                all
            })
            .into()
    }
}

/// A recorded request.
#[derive(Clone, Debug)]
pub struct SourceRequest {
    /// The number of the request, from 0.
    pub nth: usize,
    /// The path, with the query.
    pub path: String,
    /// First and last byte of the requested range, if any.
    pub range: Option<(u64, u64)>,
    /// The number of responses in progress.
    pub open: usize,
}

/// How the server responds.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// The correct response.
    Serve,
    /// The whole file, ignoring the range.
    Whole,
    /// A correctly labelled range of the same length, this many bytes later.
    Shifted(u64),
    /// The right bytes, with this total size in `Content-Range`.
    WrongTotal(u64),
    /// The right bytes, without `Content-Range`.
    NoContentRange,
    /// The correct response, truncated after this many bytes.
    Break(u64),
    /// The correct response, at one byte per 100 ms.
    Drip,
    /// A notice with status 200 instead of the file: its media type and its text.
    Notice(&'static str, &'static str),
    /// A status, with headers.
    Status(u16, Vec<(&'static str, String)>),
}

type Rule = Arc<dyn Fn(&SourceRequest) -> Behavior + Send + Sync>;

struct Shared {
    current: Mutex<(Content, Option<String>)>,
    rule: Mutex<Rule>,
    requests: Mutex<Vec<SourceRequest>>,
    sent: AtomicU64,
    open: AtomicUsize,
    most_open: AtomicUsize,
    speed: AtomicU64,
}

/// A server on its own port of 127.0.0.1, stopped when it is dropped. It serves one file under every path.
pub struct RangedSource {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl RangedSource {
    /// Serves a file with a strong entity tag.
    pub async fn start(content: Content) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            current: Mutex::new((content, Some("\"1\"".to_owned()))),
            rule: Mutex::new(Arc::new(|_| Behavior::Serve)),
            requests: Mutex::default(),
            sent: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            speed: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/", axum::routing::any(StatusCode::NOT_FOUND))
            .fallback(response)
            .with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Self { address, shared, task }
    }

    /// Returns the URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Replaces the file; `None` means without an entity tag.
    pub fn serve(&self, content: Content, etag: Option<&str>) {
        *lock(&self.shared.current) = (content, etag.map(str::to_owned));
    }

    /// Sets the behaviour, which may depend on the request.
    pub fn set_behavior(&self, rule: impl Fn(&SourceRequest) -> Behavior + Send + Sync + 'static) {
        *lock(&self.shared.rule) = Arc::new(rule);
    }

    /// Limits the speed of each connection; 0 removes the limit.
    pub fn limit_speed(&self, bytes_per_second: u64) {
        self.shared.speed.store(bytes_per_second, Ordering::Relaxed);
    }

    /// Returns all requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<SourceRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Returns the number of body bytes sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of responses in progress.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Returns the maximum of concurrent responses so far.
    #[must_use]
    pub fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::Relaxed)
    }
}

impl Drop for RangedSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a response in progress until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        let open = shared.open.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_open.fetch_max(open, Ordering::Relaxed);
        Self(shared.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn response(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (content, etag) = lock(&shared.current).clone();
    let range = wanted(request.headers(), content.size, etag.as_deref());
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    let recorded = {
        let mut all = lock(&shared.requests);
        let recorded =
            SourceRequest { nth: all.len(), path, range, open: shared.open.load(Ordering::Relaxed) };
        all.push(recorded.clone());
        recorded
    };
    let rule = lock(&shared.rule).clone();
    let behavior = rule(&recorded);
    let response = Response::builder();
    let response = match &etag {
        Some(etag) => response.header(header::ETAG, etag),
        None => response,
    };
    let (range, said) = match (&behavior, range) {
        (Behavior::Status(status, headers), _) => {
            let response =
                headers.iter().fold(response, |response, (name, value)| response.header(*name, value));
            return response.status(*status).body(Body::from("an error page")).expect("a response");
        }
        (Behavior::Notice(content_type, text), _) => {
            let response = Response::builder().header(header::CONTENT_TYPE, *content_type);
            return response.body(Body::from(*text)).expect("a response");
        }
        (Behavior::Whole, _) | (_, None) => (None, None),
        (Behavior::Shifted(by), Some((first, last))) => {
            let shifted = (first + by, (last + by).min(content.size - 1));
            (Some(shifted), Some((shifted, content.size)))
        }
        (Behavior::WrongTotal(total), Some(range)) => (Some(range), Some((range, *total))),
        (Behavior::NoContentRange, Some(range)) => (Some(range), None),
        (_, Some(range)) => (Some(range), Some((range, content.size))),
    };
    let response = match said {
        Some(((first, last), total)) => {
            response.header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{total}"))
        }
        None => response,
    };
    let (first, last) = range.unwrap_or((0, content.size.wrapping_sub(1)));
    let length = last.wrapping_sub(first).wrapping_add(1);
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = Body::from_stream(body(&shared, content, (first, length), behavior));
    response.status(status).header(header::CONTENT_LENGTH, length).body(body).expect("a response")
}

/// Returns the requested range, if it is satisfiable and of this version.
fn wanted(headers: &HeaderMap, size: u64, etag: Option<&str>) -> Option<(u64, u64)> {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|wanted| Some(wanted) != etag) {
        return None;
    }
    let (first, last) = text(header::RANGE)?.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().unwrap_or(u64::MAX).min(size.checked_sub(1)?));
    (first <= last).then_some((first, last))
}

fn body(
    shared: &Arc<Shared>,
    content: Content,
    (first, length): (u64, u64),
    behavior: Behavior,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + use<> {
    let (open, began, end) = (Open::new(shared), Instant::now(), first + length);
    stream::unfold((first, open), move |(at, open)| {
        let (content, behavior) = (content.clone(), behavior.clone());
        async move {
            if at == end {
                return None;
            }
            let most = match behavior {
                Behavior::Drip => {
                    tokio::time::sleep(Duration::from_millis(100)).await; // the rate, not a wait for an event
                    1
                }
                Behavior::Break(after) if at - first >= after => {
                    tokio::task::yield_now().await; // flushes the bytes written so far
                    return Some((Err(io::Error::other("interrupted on purpose")), (end, open)));
                }
                Behavior::Break(after) => after - (at - first),
                _ => end - at,
            };
            let chunk = content.chunk(at, most.min(end - at));
            let speed = open.0.speed.load(Ordering::Relaxed);
            if speed > 0 {
                let so_far = (at - first + chunk.len() as u64) as f64 / speed as f64;
                tokio::time::sleep_until(began + Duration::from_secs_f64(so_far)).await;
            }
            open.0.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            let at = at + chunk.len() as u64;
            Some((Ok(chunk), (at, open)))
        }
    })
}
