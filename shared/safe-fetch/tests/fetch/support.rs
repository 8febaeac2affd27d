//! Servers and helpers for the tests.

use axum::Router;
use safe_fetch::{Allowed, FetchError, Limits, SafeClient, Source, SourceUrl};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves the routes on a free port of 127.0.0.1.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// What a raw server does with the connection after its response.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    Close,
    Hold,
}

/// A server that sends fixed bytes in response to every request, and records the requests.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    pub(crate) async fn start(response: impl Into<Vec<u8>>, then: Then) -> RawServer {
        RawServer::start_on("127.0.0.1", response, then).await
    }

    pub(crate) async fn start_on(ip: &str, response: impl Into<Vec<u8>>, then: Then) -> RawServer {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (response, seen) = (response.into(), requests.clone());
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let head = read_head(&mut stream).await;
                seen.lock().unwrap().push(head);
                // A client that refuses the response may close the connection before it is complete.
                let _ = stream.write_all(&response).await;
                match then {
                    Then::Close => drop(stream),
                    Then::Hold => held.push(stream),
                }
            }
        });
        RawServer { address, requests }
    }

    /// Returns the heads of all requests so far, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).to_lowercase()
}

/// Returns limits with short timeouts, for tests that wait for them.
pub(crate) fn short_limits() -> Limits {
    Limits {
        connect_timeout: Duration::from_millis(300),
        header_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// Fetches a URL with only 127.0.0.1 allowed.
pub(crate) async fn get(url: &str) -> Result<Source, FetchError> {
    get_within(url, Limits::default()).await
}

pub(crate) async fn get_within(url: &str, limits: Limits) -> Result<Source, FetchError> {
    get_allowing("127.0.0.1", url, limits).await
}

pub(crate) async fn get_allowing(hosts: &str, url: &str, limits: Limits) -> Result<Source, FetchError> {
    let allowed = Allowed::parse(hosts);
    let client = SafeClient::new(allowed.clone(), limits)?;
    client.get(&SourceUrl::parse(url, &allowed)?).await
}

/// Returns the error of a fetch that must fail.
pub(crate) async fn refusal(url: &str) -> FetchError {
    get(url).await.map(|source| source.final_url).unwrap_err()
}

/// Reads the whole body, and checks the number of received bytes after each chunk.
pub(crate) async fn read(source: &mut Source) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = source.next_chunk().await? {
        assert!(!chunk.is_empty(), "a chunk without bytes");
        body.extend_from_slice(&chunk);
        assert_eq!(source.received(), body.len() as u64);
    }
    Ok(body)
}
