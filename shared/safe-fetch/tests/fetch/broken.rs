//! Sources that break off, stall, or do not speak HTTP.

use crate::support::{RawServer, Then, get, get_within, read, refusal, short_limits};
use safe_fetch::{Allowed, FetchError, Limits, SafeClient, SourceUrl, UrlError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Far more than the short limits, far less than the default ones.
const SOON: Duration = Duration::from_secs(8);

#[tokio::test]
async fn half_a_body_is_truncated() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let server = RawServer::start(answer, Then::Close).await;
        let mut source = get(&server.url()).await.unwrap();
        let error = read(&mut source).await.unwrap_err();
        assert_eq!((error.is_retryable(), &error), (true, &FetchError::Truncated), "{answer:?}");
        assert_eq!(source.next_chunk().await, Err(error), "{answer:?}");
    }
}

#[tokio::test]
async fn bytes_after_the_announced_length_are_not_taken() {
    let server =
        RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world", Then::Close).await;
    assert_eq!(read(&mut get(&server.url()).await.unwrap()).await.unwrap(), b"hello");
}

#[tokio::test]
async fn broken_chunks_are_an_interruption() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-a-number\r\nhello\r\n";
    let server = RawServer::start(answer, Then::Hold).await;
    let error = read(&mut get(&server.url()).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted(_)), "{error:?}");
}

#[tokio::test]
async fn a_stalled_body_is_given_up() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let server = RawServer::start(answer, Then::Hold).await;
    let start = Instant::now();
    let mut source = get_within(&server.url(), short_limits()).await.unwrap();
    let error = read(&mut source).await.unwrap_err();
    assert_eq!((error.is_retryable(), error), (true, FetchError::Stalled));
    assert_eq!(source.received(), 5);
    assert!((Duration::from_millis(300)..SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn headers_that_never_end_are_given_up() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let server = RawServer::start(answer, Then::Hold).await;
        let start = Instant::now();
        let error = get_within(&server.url(), short_limits()).await.map(|source| source.status).unwrap_err();
        assert_eq!((error.is_retryable(), error), (true, FetchError::Timeout));
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_is_given_up() {
    let server = RawServer::start("", Then::Hold).await;
    let start = Instant::now();
    let url = server.url().replace("http:", "https:");
    let error = get_within(&url, short_limits()).await.map(|source| source.status).unwrap_err();
    assert_eq!(error, FetchError::Timeout);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_is_not_http_is_an_interruption() {
    for answer in ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"] {
        let server = RawServer::start(answer, Then::Close).await;
        let error = refusal(&server.url()).await;
        assert!(matches!(error, FetchError::Interrupted(_)) && error.is_retryable(), "{answer}: {error:?}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let answer = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(1 << 17));
    let server = RawServer::start(answer, Then::Close).await;
    let error = refusal(&server.url()).await;
    assert!(matches!(error, FetchError::Interrupted(_) | FetchError::HeadersTooLarge), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = refusal(&format!("http://{address}/")).await;
    assert!(matches!(error, FetchError::Connect(_)) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_before_anything_is_sent() {
    let server = RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    let nothing = Allowed::default();
    assert_eq!(SourceUrl::parse(&server.url(), &nothing), Err(UrlError::PrivateAddress));
    // Parsed where it is allowed, fetched where it is not.
    let url = SourceUrl::parse(&server.url(), &Allowed::parse("127.0.0.1")).unwrap();
    let client = SafeClient::new(nothing, Limits::default()).unwrap();
    assert_eq!(client.get(&url).await.map(|source| source.status), Err(FetchError::PrivateAddress));
    assert_eq!(server.requests(), [""; 0]);
}
