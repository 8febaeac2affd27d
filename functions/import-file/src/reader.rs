use std::sync::Arc;

use bytes::Bytes;
use safe_fetch::{ByteRange, FetchError, Source};

use crate::ranged_source::RangedSource;

/// The number of bytes after which a broken response is replaced by another one without counting as a failure.
const PROGRESS_BYTES: u64 = 256 * 1024;

/// Reads parts of a source in any order. If a response breaks off or is shorter than requested, requests the rest of the part. A
/// response that extends beyond the part is used for the following part.
pub(crate) struct Reader {
    source: Arc<RangedSource>,
    response: Option<Source>,
    /// The unread rest of the last chunk.
    unread: Bytes,
    /// The file offset of the next byte of `unread` and `response`.
    at: u64,
    /// The file offset after the last byte of the part.
    end: u64,
    /// Whether to request ranges up to the end of the file instead of the part.
    in_order: bool,
    /// The number of bytes received in this response.
    received: u64,
    /// Whether this is the response that `resolve` opened.
    is_first: bool,
}

impl Reader {
    /// Creates a reader, optionally with an open response that begins with the first byte of the file.
    pub(crate) fn new(source: Arc<RangedSource>, response: Option<Source>, in_order: bool) -> Self {
        let is_first = response.is_some();
        Self { source, response, unread: Bytes::new(), at: 0, end: 0, in_order, received: 0, is_first }
    }

    /// Returns whether the reader still uses the response that `resolve` opened.
    pub(crate) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Returns whether the reader is at this file offset.
    pub(crate) fn is_at(&self, first: u64) -> bool {
        self.at == first
    }

    /// Returns the number of the part that contains the next byte, from 1.
    pub(crate) fn part(&self, part_size: u64) -> Option<u32> {
        u32::try_from(self.at / part_size).ok()?.checked_add(1)
    }

    /// Moves to a part. Closes the response unless it continues there.
    pub(crate) fn seek(&mut self, first: u64, length: u64) {
        if self.at != first {
            (self.response, self.unread, self.is_first) = (None, Bytes::new(), false);
        }
        (self.at, self.end) = (first, first + length);
    }

    /// Returns the next bytes of the part, or `None` at its end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        while self.at < self.end {
            if !self.unread.is_empty() {
                return Ok(Some(self.take()));
            }
            let mut response = match self.response.take() {
                Some(response) => response,
                None => self.request().await?,
            };
            match response.next_chunk().await {
                Ok(Some(chunk)) => {
                    self.received += chunk.len() as u64;
                    self.unread = chunk;
                    self.response = Some(response);
                }
                Ok(None) if self.received > 0 => {}
                Ok(None) => return Err(FetchError::Truncated),
                Err(error) if error.is_retryable() && self.received >= PROGRESS_BYTES => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Takes the bytes of the last chunk that belong to the part.
    fn take(&mut self) -> Bytes {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let chunk = self.unread.split_to(self.unread.len().min(left));
        self.at += chunk.len() as u64;
        chunk
    }

    async fn request(&mut self) -> Result<Source, FetchError> {
        let last = if self.in_order { self.source.version.total } else { self.end } - 1;
        (self.received, self.is_first) = (0, false);
        self.source.request(ByteRange { first: self.at, last }).await
    }
}
