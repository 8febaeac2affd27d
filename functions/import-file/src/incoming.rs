use bytes::Bytes;
use media_source::Content;
use safe_fetch::{ByteRange, FetchError, SafeClient};
use tracing::info;

use crate::backoff;
use crate::error::ImportError;

/// How often in a row a response may break off before [`WORTH_ANOTHER`] bytes.
const MAX_FAILURES: u32 = 4;
/// A response that brought so many bytes is followed by the next one at once.
const WORTH_ANOTHER: u64 = 64 * 1024;

/// The bytes of a source in order. When the response of a file breaks off whose source gives ranges of one version, the rest is
/// asked for.
pub(crate) struct Incoming {
    client: SafeClient,
    content: Content,
    /// Bytes that have arrived, and those at the last failure.
    received: u64,
    failed_at: u64,
    failures: u32,
}

impl Incoming {
    pub(crate) fn new(client: SafeClient, content: Content) -> Self {
        Self { client, content, received: 0, failed_at: 0, failures: 0 }
    }

    /// Returns the next bytes, never empty; `None` once all have come.
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

    /// Asks for what is missing, if that can be asked for.
    async fn resume(&mut self, error: FetchError) -> Result<(), FetchError> {
        let Content::File(source) = &mut self.content else { return Err(error) };
        let Some(version) = source.version.clone().filter(|version| self.received < version.total) else {
            return Err(error);
        };
        let mut error = error;
        loop {
            let brought = self.received - std::mem::replace(&mut self.failed_at, self.received);
            self.failures = if brought >= WORTH_ANOTHER { 0 } else { self.failures + 1 };
            if !error.is_retryable() || self.failures > MAX_FAILURES {
                return Err(error);
            }
            info!(%error, received = self.received, "a source broke off");
            tokio::time::sleep(backoff::pause(self.failures)).await; // back-off between two tries, not a wait for an event
            let wanted = ByteRange { first: self.received, last: version.total - 1 };
            match self.client.range(&source.target, &version, wanted).await {
                Ok(rest) => {
                    // What is known of the whole stays.
                    let whole = std::mem::replace(&mut **source, rest);
                    source.version = whole.version;
                    return Ok(());
                }
                Err(next) => error = next,
            }
        }
    }

    /// Returns how many bytes there are, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.content {
            Content::File(source) => source.version.as_ref().map(|version| version.total).or(source.length),
            Content::Stream(_) => None,
        }
    }
}
