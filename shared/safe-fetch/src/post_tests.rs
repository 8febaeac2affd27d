use super::*;
use crate::resolver::Names;
use crate::setup::mozilla_roots;
use crate::test_support::{FakeDns, addresses};
use crate::{Allowed, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Sends `response` on one connection, and closes it. Returns the URL, and a task that returns the request.
async fn receiver(response: &'static [u8]) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
        while !request.ends_with(b"body") {
            let read = stream.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the request is truncated");
            request.extend_from_slice(&chunk[..read]);
        }
        stream.write_all(response).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, request)
}

async fn post(url: &str, allowed: &str) -> Result<Posted, FetchError> {
    let allowed = Allowed::parse(allowed);
    let client = SafeClient::new(allowed.clone(), Limits::default()).unwrap();
    let url = SourceUrl::parse(url, &allowed)?;
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, "application/json".parse().unwrap())]);
    client.post(&url, headers, Bytes::from_static(b"body"), Duration::from_secs(5)).await
}

#[tokio::test]
async fn the_status_and_the_retry_after_are_returned() {
    for (response, status, pause) in [
        (&b"HTTP/1.1 204 No Content\r\n\r\n"[..], 204, None),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 429, Some(7)),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", 302, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf", 200, None),
    ] {
        let (url, request) = receiver(response).await;
        let posted = post(&url, "127.0.0.1").await;
        assert_eq!(posted, Ok(Posted { status, retry_after: pause.map(Duration::from_secs) }));
        let request = request.await.unwrap();
        assert!(request.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("content-length: 4\r\n"), "{request}");
    }
}

#[tokio::test]
async fn a_missing_response_is_an_error() {
    let (url, _request) = receiver(b"HTTP/1.1 200").await;
    let outcome = post(&url, "127.0.0.1").await;
    assert!(matches!(outcome, Err(FetchError::Interrupted(_) | FetchError::Truncated)), "{outcome:?}");
}

#[tokio::test]
async fn an_endless_body_is_not_read_completely() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sending = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let chunk = [b'x'; 65_536];
        // Until the client closes the connection.
        while stream.write_all(&chunk).await.is_ok() {}
    });
    assert_eq!(post(&url, "127.0.0.1").await, Ok(Posted { status: 200, retry_after: None }));
    sending.await.unwrap();
}

#[tokio::test]
async fn a_private_address_is_rejected() {
    assert_eq!(post("http://127.0.0.1:1/", "").await, Err(FetchError::PrivateAddress));
    // A client with fewer allowed hosts than the parser of the URL.
    let url = SourceUrl::parse("http://127.0.0.1:1/", &Allowed::parse("127.0.0.1")).unwrap();
    let client = SafeClient::new(Allowed::default(), Limits::default()).unwrap();
    let outcome = client.post(&url, HeaderMap::new(), Bytes::new(), Duration::from_secs(1)).await;
    assert_eq!(outcome, Err(FetchError::PrivateAddress));
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    for list in
        [&["127.0.0.1"][..], &["::1"], &["10.0.0.1"], &["169.254.169.254"], &["93.184.216.34", "127.0.0.1"]]
    {
        let dns = FakeDns::new([addresses(list)]);
        let names = Names::Fixed(dns.clone());
        let client = SafeClient::with(Allowed::default(), Limits::default(), names, mozilla_roots());
        // The port is allowed when the URL is parsed; the client allows no host.
        let url = format!("http://rebind.example:{port}/hook");
        let url = SourceUrl::parse(&url, &Allowed::parse("rebind.example")).unwrap();
        let outcome =
            client.unwrap().post(&url, HeaderMap::new(), Bytes::new(), Duration::from_secs(5)).await;
        assert!(outcome.is_err(), "{list:?}");
        let dns = FakeDns::new([addresses(list)]);
        let names = Names::Fixed(dns.clone());
        let client = SafeClient::with(Allowed::default(), Limits::default(), names, mozilla_roots());
        let url = SourceUrl::parse("http://rebind.example/hook", &Allowed::default()).unwrap();
        let outcome =
            client.unwrap().post(&url, HeaderMap::new(), Bytes::new(), Duration::from_secs(5)).await;
        assert_eq!(outcome, Err(FetchError::PrivateAddress), "{list:?}");
        assert_eq!(dns.lookups(), ["rebind.example"], "{list:?}");
    }
    let connected = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
    assert!(connected.is_err(), "a connection to this machine");
}
