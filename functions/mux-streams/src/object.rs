//! One temporary object in S3, read by a presigned GET in large blocks, the next one ahead of time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use lambda_startup::{DownloadError, Downloads};
use media_process::{Content, ReadAborted};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

/// The size of a block.
pub(crate) const BLOCK: u64 = 4 * 1024 * 1024;
/// The maximum number of blocks in memory, beside the one that is being read ahead.
const BLOCKS: usize = 3;
/// Room for S3's description of an error.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// The maximum number of requests of ffmpeg. A file whose picture and sound are far apart needs one for each change between them.
const MAX_REQUESTS: u64 = 100_000;

/// The reason why an object cannot be read. A later invocation may succeed.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The connection failed.
    #[error("a temporary object could not be read")]
    Download(#[from] DownloadError),
    /// 403: the URL, or the session that signed it, has expired. 404: the object is deleted. 412: it has changed.
    #[error("S3 responded {0} to a temporary object")]
    Status(StatusCode),
    /// The response has another length than requested, or lacks a header.
    #[error("S3's response lacks {0}")]
    Lacks(HeaderName),
    /// The task that reads ahead ended.
    #[error("the task that reads ahead ended")]
    Task(#[from] tokio::task::JoinError),
    /// ffmpeg requests ranges without end.
    #[error("ffmpeg sent more than {MAX_REQUESTS} requests")]
    Requests,
}

/// An object as it was when its first block was read.
#[derive(Debug)]
pub(crate) struct StreamObject {
    source: Ranges,
    size: u64,
    requests: AtomicU64,
    blocks: Mutex<Blocks>,
    failed: StdMutex<Option<ObjectError>>,
    raised: Notify,
}

/// Requests for ranges of one version of the object.
#[derive(Clone, Debug)]
struct Ranges {
    client: Downloads,
    url: Uri,
    etag: HeaderValue,
}

/// The blocks in memory, the last used one last.
#[derive(Debug, Default)]
struct Blocks {
    kept: VecDeque<(u64, Bytes)>,
    ahead: Option<(u64, JoinHandle<Result<Bytes, ObjectError>>)>,
}

impl StreamObject {
    /// Reads the first block behind a presigned GET.
    pub(crate) async fn open(client: Downloads, url: Uri) -> Result<Self, ObjectError> {
        let response = client.get(&url, &range(0, BLOCK), room(BLOCK)).await?;
        let size = match response.status() {
            StatusCode::PARTIAL_CONTENT => whole_size(&response)?,
            // There is no range of an empty object.
            StatusCode::RANGE_NOT_SATISFIABLE => 0,
            other => return Err(ObjectError::Status(other)),
        };
        let etag = response.headers().get(ETAG).cloned().unwrap_or(HeaderValue::from_static("*"));
        let first = if size == 0 { Bytes::new() } else { response.into_body() };
        let blocks = Blocks { kept: VecDeque::from([(0, first)]), ahead: None };
        let source = Ranges { client, url, etag };
        let (requests, failed) = (AtomicU64::new(0), StdMutex::new(None));
        Ok(Self { source, size, requests, blocks: Mutex::new(blocks), failed, raised: Notify::new() })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the first block, or nothing if it cannot be read. It is in memory until others are read.
    pub(crate) async fn beginning(&self) -> Bytes {
        self.block(0).await.unwrap_or_default()
    }

    /// Waits until the object cannot be read, and returns why. For one waiter.
    pub(crate) async fn failed(&self) -> ObjectError {
        loop {
            self.raised.notified().await;
            if let Some(error) = self.take_failure() {
                return error;
            }
        }
    }

    /// Returns why the object cannot be read.
    pub(crate) fn take_failure(&self) -> Option<ObjectError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn end<T>(&self, error: ObjectError) -> Result<T, ReadAborted> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.raised.notify_one();
        Err(ReadAborted)
    }

    async fn block(&self, number: u64) -> Result<Bytes, ObjectError> {
        let mut blocks = self.blocks.lock().await;
        if let Some(found) = blocks.kept(number) {
            return Ok(found);
        }
        let ahead = blocks.ahead.take();
        let is_sequential = blocks.kept.back().is_some_and(|(last, _)| last + 1 == number);
        let bytes = match ahead {
            Some((found, reading)) if found == number => reading.await??,
            other => {
                if let Some((_, reading)) = other {
                    reading.abort();
                }
                self.source.read(number, self.size).await?
            }
        };
        blocks.keep(number, bytes.clone());
        if is_sequential && (number + 1) * BLOCK < self.size {
            let (source, size) = (self.source.clone(), self.size);
            blocks.ahead =
                Some((number + 1, tokio::spawn(async move { source.read(number + 1, size).await })));
        }
        Ok(bytes)
    }
}

impl Content for StreamObject {
    fn length(&self) -> u64 {
        self.size
    }

    fn count_request(&self) -> Result<(), ReadAborted> {
        if self.requests.fetch_add(1, Ordering::Relaxed) < MAX_REQUESTS {
            return Ok(());
        }
        self.end(ObjectError::Requests)
    }

    async fn chunk(&self, position: u64) -> Result<Bytes, ReadAborted> {
        let bytes = match self.block(position / BLOCK).await {
            Ok(bytes) => bytes,
            Err(error) => return self.end(error),
        };
        let offset = usize::try_from(position % BLOCK).unwrap_or(usize::MAX);
        if offset < bytes.len() {
            Ok(bytes.slice(offset..))
        } else {
            self.end(ObjectError::Lacks(CONTENT_RANGE))
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if let Some((_, reading)) = self.ahead.take() {
            reading.abort();
        }
    }
}

impl Blocks {
    fn kept(&mut self, number: u64) -> Option<Bytes> {
        let index = self.kept.iter().position(|(kept, _)| *kept == number)?;
        let found = self.kept.remove(index)?;
        let bytes = found.1.clone();
        self.kept.push_back(found);
        Some(bytes)
    }

    fn keep(&mut self, number: u64, bytes: Bytes) {
        if self.kept.len() == BLOCKS {
            self.kept.pop_front();
        }
        self.kept.push_back((number, bytes));
    }
}

impl Ranges {
    /// Reads a block of an object of `size` bytes.
    async fn read(&self, number: u64, size: u64) -> Result<Bytes, ObjectError> {
        let (start, end) = (number * BLOCK, ((number + 1) * BLOCK).min(size));
        let mut headers = range(start, end);
        headers.insert(IF_MATCH, self.etag.clone());
        let response = self.client.get(&self.url, &headers, room(end - start)).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if response.body().len() as u64 == end - start => {
                Ok(response.into_body())
            }
            StatusCode::PARTIAL_CONTENT => Err(ObjectError::Lacks(CONTENT_RANGE)),
            other => Err(ObjectError::Status(other)),
        }
    }
}

fn room(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).saturating_add(MAX_ERROR_BYTES)
}

fn range(start: u64, end: u64) -> HeaderMap {
    let value = HeaderValue::try_from(format!("bytes={start}-{}", end.saturating_sub(1)));
    value.map(|value| HeaderMap::from_iter([(RANGE, value)])).unwrap_or_default()
}

/// Returns the size of the whole (RFC 9110, section 14.4).
fn whole_size(response: &Response<Bytes>) -> Result<u64, ObjectError> {
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let size = header.and_then(|text| text.rsplit_once('/')).and_then(|(_, size)| size.parse().ok());
    size.ok_or(ObjectError::Lacks(CONTENT_RANGE))
}
