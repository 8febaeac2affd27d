//! A receiver of webhooks that sends the responses of a test, byte for byte, and records the requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Timeout of a request that must come.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends these bytes, and closes the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes, and then as many others as the client takes, up to a number.
    Endless(Vec<u8>, u64),
    /// Sends nothing until the client closes the connection.
    Silence,
}

struct State {
    replies: VecDeque<Reply>,
    /// What comes after the prepared replies.
    then: Reply,
    received: Vec<Received>,
    /// Bytes that clients have taken of endless replies.
    taken: u64,
}

/// A receiver, which stops when it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// Starts a receiver that sends these responses, one per request, and then 204.
    pub(crate) async fn start(responses: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::replying(responses.into_iter().map(Reply::Bytes), Reply::Bytes(status(204))).await
    }

    /// Starts a receiver that does this, one per request, and `then` the same with all others.
    pub(crate) async fn replying(replies: impl IntoIterator<Item = Reply>, then: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::listening(listener, replies, then)
    }

    /// Starts a receiver at this address, which responds with 204.
    pub(crate) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        Self::listening(listener, [], Reply::Bytes(status(204)))
    }

    fn listening(listener: TcpListener, replies: impl IntoIterator<Item = Reply>, then: Reply) -> Self {
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let state = State { replies: replies.into_iter().collect(), then, received: Vec::new(), taken: 0 };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state, server }
    }

    /// Returns the requests received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().expect("the state").received.clone()
    }

    /// Waits until a number of requests have come.
    pub(crate) async fn wait_for(&self, requests: usize) {
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        while self.received().len() < requests {
            assert!(Instant::now() < deadline, "{} of {requests} requests have come", self.received().len());
            tokio::time::sleep(Duration::from_millis(5)).await; // the interval of a poll
        }
    }

    /// Returns how many bytes clients have taken of endless replies.
    pub(crate) fn taken(&self) -> u64 {
        self.state.lock().expect("the state").taken
    }
}

/// Returns a response with this status and no body.
pub(crate) fn status(status: u16) -> Vec<u8> {
    with_headers(status, "")
}

/// Returns a response with this status and these header lines.
pub(crate) fn with_headers(status: u16, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: 0\r\n\r\n").into_bytes()
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 65_536]);
    let request = loop {
        if let Some(request) = parse(&bytes) {
            break request;
        }
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return, // the client has closed the connection
        }
    };
    let reply = {
        let mut state = state.lock().expect("the state");
        state.received.push(request);
        state.replies.pop_front().unwrap_or_else(|| state.then.clone())
    };
    // A client that does not read to the end closes the connection.
    match reply {
        Reply::Bytes(response) => drop(stream.write_all(&response).await),
        Reply::Silence => drop(stream.read(&mut chunk).await),
        Reply::Endless(head, most) => {
            let mut taken = 0;
            let mut open = stream.write_all(&head).await.is_ok();
            while open && taken < most {
                open = stream.write_all(&chunk).await.is_ok();
                taken += chunk.len() as u64;
                state.lock().expect("the state").taken = taken;
            }
        }
    }
}

/// Reads a request; `None`: it is not complete yet.
fn parse(bytes: &[u8]) -> Option<Received> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (head, lines) = head.split_once("\r\n")?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.trim()).ok()?))
    };
    let headers: HeaderMap = lines.split("\r\n").filter_map(header).collect();
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    (body.len() >= length).then(|| Received { head: head.to_owned(), headers, body: body.to_owned() })
}
