//! Redirects: each hop is checked.

use crate::support::{RawServer, Then, get, get_allowing, read, refusal, serve};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get as route;
use safe_fetch::{Allowed, FetchError, Limits, SafeClient, SourceHeaders, SourceUrl, UrlError};

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nLocation: {location}\r\n\r\n")
}

async fn redirecting_to(location: &str) -> RawServer {
    RawServer::start(to(location), Then::Close).await
}

/// A server that redirects `/deep/N` to `/deep/N-1` and responds at `/deep/0`.
fn countdown() -> Router {
    let step = async |Path(count): Path<usize>| match count {
        0 => (StatusCode::OK, HeaderMap::new(), "arrived"),
        _ => {
            let location = format!("./{}", count - 1).parse().unwrap();
            (StatusCode::MOVED_PERMANENTLY, HeaderMap::from_iter([(header::LOCATION, location)]), "")
        }
    };
    Router::new().route("/deep/{count}", route(step))
}

#[tokio::test]
async fn relative_redirects_are_followed_up_to_the_limit() {
    let server = serve(countdown()).await;
    for count in [0, 1, 20] {
        let mut source = get(&format!("http://{server}/deep/{count}")).await.unwrap();
        assert_eq!(source.final_url.path(), "/deep/0");
        assert_eq!(source.file_name.as_deref(), Some("0"));
        assert_eq!(read(&mut source).await.unwrap(), b"arrived");
    }
    let error = refusal(&format!("http://{server}/deep/21")).await;
    assert_eq!((error.is_retryable(), error), (false, FetchError::TooManyRedirects));
}

#[tokio::test]
async fn the_limit_may_be_zero_redirects() {
    let server = serve(countdown()).await;
    let limits = Limits { max_redirects: 0, ..Limits::default() };
    let outcome = get_allowing("127.0.0.1", &format!("http://{server}/deep/1"), limits).await;
    assert_eq!(outcome.map(|source| source.status), Err(FetchError::TooManyRedirects));
}

#[tokio::test]
async fn a_redirect_loop_ends_at_the_limit() {
    let server = redirecting_to("/again").await;
    assert_eq!(refusal(&server.url()).await, FetchError::TooManyRedirects);
    assert_eq!(server.requests().len(), 21);
}

#[tokio::test]
async fn every_redirecting_status_is_followed_and_no_other() {
    let target = serve(countdown()).await;
    for status in [301, 302, 303, 307, 308] {
        let response =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nLocation: http://{target}/deep/0\r\n\r\n");
        let server = RawServer::start(response, Then::Close).await;
        assert!(get(&server.url()).await.is_ok(), "{status}");
    }
    for status in [300, 304, 305] {
        let response =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nLocation: http://{target}/deep/0\r\n\r\n");
        let server = RawServer::start(response, Then::Close).await;
        assert_eq!(refusal(&server.url()).await, FetchError::Status(status));
    }
}

#[tokio::test]
async fn redirects_to_private_addresses_are_refused() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://localhost/",
        "http://127.0.0.2/",
        "http://127.0.0.2:8080/",
        "http:\\\\127.0.0.2/",
        "/\\127.0.0.2/",
        "http://127.2/",
    ] {
        let server = redirecting_to(location).await;
        let error = refusal(&server.url()).await;
        assert_eq!((error.is_retryable(), error.cause()), (false, &FetchError::PrivateAddress), "{location}");
        assert_eq!(error.for_user(), "the source is not at a public address (a redirect led there)");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn redirects_to_invalid_urls_are_refused() {
    for (location, error) in [
        ("file:///etc/passwd", UrlError::Scheme),
        ("gopher://example.com/", UrlError::Scheme),
        ("data:text/plain,a", UrlError::Scheme),
        ("http://user:word@example.com/", UrlError::Credentials),
        ("http://example.com:22/", UrlError::Port),
    ] {
        let server = redirecting_to(location).await;
        assert_eq!(refusal(&server.url()).await.cause(), &FetchError::Url(error), "{location}");
    }
    let long = redirecting_to(&format!("/{}", "a".repeat(9000))).await;
    assert_eq!(refusal(&long.url()).await.cause(), &FetchError::Url(UrlError::TooLong));
}

#[tokio::test]
async fn redirects_without_a_valid_location_are_refused() {
    let without = RawServer::start("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    assert_eq!(refusal(&without.url()).await.cause(), &FetchError::BadRedirect);
    for location in ["http://", "http://[::1/", "http://a b/", "//:80"] {
        let server = redirecting_to(location).await;
        assert_eq!(refusal(&server.url()).await.cause(), &FetchError::BadRedirect, "{location}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_sent_back_unchanged() {
    let bytes = [b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /\xFF\r\n\r\n".as_slice()].concat();
    let server = RawServer::start(bytes, Then::Close).await;
    assert_eq!(refusal(&server.url()).await, FetchError::TooManyRedirects);
    assert!(server.requests()[1].starts_with("get /%ff http/1.1\r\n"), "{:?}", server.requests());
}

#[tokio::test]
async fn cookies_are_kept_within_a_chain_of_redirects() {
    async fn gate(headers: HeaderMap) -> (StatusCode, HeaderMap, String) {
        match headers.get(header::COOKIE) {
            Some(cookie) => (StatusCode::OK, HeaderMap::new(), cookie.to_str().unwrap().to_owned()),
            None => {
                let set = [(header::SET_COOKIE, "seen=1; Path=/"), (header::LOCATION, "/gate")];
                let set = set.map(|(name, value)| (name, value.parse().unwrap()));
                (StatusCode::FOUND, HeaderMap::from_iter(set), String::new())
            }
        }
    }
    let server = serve(Router::new().route("/gate", route(gate))).await;
    for _ in 0..2 {
        let mut source = get(&format!("http://{server}/gate")).await.unwrap();
        assert_eq!(read(&mut source).await.unwrap(), b"seen=1");
    }
}

#[tokio::test]
async fn a_redirect_never_reaches_a_host_that_is_not_allowed() {
    let canary =
        RawServer::start_on("127.0.0.2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Then::Close).await;
    let server = redirecting_to(&canary.url()).await;
    // The canary responds to a client that allows it.
    assert!(get_allowing("127.0.0.1,127.0.0.2", &server.url(), Limits::default()).await.is_ok());
    assert_eq!(canary.requests().len(), 1);
    assert_eq!(refusal(&server.url()).await.cause(), &FetchError::PrivateAddress);
    assert_eq!(refusal(&canary.url()).await, FetchError::PrivateAddress);
    let by_name = redirecting_to(&format!("http://localhost:{}/", canary.address.port())).await;
    assert_eq!(refusal(&by_name.url()).await.cause(), &FetchError::PrivateAddress);
    assert_eq!(canary.requests().len(), 1);
}

#[tokio::test]
async fn query_and_referer_are_not_sent_to_the_next_hop() {
    let target = RawServer::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    let server = redirecting_to(&format!("{}ü#fragment", target.url())).await;
    let source = get(&format!("{}?secret", server.url())).await.unwrap();
    assert_eq!(source.final_url.as_str(), format!("{}%C3%BC", target.url()));
    let requests = target.requests();
    assert!(requests[0].starts_with("get /%c3%bc http/1.1\r\n"), "{requests:?}");
    for unwanted in ["referer", "cookie", "secret", "authorization", "fragment"] {
        assert!(!requests[0].contains(unwanted), "{requests:?}");
    }
}

/// Fetches a URL with headers, some of them secret.
async fn get_with_headers(url: &str) -> Result<Vec<u8>, FetchError> {
    let allowed = Allowed::parse("127.0.0.1");
    let client = SafeClient::new(allowed.clone(), Limits::default())?;
    let headers = SourceHeaders::new([
        ("Authorization", "Bearer one"),
        ("Cookie", "two=2"),
        ("X-Token", "three"),
        ("User-Agent", "a player"),
        ("Accept", "video/*"),
    ]);
    let mut source = client.get_with(&SourceUrl::parse(url, &allowed)?, &headers.unwrap()).await?;
    read(&mut source).await
}

#[tokio::test]
async fn secret_headers_are_sent_only_to_the_origin_of_the_source() {
    const RESPONSE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let end = RawServer::start(RESPONSE, Then::Close).await;
    assert_eq!(get_with_headers(&end.url()).await.as_deref(), Ok(&b"ok"[..]));
    let direct = end.requests().remove(0);
    for line in [
        "authorization: bearer one",
        "cookie: two=2",
        "x-token: three",
        "user-agent: a player",
        "accept: video/*",
    ] {
        assert_eq!(direct.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line} in {direct}");
    }
    assert!(direct.contains("accept-encoding: identity"), "{direct}");
    assert_eq!(direct.matches("user-agent").count(), 1, "{direct}");

    // Another port is another origin, and a redirect back to the first origin does not restore the headers.
    let back = redirecting_to(&end.url()).await;
    let away = redirecting_to(&back.url()).await;
    assert_eq!(get_with_headers(&away.url()).await.as_deref(), Ok(&b"ok"[..]));
    assert!(away.requests()[0].contains("bearer one"), "the origin of the requested URL");
    for head in [&back.requests()[0], &end.requests()[1]] {
        assert!(!["bearer", "cookie", "three"].iter().any(|secret| head.contains(secret)), "{head}");
        assert!(head.contains("user-agent: a player") && head.contains("accept: video/*"), "{head}");
    }
}

#[tokio::test]
async fn secret_headers_follow_redirects_within_the_origin() {
    async fn echo(headers: HeaderMap) -> String {
        format!("{:?}", headers.get("x-token"))
    }
    let forward = || async { (StatusCode::FOUND, [(header::LOCATION, "/b")]) };
    let server = serve(Router::new().route("/a", route(forward)).route("/b", route(echo))).await;
    let body = get_with_headers(&format!("http://{server}/a")).await.unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), "Some(\"three\")");
}
