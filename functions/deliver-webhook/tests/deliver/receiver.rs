//! A receiver of webhooks that sends the responses of a test, byte for byte, and records the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

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

#[derive(Default)]
struct State {
    responses: VecDeque<Vec<u8>>,
    received: Vec<Received>,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let state =
            Arc::new(Mutex::new(State { responses: responses.into_iter().collect(), received: Vec::new() }));
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
    let response = {
        let mut state = state.lock().expect("the state");
        state.received.push(request);
        state.responses.pop_front().unwrap_or_else(|| status(204))
    };
    // A client that does not read to the end closes the connection.
    let _ = stream.write_all(&response).await;
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
