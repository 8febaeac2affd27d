//! A TLS terminator with a latency of one millisecond in front of a local server, and a certificate for one run.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The delay in each direction: one millisecond per round trip.
const ONE_WAY: Duration = Duration::from_micros(500);
/// The files of trusted certificates on Linux distributions.
const SYSTEM_ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// A certificate for this machine.
pub(crate) struct Certificate {
    server: Arc<ServerConfig>,
    pem: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let server = ServerConfig::builder().with_no_client_auth();
        let mut server = server.with_single_cert(vec![made.cert.der().clone()], key.into()).expect("a key");
        server.alpn_protocols = vec![b"http/1.1".to_vec()]; // the server uses HTTP/1.1, as DynamoDB and S3 do
        Self { server: Arc::new(server), pem: made.cert.pem() }
    }

    /// Writes a file of trusted certificates: this machine's, so that reading it takes the usual time, and this one.
    pub(crate) fn trusted(&self, folder: &Path) -> PathBuf {
        let mut roots: String =
            SYSTEM_ROOTS.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        roots.push_str(&self.pem);
        let file = folder.join("roots.pem");
        std::fs::write(&file, roots).expect("a file");
        file
    }

    /// Starts TLS in front of a server, with the latency. Returns the URL.
    pub(crate) async fn in_front_of(&self, url: &str) -> String {
        let upstream: SocketAddr = url.trim_start_matches("http://").parse().expect("an address");
        let acceptor = TlsAcceptor::from(self.server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let terminator = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(terminate(acceptor.clone(), stream, upstream));
            }
        });
        format!("https://{}", delayed(terminator))
    }
}

async fn terminate(acceptor: TlsAcceptor, stream: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut near = acceptor.accept(stream).await?;
    let mut far = TcpStream::connect(upstream).await?;
    far.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

/// Returns a port that forwards to `to` with a delay. Uses threads: their sleep is exact to microseconds, that of the runtime to
/// a millisecond.
fn delayed(to: SocketAddr) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = std::net::TcpStream::connect(to) else { continue };
            for (from, to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))] {
                let (Ok(from), Ok(to)) = (from, to) else { continue };
                std::thread::spawn(move || carry(from, to));
            }
        }
    });
    address
}

fn carry(mut from: std::net::TcpStream, mut to: std::net::TcpStream) {
    let _ = to.set_nodelay(true);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        std::thread::sleep(ONE_WAY);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
