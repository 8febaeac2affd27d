//! A server of media that are too large to keep in memory. Each MiB is the same noise after its own number, so that a misplaced
//! byte is detected. It supports ranges and `If-Range`, has an `ETag`, and can limit the speed of each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use files_tests::media;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const BLOCK: usize = 1 << 20;
/// Bytes per write: few enough for an even rate.
const SLICE: usize = 64 * 1024;
const ETAG: &str = "\"the-only-version\"";

/// The address of the server, which ends with the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    address: SocketAddr,
    size: u64,
}

/// How the server responds, by path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SourceMode {
    /// With ranges.
    Ranges,
    /// Always the whole file, so that only one connection is possible.
    Whole,
}

impl Source {
    /// Starts the server on its own thread, which uses at most one core.
    pub(crate) fn start(size: u64) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("the receiver waits");
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(async move { Connection::new(stream, size).serve().await });
                }
            });
        });
        Self { address: told.recv().expect("it starts"), size }
    }

    /// Returns the URL of the file; with a limit, each connection gets that many bytes per second.
    pub(crate) fn url(&self, mode: SourceMode, limit: Option<u64>) -> String {
        let mode = match mode {
            SourceMode::Ranges => "ranges",
            SourceMode::Whole => "whole",
        };
        format!("http://{}/{mode}/{}/source.bin", self.address, limit.unwrap_or(0))
    }

    /// Returns SHA-256 and CRC-64/NVME of the file, in hex.
    pub(crate) fn checksums(&self) -> (String, String) {
        let mut block = template();
        let (mut sha256, mut crc) = (Sha256::new(), crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme));
        let mut left = self.size;
        for number in 0.. {
            number_block(&mut block, number);
            let part = usize::try_from(left.min(BLOCK as u64)).expect("small");
            sha256.update(&block[..part]);
            crc.update(&block[..part]);
            left -= part as u64;
            if left == 0 {
                break;
            }
        }
        (hex::encode(sha256.finalize()), format!("{:016x}", crc.finalize()))
    }

    /// Writes the file.
    pub(crate) fn write_to(&self, path: &std::path::Path) {
        use std::io::Write;
        let mut file = std::fs::File::create(path).expect("a file");
        let mut block = template();
        let mut left = self.size;
        for number in 0.. {
            number_block(&mut block, number);
            let part = usize::try_from(left.min(BLOCK as u64)).expect("small");
            file.write_all(&block[..part]).expect("room for the file");
            left -= part as u64;
            if left == 0 {
                break;
            }
        }
        file.sync_all().expect("a disk");
    }
}

/// Returns the noise of every block.
fn template() -> Vec<u8> {
    static NOISE: LazyLock<Bytes> = LazyLock::new(|| media::noise(BLOCK, 1));
    NOISE.to_vec()
}

fn number_block(block: &mut [u8], number: u64) {
    block[..8].copy_from_slice(&number.to_be_bytes());
}

/// A connection, and the bytes that it has sent so far.
struct Connection {
    stream: BufReader<TcpStream>,
    size: u64,
    began: Option<Instant>,
    sent: u64,
}

/// A parsed request.
struct SourceRequest {
    body: bool,
    ranges: bool,
    limit: u64,
    range: Option<(u64, u64)>,
}

impl Connection {
    fn new(stream: TcpStream, size: u64) -> Self {
        Self { stream: BufReader::new(stream), size, began: None, sent: 0 }
    }

    /// Handles requests one after the other. An error ends the connection.
    async fn serve(mut self) {
        while let Ok(Some(asked)) = self.read().await {
            if self.response(&asked).await.is_err() {
                return;
            }
        }
    }

    async fn read(&mut self) -> io::Result<Option<SourceRequest>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let body = words.next() != Some("HEAD");
        let mut path = words.next().unwrap_or_default().split('/').skip(1);
        let ranges = path.next() == Some("ranges");
        let limit = path.next().and_then(|limit| limit.parse().ok()).unwrap_or(0);
        let (mut range, mut same) = (None, true);
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 || line.trim().is_empty() {
                let range = range.filter(|_| ranges && same);
                return Ok(Some(SourceRequest { body, ranges, limit, range }));
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "range" => range = parse_range(value.trim(), self.size),
                "if-range" => same = value.trim() == ETAG,
                _ => {}
            }
        }
    }

    async fn response(&mut self, asked: &SourceRequest) -> io::Result<()> {
        let (first, last) = asked.range.unwrap_or((0, self.size - 1));
        let mut head = match asked.range {
            Some(_) => format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}\r\n",
                self.size
            ),
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        if asked.ranges {
            head.push_str(&format!("Accept-Ranges: bytes\r\nETag: {ETAG}\r\n"));
        }
        head.push_str(&format!("Content-Type: video/mp4\r\nContent-Length: {}\r\n\r\n", last + 1 - first));
        self.stream.write_all(head.as_bytes()).await?;
        if asked.body {
            self.send(first, last + 1, asked.limit).await?;
        }
        self.stream.flush().await
    }

    async fn send(&mut self, mut from: u64, end: u64, limit: u64) -> io::Result<()> {
        let mut block = template();
        let began = *self.began.get_or_insert_with(Instant::now);
        while from < end {
            number_block(&mut block, from / BLOCK as u64);
            let start = usize::try_from(from % BLOCK as u64).expect("small");
            let left = usize::try_from((end - from).min(SLICE as u64)).expect("small");
            let part = &block[start..(start + left).min(BLOCK)];
            self.stream.write_all(part).await?;
            from += part.len() as u64;
            self.sent += part.len() as u64;
            if limit > 0 {
                let due = Duration::from_secs_f64(self.sent as f64 / limit as f64);
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await; // the rate, not a wait for an event
            }
        }
        Ok(())
    }
}

fn parse_range(value: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let last = if last.is_empty() { size - 1 } else { last.parse().ok()? };
    (first <= last && first < size).then_some((first, last.min(size - 1)))
}
