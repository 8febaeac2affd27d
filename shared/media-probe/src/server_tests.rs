//! The loopback server with the reader of a probe.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use media_process::Server;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::halt::{Halt, Reason};
use crate::limits::Limits;
use crate::probe::BUFFER;
use crate::reader::{ExceededBudget, Excerpt, Reader};
use crate::source::{RangeSource, ReadError};

/// As many bytes as it says, each the low byte of its block's number.
struct Pattern {
    size: u64,
    reads: AtomicUsize,
}

impl RangeSource for Pattern {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok((start..end).map(|position| (position / 65536).to_le_bytes()[0]).collect())
    }
}

struct Running {
    address: String,
    path: String,
    source: Arc<Pattern>,
    halt: Arc<Halt>,
    reader: Arc<Reader<Pattern>>,
    _tasks: JoinSet<Infallible>,
}

fn start(size: u64, limits: &Limits) -> Running {
    let source = Arc::new(Pattern { size, reads: AtomicUsize::new(0) });
    let halt = Arc::new(Halt::default());
    let reader = Arc::new(Reader::new(Arc::clone(&source), limits, Arc::clone(&halt)));
    let server = Server::bind(BUFFER).unwrap();
    let url = server.url();
    let (address, path) =
        url.strip_prefix("http://").unwrap().split_at(url.rfind('/').unwrap() - "http://".len());
    let (address, path) = (address.to_owned(), path.to_owned());
    let failed = Arc::clone(&halt);
    let mut tasks = JoinSet::new();
    tasks.spawn(server.serve(Arc::clone(&reader), move |error| failed.raise(Reason::Server(error))));
    Running { address, path, source, halt, reader, _tasks: tasks }
}

impl Running {
    async fn ask(&self, method: &str, path: &str, range: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let range = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{range}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Lower-case head and body of the whole answer.
    async fn answer(&self, method: &str, path: &str, range: &str) -> (String, Vec<u8>) {
        let mut all = Vec::new();
        self.ask(method, path, range).await.read_to_end(&mut all).await.unwrap();
        let end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let body = all.split_off(end);
        (String::from_utf8(all).unwrap().to_lowercase(), body)
    }
}

#[tokio::test]
async fn answers_ranges() {
    let server = start(200_000, &Limits::default());
    let (head, body) = server.answer("GET", &server.path, "bytes=65530-65545").await;
    assert!(head.starts_with("http/1.1 206 "), "{head}");
    assert!(head.contains("content-range: bytes 65530-65545/200000\r\n"), "{head}");
    assert!(head.contains("content-length: 16\r\n") && head.contains("connection: close\r\n"), "{head}");
    assert_eq!(body, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);

    let (head, body) = server.answer("GET", &server.path, "").await;
    assert!(head.starts_with("http/1.1 200 ") && head.contains("accept-ranges: bytes\r\n"), "{head}");
    assert!(body.len() == 200_000 && body.last() == Some(&3));

    let (head, body) = server.answer("HEAD", &server.path, "bytes=199999-").await;
    assert!(head.starts_with("http/1.1 206 ") && head.contains("content-length: 1\r\n"), "{head}");
    assert!(body.is_empty());

    let (head, _) = server.answer("GET", &server.path, "bytes=200000-").await;
    assert!(
        head.starts_with("http/1.1 416 ") && head.contains("content-range: bytes */200000\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn an_excerpt_is_served_instead_of_the_file() {
    let server = start(1 << 40, &Limits::default());
    // From the end of block 1 to the beginning of block 3.
    server.reader.serve_only(Excerpt { head: Bytes::from_static(b"head"), part: 131_070..196_610 });
    let (head, body) = server.answer("GET", &server.path, "").await;
    assert!(head.contains("content-length: 65544\r\n"), "{head}");
    let expected = [&b"head\x01\x01"[..], &[2; 65_536], &[3, 3]].concat();
    assert_eq!(body, expected);
    for (start, end) in [(2, 6), (4, 4), (65_541, 65_543)] {
        let (_, body) = server.answer("GET", &server.path, &format!("bytes={start}-{end}")).await;
        assert_eq!(body, expected[start..=end], "{start}-{end}");
    }
    let (head, _) = server.answer("GET", &server.path, "bytes=65544-").await;
    assert!(head.starts_with("http/1.1 416 "), "{head}");
    assert_eq!(server.reader.bytes(0..2).await.unwrap(), [0, 0], "the file itself");
    // The blocks of the excerpt, and the first ones: nothing after it.
    assert_eq!(server.source.reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn answers_nothing_else() {
    let server = start(1000, &Limits::default());
    for path in
        ["/", "/x", &server.path[..32], &format!("{}/", server.path), "/0123456789abcdef0123456789abcdef"]
    {
        let (head, body) = server.answer("GET", path, "").await;
        assert!(head.starts_with("http/1.1 404 ") && body.is_empty(), "{path}: {head}");
    }
    let (head, _) = server.answer("PUT", &server.path, "").await;
    assert!(head.starts_with("http/1.1 405 ") && head.contains("allow: get, head\r\n"), "{head}");
    assert_eq!(server.source.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_open_range_is_read_only_as_far_as_it_is_taken() {
    let server = start(1 << 40, &Limits::default());
    let mut stream = server.ask("GET", &server.path, "bytes=0-").await;
    let mut taken = vec![0; 16 * 1024];
    stream.read_exact(&mut taken).await.unwrap();
    // Other requests are answered long after this one's buffers are full.
    for block in 1..20 {
        let position = block * 100 * 65536;
        server.answer("GET", &server.path, &format!("bytes={position}-{position}")).await;
    }
    assert_eq!(server.source.reads.load(Ordering::SeqCst), 1 + 19);
}

#[tokio::test]
async fn too_many_requests_end_the_probe() {
    let server = start(1000, &Limits { max_requests: 2, ..Limits::default() });
    for _ in 0..2 {
        server.answer("GET", &server.path, "bytes=0-9").await;
    }
    let mut rest = Vec::new();
    server.ask("GET", &server.path, "bytes=0-9").await.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "hung up on");
    assert_eq!(server.reader.exceeded_budget(), Some(ExceededBudget::Requests(2)));
    assert!(server.halt.take().is_none(), "ffprobe may still say what it saw");
}
