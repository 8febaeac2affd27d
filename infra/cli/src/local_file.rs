//! A local file to upload.

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

/// The number of bytes per read.
const CHUNK: usize = 256 * 1024;

/// A local file, with the size and modification time at the first opening.
#[derive(Debug)]
pub(crate) struct LocalFile {
    /// The path as given by the user.
    pub(crate) shown: String,
    /// The absolute path.
    pub(crate) path: PathBuf,
    /// The size in bytes.
    pub(crate) size: u64,
    /// The modification time in nanoseconds since the Unix epoch.
    pub(crate) modified: u128,
    /// The temporary copy of standard input. It is deleted on drop.
    #[expect(dead_code, reason = "kept for its drop")]
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

    /// Returns the last segment of the path.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Returns whether the size and the modification time are unchanged since the first opening.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.path.metadata().is_ok_and(|now| now.len() == self.size && modified(&now) == self.modified)
    }

    /// Returns a range of the file as a request body. Bytes are read while the request is sent, and counted in `sent`.
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

    /// Returns the SHA-256 of the file in hex.
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

/// Counts the bytes that one attempt has sent.
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

    /// Subtracts the bytes of a failed attempt from the progress.
    pub(crate) fn take_back(&self) {
        self.bar.dec(self.bytes.swap(0, std::sync::atomic::Ordering::Relaxed));
    }
}
