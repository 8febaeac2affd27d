//! Tests TLS: certificate verification over both versions of HTTP, and detection of truncated bodies.

use crate::resolver::Names;
use crate::setup::mozilla_roots;
use crate::test_support::{FakeDns, addresses};
use crate::{Allowed, FetchError, Limits, SafeClient, SourceUrl};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

fn certificate(der: &'static [u8]) -> CertificateDer<'static> {
    CertificateDer::from(der)
}

fn test_root() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(include_bytes!("test_certificates/root.der"))).unwrap();
    roots
}

fn acceptor(protocol: &[u8]) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(include_bytes!("test_certificates/leaf-key.der").as_slice());
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate(include_bytes!("test_certificates/leaf.der"))],
                PrivateKeyDer::Pkcs8(key),
            )
            .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Accepts one TLS connection and passes it to `serve`. Returns the port.
async fn listen<F>(
    protocol: &'static [u8],
    serve: impl FnOnce(TlsStream<TcpStream>) -> F + Send + 'static,
) -> u16
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not trust the certificate aborts the handshake.
        if let Ok(stream) = acceptor(protocol).accept(stream).await {
            serve(stream).await;
        }
    });
    port
}

type Body = http_body_util::combinators::BoxBody<Bytes, io::Error>;

async fn respond(request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let whole = Full::new(Bytes::from(format!("{:?}", request.version()))).map_err(io::Error::other).boxed();
    let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(io::Error::other("broken"))];
    let broken = BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)));
    Ok(match request.uri().path() {
        "/broken" => Response::new(broken),
        "/many-headers" => Response::builder().header("x-long", "a".repeat(2 * 65_536)).body(whole).unwrap(),
        _ => Response::new(whole),
    })
}

async fn http1(stream: TlsStream<TcpStream>) {
    let server = hyper::server::conn::http1::Builder::new();
    // The test checks the result of the client, not of the server.
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(respond)).await;
}

async fn http2(stream: TlsStream<TcpStream>) {
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(respond)).await;
}

async fn fetch(host: &str, port: u16, path: &str, roots: RootCertStore) -> Result<Vec<u8>, FetchError> {
    let allowed = Allowed::parse(host);
    let dns = FakeDns::new([addresses(&["127.0.0.1"])]);
    let client = SafeClient::with(allowed.clone(), Limits::default(), Names::Fixed(dns), roots)?;
    let url = SourceUrl::parse(&format!("https://{host}:{port}{path}"), &allowed)?;
    let mut source = client.get(&url).await?;
    let mut body = Vec::new();
    while let Some(chunk) = source.next_chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn is_tls(outcome: &Result<Vec<u8>, FetchError>) -> bool {
    matches!(outcome, Err(error @ FetchError::Tls(_)) if !error.is_retryable())
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted_over_both_versions_of_http() {
    let port = listen(b"http/1.1", http1).await;
    assert_eq!(fetch("tls.example", port, "/", test_root()).await, Ok(b"HTTP/1.1".to_vec()));
    let port = listen(b"h2", http2).await;
    assert_eq!(fetch("tls.example", port, "/", test_root()).await, Ok(b"HTTP/2.0".to_vec()));
}

#[tokio::test]
async fn an_unknown_issuer_and_another_name_are_refused() {
    let port = listen(b"http/1.1", http1).await;
    let outcome = fetch("tls.example", port, "/", mozilla_roots()).await;
    assert!(is_tls(&outcome), "{outcome:?}");
    let port = listen(b"http/1.1", http1).await;
    let outcome = fetch("other.example", port, "/", test_root()).await;
    assert!(is_tls(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_server_without_tls_causes_a_tls_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let outcome = fetch("tls.example", port, "/", test_root()).await;
    assert!(is_tls(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_broken_http2_stream_is_an_interruption() {
    let port = listen(b"h2", http2).await;
    let outcome = fetch("tls.example", port, "/broken", test_root()).await;
    assert!(matches!(&outcome, Err(FetchError::Interrupted(_))), "{outcome:?}");
}

#[tokio::test]
async fn http2_headers_over_the_limit_are_refused() {
    let port = listen(b"h2", http2).await;
    let outcome = fetch("tls.example", port, "/many-headers", test_root()).await;
    assert!(matches!(&outcome, Err(FetchError::Interrupted(_))), "{outcome:?}");
}

/// Without `Content-Length`, the TLS closure alert ends the body. An attacker who cuts the connection must not be able to shorten
/// it.
#[tokio::test]
async fn a_connection_closed_without_a_tls_alert_truncates_an_incomplete_body() {
    for (length, closes) in [("", true), ("", false), ("Content-Length: 4\r\n", false)] {
        let port = listen(b"http/1.1", move |mut stream| async move {
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let response = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{length}\r\nhalf");
            stream.write_all(response.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            if closes {
                stream.shutdown().await.unwrap();
            }
        })
        .await;
        let outcome = fetch("tls.example", port, "/", test_root()).await;
        let is_complete = closes || !length.is_empty();
        let expected = if is_complete { Ok(b"half".to_vec()) } else { Err(FetchError::Truncated) };
        assert_eq!(outcome, expected, "{length:?}, closes: {closes}");
    }
}
