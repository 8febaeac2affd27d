use std::sync::Arc;

use bytes::Bytes;
use safe_fetch::{ByteRange, FetchError, Source};

use crate::job::Job;

/// A connection that brought so much before it broke is worth the next one at once.
const WORTH_ANOTHER: u64 = 256 * 1024;

/// Reads parts of a source, in whatever order, each from its first to its last byte: when an answer breaks off or brings
/// less than was asked for, the rest is asked for. An answer that goes on beyond the part serves the next part, if that
/// is the one that follows.
pub(crate) struct Reader {
    job: Arc<Job>,
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
}

impl Reader {
    /// `answer`: one that begins with the first byte of all.
    pub(crate) fn new(job: Arc<Job>, answer: Option<Source>, in_order: bool) -> Self {
        Self { job, answer, left_over: Bytes::new(), at: 0, end: 0, in_order, brought: 0 }
    }

    /// Goes to a part.
    pub(crate) fn aim(&mut self, first: u64, length: u64) {
        if self.at != first {
            (self.answer, self.left_over) = (None, Bytes::new());
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
        let last = if self.in_order { self.job.version.total } else { self.end } - 1;
        self.brought = 0;
        self.job.ask(ByteRange { first: self.at, last }).await
    }
}
