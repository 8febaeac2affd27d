use std::sync::Arc;

use bytes::Bytes;
use safe_fetch::{ByteRange, FetchError, Source};

use crate::ranged_source::RangedSource;

/// A connection that brought so much before it broke is worth the next one at once.
const WORTH_ANOTHER: u64 = 256 * 1024;

/// Reads parts of a source, in whatever order, each from its first to its last byte: when an answer breaks off or brings
/// less than was asked for, the rest is asked for. An answer that goes on beyond the part serves the next part, if that
/// is the one that follows.
pub(crate) struct Reader {
    source: Arc<RangedSource>,
    answer: Option<Source>,
    /// Came with the last chunk of the part before.
    left_over: Bytes,
    /// The next byte of `left_over` and `answer`.
    at: u64,
    /// After the last byte of the part.
    end: u64,
    /// Whether answers are to go on to the end of the source.
    in_order: bool,
    /// Bytes of this answer.
    brought: u64,
    /// The answer is the first one of all.
    is_first: bool,
}

impl Reader {
    /// `answer`: one that begins with the first byte of all.
    pub(crate) fn new(source: Arc<RangedSource>, answer: Option<Source>, in_order: bool) -> Self {
        let is_first = answer.is_some();
        Self { source, answer, left_over: Bytes::new(), at: 0, end: 0, in_order, brought: 0, is_first }
    }

    /// Whether it still reads the first answer of all.
    pub(crate) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whether this is the next byte of its answer.
    pub(crate) fn is_at(&self, first: u64) -> bool {
        self.at == first
    }

    /// The part at which its open response continues, from 1.
    pub(crate) fn part(&self, part_size: u64) -> Option<u32> {
        u32::try_from(self.at / part_size).ok()?.checked_add(1)
    }

    /// Goes to a part.
    pub(crate) fn aim(&mut self, first: u64, length: u64) {
        if self.at != first {
            (self.answer, self.left_over, self.is_first) = (None, Bytes::new(), false);
        }
        (self.at, self.end) = (first, first + length);
    }

    /// The next bytes of the part; `None` once all have come.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        while self.at < self.end {
            if !self.left_over.is_empty() {
                return Ok(Some(self.take()));
            }
            let mut answer = match self.answer.take() {
                Some(answer) => answer,
                None => self.ask().await?,
            };
            match answer.next_chunk().await {
                Ok(Some(chunk)) => {
                    self.brought += chunk.len() as u64;
                    self.left_over = chunk;
                    self.answer = Some(answer);
                }
                Ok(None) if self.brought > 0 => {}
                Ok(None) => return Err(FetchError::Truncated),
                Err(error) if error.is_retryable() && self.brought >= WORTH_ANOTHER => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Of what has come, what belongs to the part.
    fn take(&mut self) -> Bytes {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let chunk = self.left_over.split_to(self.left_over.len().min(left));
        self.at += chunk.len() as u64;
        chunk
    }

    async fn ask(&mut self) -> Result<Source, FetchError> {
        let last = if self.in_order { self.source.version.total } else { self.end } - 1;
        (self.brought, self.is_first) = (0, false);
        self.source.ask(ByteRange { first: self.at, last }).await
    }
}
