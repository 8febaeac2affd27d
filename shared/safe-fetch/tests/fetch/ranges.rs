//! Sources with correct and with faulty support for range requests.

use crate::support::{RawServer, Then, read};
use safe_fetch::{
    Allowed, ByteRange, FetchError, Limits, SafeClient, Source, SourceHeaders, SourceUrl, Target, Validator,
    Version,
};
use std::time::Duration;

fn response(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

fn part(range: &str, body: &str) -> String {
    response("206 Partial Content", &["ETag: \"v1\"", &format!("Content-Range: bytes {range}")], body)
}

fn client_and_target(server: &RawServer) -> (SafeClient, Target) {
    let allowed = Allowed::parse("127.0.0.1");
    let client = SafeClient::new(allowed.clone(), Limits::default()).unwrap();
    let url = SourceUrl::parse(&server.url(), &allowed).unwrap();
    (client.for_transfer(2).unwrap(), Target { url, headers: SourceHeaders::default() })
}

async fn open(server: &RawServer) -> Result<Source, FetchError> {
    let (client, target) = client_and_target(server);
    client.open(&target).await
}

fn version() -> Version {
    Version { total: 10, validator: Validator::parse("\"v1\"").unwrap() }
}

/// Requests the bytes 2 to 5 of ten.
async fn range(server: &RawServer) -> Result<Source, FetchError> {
    let (client, target) = client_and_target(server);
    client.range(&target, &version(), ByteRange { first: 2, last: 5 }).await
}

async fn range_of(text: impl Into<String>) -> Result<Vec<u8>, FetchError> {
    let server = RawServer::start(text.into(), Then::Close).await;
    read(&mut range(&server).await?).await
}

#[tokio::test]
async fn a_206_with_the_whole_file_indicates_range_support() {
    let server = RawServer::start(part("0-9/10", "0123456789"), Then::Close).await;
    let mut source = open(&server).await.unwrap();
    assert_eq!((source.status, source.length, source.version.clone()), (206, Some(10), Some(version())));
    assert_eq!(read(&mut source).await.unwrap(), b"0123456789");
    assert!(server.requests()[0].contains("\r\nrange: bytes=0-\r\n"), "{:?}", server.requests());
}

#[tokio::test]
async fn a_200_or_a_missing_validator_indicates_no_range_support() {
    let all = "0123456789";
    let of_range = |tag| response("206 X", &[tag, "Content-Range: bytes 0-9/10"], all);
    for text in [response("200 OK", &["ETag: \"v1\""], all), of_range("ETag: W/\"v1\""), of_range("X-A: b")] {
        let server = RawServer::start(text, Then::Close).await;
        let mut source = open(&server).await.unwrap();
        assert_eq!(source.version, None);
        assert_eq!(read(&mut source).await.unwrap(), all.as_bytes());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_faulty_response_to_a_range_is_requested_again_without() {
    // The raw server sends one response to all requests, so that the request without `Range` fails too.
    for (text, status) in [
        (part("0-4/10", "01234"), 206),
        (part("0-9/*", "0123456789"), 206),
        (part("1-9/10", "123456789"), 206),
        (part("0-9", "0123456789"), 206),
        (response("206 X", &["ETag: \"v1\""], "0123456789"), 206),
        (response("400 X", &[], ""), 400),
        (response("403 X", &[], ""), 403),
        (response("405 X", &[], ""), 405),
        (response("416 X", &[], ""), 416),
        (response("500 X", &[], ""), 500),
        (response("501 X", &[], ""), 501),
    ] {
        let server = RawServer::start(text.clone(), Then::Close).await;
        assert_eq!(
            open(&server).await.map(|source| source.status),
            Err(FetchError::Status(status)),
            "{text}"
        );
        let requests = server.requests();
        assert!(requests.len() == 2 && !requests[1].contains("range:"), "{requests:?}");
    }
    let server = RawServer::start(part("0-9/10", "01234"), Then::Close).await;
    assert_eq!(open(&server).await.map(|source| source.status), Err(FetchError::WrongRange));
}

#[tokio::test]
async fn a_range_of_the_requested_version_is_accepted() {
    let server = RawServer::start(part("2-5/10", "2345"), Then::Close).await;
    let mut source = range(&server).await.unwrap();
    assert_eq!((source.length, read(&mut source).await), (Some(4), Ok(b"2345".to_vec())));
    let request = &server.requests()[0];
    assert!(request.contains("\r\nrange: bytes=2-5\r\n"), "{request}");
    assert!(request.contains("\r\nif-range: \"v1\"\r\n"), "{request}");
    assert_eq!(
        range_of(part("2-3/10", "23")).await,
        Ok(b"23".to_vec()),
        "a response may have only the beginning of the range"
    );
}

#[tokio::test]
async fn a_range_of_another_version_or_another_range_is_refused() {
    let other_tag = ["ETag: \"v2\"", "Content-Range: bytes 2-5/10"];
    for (text, error) in [
        (response("200 OK", &["ETag: \"v2\""], "0123456789"), FetchError::Changed),
        (response("200 OK", &["ETag: \"v1\""], "0123456789"), FetchError::WrongRange),
        (response("200 OK", &[], "Too many connections"), FetchError::OtherFile),
        (response("412 X", &[], ""), FetchError::WrongRange),
        (response("412 X", &["ETag: \"v2\""], ""), FetchError::Changed),
        (response("416 X", &["Content-Range: bytes */1"], ""), FetchError::Changed),
        (response("416 X", &["Content-Range: bytes */10"], ""), FetchError::WrongRange),
        (response("206 X", &other_tag, "2345"), FetchError::Changed),
        (response("206 X", &["Content-Range: bytes 2-5/10"], "2345"), FetchError::OtherFile),
        (part("2-5/11", "2345"), FetchError::WrongRange),
        (part("2-5/*", "2345"), FetchError::WrongRange),
        (part("1-4/10", "1234"), FetchError::WrongRange),
        (part("2-6/10", "23456"), FetchError::WrongRange),
        (part("2-5/10", "23456"), FetchError::WrongRange),
        (response("206 X", &["ETag: \"v1\""], "2345"), FetchError::WrongRange),
        (response("404 X", &[], ""), FetchError::Status(404)),
    ] {
        assert_eq!(range_of(text.clone()).await, Err(error), "{text}");
    }
}

#[tokio::test]
async fn retry_after_is_read_for_429_and_503() {
    for (status, header, expected) in [
        (429, "Retry-After: 7", FetchError::Busy { status: 429, retry_after: Duration::from_secs(7) }),
        (
            503,
            "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT",
            FetchError::Busy { status: 503, retry_after: Duration::ZERO },
        ),
        (503, "Retry-After: soon", FetchError::Status(503)),
        (500, "Retry-After: 7", FetchError::Status(500)),
        (404, "Retry-After: 7", FetchError::Status(404)),
    ] {
        let server = RawServer::start(response(&format!("{status} X"), &[header], ""), Then::Close).await;
        let error = open(&server).await.map(|source| source.status).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(error.is_retryable(), status != 404);
        assert_eq!(error.for_user(), format!("the source responded {status}"));
    }
}
