use bytes::Bytes;
use media_source::Content;
use safe_fetch::{ByteRange, FetchError, SafeClient};
use tracing::info;

use crate::backoff;
use crate::error::ImportError;

/// The maximum number of consecutive responses that break off before [`PROGRESS_BYTES`].
const MAX_FAILURES: u32 = 4;
/// The number of bytes after which a response counts as progress and resets the failures.
const PROGRESS_BYTES: u64 = 64 * 1024;

/// The bytes of a source in order. If the response breaks off and the source supports range requests, requests the rest.
pub(crate) struct Incoming {
    client: SafeClient,
    content: Content,
    /// The number of bytes received.
    received: u64,
    /// The value of `received` at the last failure.
    failed_at: u64,
    /// Consecutive failures without progress.
    failures: u32,
}

impl Incoming {
    pub(crate) fn new(client: SafeClient, content: Content) -> Self {
        Self { client, content, received: 0, failed_at: 0, failures: 0 }
    }

    /// Returns the next bytes, never empty, or `None` at the end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, ImportError> {
        loop {
            let chunk = match &mut self.content {
                Content::File(source) => source.next_chunk().await,
                Content::Stream(stream) => return Ok(stream.next_chunk().await?),
            };
            match chunk {
                Ok(chunk) => {
                    self.received += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                    return Ok(chunk);
                }
                Err(error) => self.resume(error).await?,
            }
        }
    }

    /// Requests the rest of the file after a failure. Returns the error if it is permanent, the source does not
    /// support range requests, or it failed too often.
    async fn resume(&mut self, error: FetchError) -> Result<(), FetchError> {
        let Content::File(source) = &mut self.content else { return Err(error) };
        let Some(version) = source.version.clone().filter(|version| self.received < version.total) else {
            return Err(error);
        };
        let mut error = error;
        loop {
            let progress = self.received - std::mem::replace(&mut self.failed_at, self.received);
            self.failures = if progress >= PROGRESS_BYTES { 0 } else { self.failures + 1 };
            if !error.is_retryable() || self.failures > MAX_FAILURES {
                return Err(error);
            }
            info!(%error, received = self.received, "the response broke off, requesting the rest");
            tokio::time::sleep(backoff::delay(self.failures)).await; // a backoff, not a wait for an event
            let wanted = ByteRange { first: self.received, last: version.total - 1 };
            match self.client.range(&source.target, &version, wanted).await {
                Ok(rest) => {
                    // Keeps the version, which describes the whole file.
                    let whole = std::mem::replace(&mut **source, rest);
                    source.version = whole.version;
                    return Ok(());
                }
                Err(next) => error = next,
            }
        }
    }

    /// Returns the size in bytes, if known.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.content {
            Content::File(source) => source.version.as_ref().map(|version| version.total).or(source.length),
            Content::Stream(_) => None,
        }
    }
}
