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

/// Timeout of opening a connection, with TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest that an unused connection is kept: later the server may have closed it, or it died while Lambda had frozen the
/// process.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Opens connections, and keeps those that were opened ahead of the first request.
#[derive(Clone)]
pub(crate) struct Connections {
    tcp: HttpConnector,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tls: OnceLock<TlsConnector>,
    standing: Mutex<Vec<Standing>>,
}

struct Standing {
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

    /// Opens a connection for the first request to this address.
    pub(crate) async fn open_ahead(&self, to: Uri) -> Result<(), BoxError> {
        let stream = self.clone().open(to.clone()).await?;
        let mut standing = self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.push(Standing { to, stream, since: Instant::now() });
        Ok(())
    }

    /// Takes a connection that was opened ahead.
    fn take(&self, to: &Uri) -> Option<Stream> {
        let mut standing = self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.retain(|one| one.since.elapsed() < MAX_AGE);
        let same = |one: &Standing| one.to.scheme() == to.scheme() && one.to.authority() == to.authority();
        let found = standing.iter().position(same)?;
        Some(standing.swap_remove(found).stream)
    }

    async fn open(self, to: Uri) -> Result<Stream, BoxError> {
        timeout(CONNECT_TIMEOUT, self.open_late(to)).await?
    }

    async fn open_late(mut self, to: Uri) -> Result<Stream, BoxError> {
        let tcp = self.tcp.call(to.clone());
        if to.scheme() != Some(&Scheme::HTTPS) {
            return Ok(tcp.await?.into());
        }
        // Reads the trusted certificates while the server responds.
        let (tcp, tls) = tokio::join!(tcp, async { self.shared.tls() });
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())?;
        Ok(tls?.connect(name, TokioIo::new(tcp?)).await?.into())
    }
}

impl Shared {
    /// Returns TLS with the machine's trusted certificates, or those that `SSL_CERT_FILE` names. They are read once per process,
    /// on demand.
    fn tls(&self) -> Result<&TlsConnector, BoxError> {
        if self.tls.get().is_none() {
            let _ = self.tls.set(TlsConnector::from(Arc::new(tls_config()?))); // another thread's is the same
        }
        self.tls.get().ok_or_else(|| "no TLS".into())
    }
}

fn tls_config() -> Result<ClientConfig, BoxError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(error = error as &dyn std::error::Error, "trusted certificates");
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
    async fn what_was_opened_ahead_is_taken_once_and_by_its_own_address_only() {
        let ((near, to), (_far, elsewhere)) = (listener().await, listener().await);
        let mut connections = Connections::new();
        connections.open_ahead(to.clone()).await.unwrap();
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
    async fn one_that_nobody_took_in_time_is_dropped() {
        let (_listener, to) = listener().await;
        let connections = Connections::new();
        connections.open_ahead(to.clone()).await.unwrap();
        let Some(long_ago) = Instant::now().checked_sub(MAX_AGE) else { return };
        connections.shared.standing.lock().unwrap()[0].since = long_ago;
        assert!(connections.take(&to).is_none());
    }
}
