//! Complete responses: lengths, names, types, statuses.

use crate::support::{RawServer, Then, get, get_within, read, refusal, serve};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get as route;
use futures_util::stream;
use safe_fetch::{FetchError, Limits};
use std::io;

#[tokio::test]
async fn a_body_with_a_length_is_read_completely() {
    let body = Bytes::from(vec![7; 3 << 20]);
    let sent = body.clone();
    let server = serve(Router::new().route("/film.mp4", route(async move || sent))).await;
    let mut source = get(&format!("http://{server}/film.mp4?a=b")).await.unwrap();
    assert_eq!((source.status, source.length), (200, Some(body.len() as u64)));
    assert_eq!(source.final_url.as_str(), format!("http://{server}/film.mp4?a=b"));
    assert_eq!(source.file_name.as_deref(), Some("film.mp4"));
    assert_eq!(source.content_type.as_deref(), Some("application/octet-stream"));
    assert_eq!(read(&mut source).await.unwrap(), body);
    assert_eq!(source.next_chunk().await, Ok(None));
}

#[tokio::test]
async fn a_chunked_body_has_no_length_and_is_read_completely() {
    let chunks = async || {
        let chunks = (0..100).map(|number| Ok::<_, io::Error>(Bytes::from(format!("{number},"))));
        Body::from_stream(stream::iter(chunks))
    };
    let server = serve(Router::new().route("/", route(chunks))).await;
    let mut source = get(&format!("http://{server}/")).await.unwrap();
    assert_eq!(
        (source.length, source.file_name.as_deref(), source.content_type.as_deref()),
        (None, None, None)
    );
    let expected: String = (0..100).map(|number| format!("{number},")).collect();
    assert_eq!(read(&mut source).await.unwrap(), expected.as_bytes());
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_read_completely() {
    let server = RawServer::start("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", Then::Close).await;
    let mut source = get(&server.url()).await.unwrap();
    assert_eq!(source.length, None);
    assert_eq!(read(&mut source).await.unwrap(), b"hello");
}

#[tokio::test]
async fn an_empty_body_is_accepted() {
    let server = serve(Router::new().route("/", route(async || ""))).await;
    let mut source = get(&format!("http://{server}/")).await.unwrap();
    assert_eq!(source.length, Some(0));
    assert_eq!(source.next_chunk().await, Ok(None));
}

#[tokio::test]
async fn file_name_and_type_are_read_from_the_headers() {
    let headers = async || {
        (
            [
                (
                    header::CONTENT_DISPOSITION,
                    "attachment; filename=\"a.mp4\"; filename*=UTF-8''%F0%9F%8E%AC.mp4",
                ),
                (header::CONTENT_TYPE, "Video/MP4; codecs=avc1"),
            ],
            "hello",
        )
    };
    let server = serve(Router::new().route("/download", route(headers))).await;
    let source = get(&format!("http://{server}/download")).await.unwrap();
    assert_eq!(source.file_name.as_deref(), Some("🎬.mp4"));
    assert_eq!(source.content_type.as_deref(), Some("video/mp4"));
}

#[tokio::test]
async fn any_other_status_is_an_error() {
    let status = async |Path(code): Path<u16>| (StatusCode::from_u16(code).unwrap(), "text");
    let server = serve(Router::new().route("/{code}", route(status))).await;
    for (code, is_retryable) in [
        (202, true),
        (204, false),
        (206, false),
        (300, false),
        (304, false),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
        (410, false),
        (416, false),
        (425, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (599, true),
    ] {
        let error = refusal(&format!("http://{server}/{code}")).await;
        assert_eq!((error.is_retryable(), &error), (is_retryable, &FetchError::Status(code)));
        let words = error.for_user();
        assert!(words.starts_with(&format!("the source responded {code}")), "{words}");
        assert_eq!(words.contains("`headers`"), matches!(code, 401 | 403), "{words}");
    }
}

#[tokio::test]
async fn compressed_content_is_refused() {
    let gzip =
        async || ([(header::CONTENT_ENCODING, "gzip")], b"\x1f\x8b\x08 a body that is cut off".as_slice());
    let server = serve(Router::new().route("/gzip", route(gzip))).await;
    let mut source = get(&format!("http://{server}/gzip")).await.unwrap();
    assert_eq!(read(&mut source).await, Err(FetchError::ContentEncoding("gzip")));
}

#[tokio::test]
async fn unregistered_codings_are_ignored() {
    let encoded = async |Path(coding): Path<String>| ([(header::CONTENT_ENCODING, coding)], "hello");
    let server = serve(Router::new().route("/{coding}", route(encoded))).await;
    for coding in ["identity", "UTF-8", "base64", "binary", "aws-chunked", "none", "gzip"] {
        let mut source = get(&format!("http://{server}/{coding}")).await.unwrap();
        assert_eq!(source.head(3).await.unwrap()[..3], b"hello"[..3]);
        assert_eq!(read(&mut source).await.unwrap(), b"hello", "{coding}");
    }
}

#[tokio::test]
async fn the_request_has_no_identifying_headers() {
    let echo = async |headers: HeaderMap| {
        let lines = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines.join("\n")
    };
    let server = serve(Router::new().route("/", route(echo))).await;
    let body = read(&mut get(&format!("http://{server}/#fragment")).await.unwrap()).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        format!("accept-encoding: identity\naccept: */*\nhost: {server}\nuser-agent: files/{version}");
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let long = async |Path(length): Path<usize>| ([("x-long", "a".repeat(length))], "hello");
    let server = serve(Router::new().route("/{length}", route(long))).await;
    let limits = || Limits { max_header_bytes: 1024, ..Limits::default() };
    assert!(get_within(&format!("http://{server}/512"), limits()).await.is_ok());
    let error = get_within(&format!("http://{server}/2000"), limits()).await.map(|source| source.status);
    assert_eq!(error, Err(FetchError::HeadersTooLarge));
}

#[tokio::test]
async fn malformed_headers_are_tolerated_as_in_curl() {
    for lines in [
        "Content-Length : 2\r\n",
        "X-Folded: a\r\n b\r\n\tc\r\nContent-Length: 2\r\n",
        "Set-Cookie: a=\u{1}\r\nContent-Length: 2\r\n",
        "no header at all\r\nContent-Length: 2\r\n",
        &format!("{}Content-Length: 2\r\n", "X-A: b\r\n".repeat(120)),
        "X-Latin: \u{fc}\r\nContent-Length: 2\r\n",
    ] {
        let server = RawServer::start(format!("HTTP/1.1 200 OK\r\n{lines}\r\nok"), Then::Close).await;
        let mut source = get(&server.url()).await.unwrap_or_else(|error| panic!("{lines:?}: {error}"));
        assert_eq!(read(&mut source).await.as_deref(), Ok(&b"ok"[..]), "{lines:?}");
    }
}

#[tokio::test]
async fn the_user_agent_has_the_contact() {
    let server = RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    let limits = Limits { contact: Some("https://a.example/bot".to_owned()), ..Limits::default() };
    assert!(crate::support::get_allowing("127.0.0.1", &server.url(), limits).await.is_ok());
    let agent = format!("\r\nuser-agent: files/{} (+https://a.example/bot)\r\n", env!("CARGO_PKG_VERSION"));
    assert!(server.requests()[0].contains(&agent), "{:?}", server.requests());
}
