//! Sources that break off, stall, or send something other than HTTP.

use crate::support::{RawServer, Then, get, get_within, read, refusal, short_limits};
use safe_fetch::{Allowed, FetchError, Limits, SafeClient, SourceUrl, UrlError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Far more than the short limits, far less than the default ones.
const SOON: Duration = Duration::from_secs(8);

#[tokio::test]
async fn half_a_body_is_truncated() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let server = RawServer::start(response, Then::Close).await;
        let mut source = get(&server.url()).await.unwrap();
        let error = read(&mut source).await.unwrap_err();
        assert_eq!((error.is_retryable(), &error), (true, &FetchError::Truncated), "{response:?}");
        assert_eq!(source.next_chunk().await, Err(error), "{response:?}");
    }
}

#[tokio::test]
async fn bytes_after_the_content_length_are_ignored() {
    let server =
        RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world", Then::Close).await;
    assert_eq!(read(&mut get(&server.url()).await.unwrap()).await.unwrap(), b"hello");
}

#[tokio::test]
async fn broken_chunks_are_an_interruption() {
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-a-number\r\nhello\r\n";
    let server = RawServer::start(response, Then::Hold).await;
    let error = read(&mut get(&server.url()).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted(_)), "{error:?}");
}

#[tokio::test]
async fn a_stalled_body_times_out() {
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let server = RawServer::start(response, Then::Hold).await;
    let start = Instant::now();
    let limits = Limits { stall_timeout: Duration::from_millis(300), ..Limits::default() };
    let mut source = get_within(&server.url(), limits).await.unwrap();
    let error = read(&mut source).await.unwrap_err();
    assert_eq!((error.is_retryable(), error), (true, FetchError::Stalled));
    assert_eq!(source.received(), 5);
    assert!((Duration::from_millis(300)..SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn headers_that_never_end_time_out() {
    for response in ["", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let server = RawServer::start(response, Then::Hold).await;
        let start = Instant::now();
        let error = get_within(&server.url(), short_limits()).await.map(|source| source.status).unwrap_err();
        assert_eq!((error.is_retryable(), error), (true, FetchError::Timeout));
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_times_out() {
    let server = RawServer::start("", Then::Hold).await;
    let start = Instant::now();
    let url = server.url().replace("http:", "https:");
    let error = get_within(&url, short_limits()).await.map(|source| source.status).unwrap_err();
    assert_eq!(error, FetchError::Timeout);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_response_that_is_not_http_is_refused() {
    let server = RawServer::start("", Then::Close).await;
    let error = refusal(&server.url()).await;
    assert!(matches!(error, FetchError::Interrupted(_)) && error.is_retryable(), "{error:?}");
    for response in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        "ICY 200 OK\r\n\r\n",
    ] {
        let server = RawServer::start(response, Then::Close).await;
        let error = refusal(&server.url()).await;
        assert!(matches!(error, FetchError::NotHttp(_)) && !error.is_retryable(), "{response}: {error:?}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let response = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(1 << 17));
    let server = RawServer::start(response, Then::Close).await;
    let error = refusal(&server.url()).await;
    assert!(matches!(error, FetchError::Interrupted(_) | FetchError::HeadersTooLarge), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_a_connect_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = refusal(&format!("http://{address}/")).await;
    assert!(matches!(error, FetchError::Connect(_)) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_host_that_is_not_allowed_receives_no_request() {
    let server = RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    let nothing = Allowed::default();
    assert_eq!(SourceUrl::parse(&server.url(), &nothing), Err(UrlError::PrivateAddress));
    // The URL is parsed with the host allowed, and fetched with a client that does not allow it.
    let url = SourceUrl::parse(&server.url(), &Allowed::parse("127.0.0.1")).unwrap();
    let client = SafeClient::new(nothing, Limits::default()).unwrap();
    assert_eq!(client.get(&url).await.map(|source| source.status), Err(FetchError::PrivateAddress));
    assert_eq!(server.requests(), [""; 0]);
}
