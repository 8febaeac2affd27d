//! A file of this machine that is being uploaded.

use std::fmt::{self, Display, Formatter};
use std::fs::{File, Metadata};
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use futures_util::StreamExt;
use reqwest::Body;
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::failure::Failure;
use crate::progress::Bar;

/// Read at once.
const CHUNK: usize = 256 * 1024;

/// A file as it was when it was opened first.
#[derive(Debug)]
pub(crate) struct LocalFile {
    /// The path as the user gave it.
    pub(crate) shown: String,
    /// The absolute path.
    pub(crate) path: PathBuf,
    /// Bytes.
    pub(crate) size: u64,
    /// Last change, in nanoseconds since the Unix epoch.
    pub(crate) modified: u128,
    /// Deletes the copy of standard input in the end.
    pub(crate) copy: Option<TempPath>,
}

impl Display for LocalFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl LocalFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: std::io::Error| Failure::local(path, error);
        let absolute = path.canonicalize().map_err(wrong)?;
        let metadata = absolute.metadata().map_err(wrong)?;
        if !metadata.is_file() {
            return Err(Failure::local(path, "is not a regular file"));
        }
        File::open(&absolute).map_err(wrong)?;
        let shown = path.display().to_string();
        Ok(Self { shown, path: absolute, size: metadata.len(), modified: modified(&metadata), copy: None })
    }

    /// The last segment of the path.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Whether size and date are still those of the first opening.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.path.metadata().is_ok_and(|now| now.len() == self.size && modified(&now) == self.modified)
    }

    /// Some of its bytes as the body of a request, read while it is sent, and counted as they go.
    pub(crate) async fn body(&self, start: u64, length: u64, sent: Sent) -> Result<Body, Failure> {
        let wrong = |error: std::io::Error| Failure::local(&self.path, error);
        let mut file = tokio::fs::File::open(&self.path).await.map_err(wrong)?;
        file.seek(SeekFrom::Start(start)).await.map_err(wrong)?;
        file.set_max_buf_size(CHUNK);
        let bytes = ReaderStream::with_capacity(file.take(length), CHUNK);
        Ok(Body::wrap_stream(bytes.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                sent.add(chunk.len() as u64);
            }
        })))
    }

    /// Its SHA-256 in hex.
    pub(crate) async fn sha256(&self) -> Result<String, Failure> {
        let file =
            tokio::fs::File::open(&self.path).await.map_err(|error| Failure::local(&self.path, error))?;
        let mut bytes = ReaderStream::with_capacity(file, CHUNK);
        let mut hash = Sha256::new();
        while let Some(chunk) = bytes.next().await {
            hash.update(&chunk.map_err(|error| Failure::local(&self.path, error))?);
        }
        Ok(hex::encode(hash.finalize()))
    }
}

fn modified(metadata: &Metadata) -> u128 {
    let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.map_or(0, |since| since.as_nanos())
}

/// Counts the bytes that one try has sent.
#[derive(Clone)]
pub(crate) struct Sent {
    bar: Bar,
    bytes: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Sent {
    pub(crate) fn on(bar: &Bar) -> Self {
        Self { bar: bar.clone(), bytes: std::sync::Arc::default() }
    }

    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    /// Takes the bytes of a failed try back.
    pub(crate) fn take_back(&self) {
        self.bar.dec(self.bytes.swap(0, std::sync::atomic::Ordering::Relaxed));
    }
}
