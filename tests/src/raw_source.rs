//! A server to import from that keeps no rule of HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is said to everyone who asks.
#[derive(Clone, Debug)]
pub enum Script {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, and then the same piece without end.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, then one byte after the other, slowly and without end.
    Drip(Vec<u8>, u8),
    /// Nothing, ever.
    Silence,
}

/// Between two bytes of a [`Script::Drip`].
const DRIP: Duration = Duration::from_millis(100);

/// A server on a loopback address, until it is dropped.
pub struct RawSource {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl RawSource {
    /// On a port of its own of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.expect("a port"), script)
    }

    /// On a port that is bound already.
    #[must_use]
    pub fn listen(listener: TcpListener, script: Script) -> Self {
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(perform(stream, script.clone()));
            }
        });
        Self { address, connections, task }
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The connections that were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for RawSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when the other side goes.
async fn perform(mut stream: TcpStream, script: Script) -> std::io::Result<()> {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    match script {
        Script::Bytes(bytes) => stream.write_all(&bytes).await?,
        Script::Endless(head, piece) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&piece).await?;
            }
        }
        Script::Drip(head, byte) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(DRIP).await; // the slowness that is the point of it
            }
        }
        Script::Silence => {
            let _ = stream.read(&mut [0]).await?; // until the other side has had enough
        }
    }
    stream.shutdown().await
}
