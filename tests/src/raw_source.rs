//! A server to import from that sends arbitrary bytes instead of valid HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The bytes that the server sends to every client.
#[derive(Clone, Debug)]
pub enum Script {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then the second piece repeated without end.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, then one byte repeated slowly without end.
    Drip(Vec<u8>, u8),
    /// Nothing, with an open connection.
    Silence,
}

/// Interval between two bytes of a [`Script::Drip`].
const DRIP: Duration = Duration::from_millis(100);

/// What `taken_over.py` sends to every port of the machine.
const SCAN: &[u8] = b"GET / HTTP/1.0\r\n";

/// A server on a loopback address, stopped when it is dropped.
pub struct RawSource {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl RawSource {
    /// Starts the server on its own port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.expect("a port"), script)
    }

    /// Starts the server on a bound port.
    #[must_use]
    pub fn listen(listener: TcpListener, script: Script) -> Self {
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(respond(stream, script.clone(), count.clone()));
            }
        });
        Self { address, connections, task }
    }

    /// Returns the URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the number of accepted connections, but for those of a test that tries every port of this machine.
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

/// Sends the script's bytes after the request head; fails when the client disconnects.
async fn respond(
    mut stream: TcpStream,
    script: Script,
    connections: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    if asked.starts_with(SCAN) {
        connections.fetch_sub(1, Ordering::Relaxed);
        return Ok(());
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
                tokio::time::sleep(DRIP).await; // the rate, not a wait for an event
            }
        }
        Script::Silence => {
            let _ = stream.read(&mut [0]).await?; // until the client disconnects
        }
    }
    stream.shutdown().await
}
