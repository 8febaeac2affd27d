use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// The timeout for opening a connection, including the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum age of a preconnected connection. An older one may have been closed by the server, or broken while Lambda froze
/// the process.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Opens connections, and stores those that were opened before the first request.
#[derive(Clone)]
pub(crate) struct Connections {
    tcp: HttpConnector,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tls: OnceLock<TlsConnector>,
    preconnected: Mutex<Vec<Preconnected>>,
}

struct Preconnected {
    to: Uri,
    stream: Stream,
    since: Instant,
}

impl Connections {
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self { tcp, shared: Arc::default() }
    }

    /// Opens and stores a connection for the first request to the host of this URI.
    pub(crate) async fn preconnect(&self, to: Uri) -> Result<(), BoxError> {
        let stream = self.clone().open(to.clone()).await?;
        let mut preconnected = self.shared.preconnected.lock().unwrap_or_else(PoisonError::into_inner);
        preconnected.push(Preconnected { to, stream, since: Instant::now() });
        Ok(())
    }

    /// Removes and returns a stored connection to the host of this URI, if one is recent enough.
    fn take(&self, to: &Uri) -> Option<Stream> {
        let mut preconnected = self.shared.preconnected.lock().unwrap_or_else(PoisonError::into_inner);
        preconnected.retain(|one| one.since.elapsed() < MAX_AGE);
        let same =
            |one: &Preconnected| one.to.scheme() == to.scheme() && one.to.authority() == to.authority();
        let found = preconnected.iter().position(same)?;
        Some(preconnected.swap_remove(found).stream)
    }

    async fn open(self, to: Uri) -> Result<Stream, BoxError> {
        timeout(CONNECT_TIMEOUT, self.open_without_timeout(to)).await?
    }

    async fn open_without_timeout(mut self, to: Uri) -> Result<Stream, BoxError> {
        let tcp = self.tcp.call(to.clone());
        if to.scheme() != Some(&Scheme::HTTPS) {
            return Ok(tcp.await?.into());
        }
        // Loads the trusted certificates while the TCP connection is opened.
        let (tcp, tls) = tokio::join!(tcp, async { self.shared.tls() });
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())?;
        Ok(tls?.connect(name, TokioIo::new(tcp?)).await?.into())
    }
}

impl Shared {
    /// Returns a TLS connector with the system's trusted certificates, or those in `SSL_CERT_FILE`. Loads them on first use, once
    /// per process.
    fn tls(&self) -> Result<&TlsConnector, BoxError> {
        if self.tls.get().is_none() {
            let _ = self.tls.set(TlsConnector::from(Arc::new(tls_config()?))); // if another thread set it, its value is equal
        }
        self.tls.get().ok_or_else(|| "the TLS connector is not set".into())
    }
}

fn tls_config() -> Result<ClientConfig, BoxError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(error = error as &dyn std::error::Error, "could not load a trusted certificate");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()]; // DynamoDB, S3 and SQS support only HTTP/1.1
    Ok(config)
}

impl Service<Uri> for Connections {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self.take(&to) {
            Some(stream) => Box::pin(ready(Ok(stream))),
            None => Box::pin(self.clone().open(to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn listener() -> (TcpListener, Uri) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        (listener, uri)
    }

    #[tokio::test]
    async fn a_preconnected_connection_is_used_once_and_only_for_its_host() {
        let ((near, to), (_far, elsewhere)) = (listener().await, listener().await);
        let mut connections = Connections::new();
        connections.preconnect(to.clone()).await.unwrap();
        let (_accepted, first) = near.accept().await.unwrap();
        assert!(connections.take(&elsewhere).is_none());
        let with_path = Uri::builder().scheme("http").authority(to.authority().unwrap().clone());
        let stream = connections.call(with_path.path_and_query("/table").build().unwrap()).await.unwrap();
        let MaybeHttpsStream::Http(stream) = stream else { panic!("TLS") };
        assert_eq!(stream.inner().local_addr().unwrap(), first);
        let MaybeHttpsStream::Http(second) = connections.call(to).await.unwrap() else { panic!("TLS") };
        assert_ne!(second.inner().local_addr().unwrap(), first);
    }

    #[tokio::test]
    async fn an_unused_preconnected_connection_is_dropped() {
        let (_listener, to) = listener().await;
        let connections = Connections::new();
        connections.preconnect(to.clone()).await.unwrap();
        let Some(long_ago) = Instant::now().checked_sub(MAX_AGE) else { return };
        connections.shared.preconnected.lock().unwrap()[0].since = long_ago;
        assert!(connections.take(&to).is_none());
    }
}
