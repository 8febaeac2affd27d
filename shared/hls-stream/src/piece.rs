//! One piece of a stream, while it is being fetched.

use bytes::{Bytes, BytesMut};
use safe_fetch::{FetchError, Source};

use crate::kind::HEAD_BYTES;
use crate::media::Piece;

/// An answer, and where in the file its next byte stands.
#[derive(Debug)]
pub(crate) struct Answer {
    source: Source,
    at: u64,
    /// Came with a chunk, and is not read yet.
    left_over: Bytes,
    /// It is the whole file, although a range was asked for.
    is_whole: bool,
}

impl Answer {
    /// `at`: where its first byte stands.
    pub(crate) fn new(source: Source, at: u64, is_whole: bool) -> Self {
        Self { source, at, left_over: Bytes::new(), is_whole }
    }

    /// The next bytes, at most so many; `None` at its end.
    async fn next(&mut self, most: u64) -> Result<Option<Bytes>, FetchError> {
        if self.left_over.is_empty() {
            match self.source.next_chunk().await? {
                Some(chunk) => self.left_over = chunk,
                None => return Ok(None),
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let chunk = self.left_over.split_to(self.left_over.len().min(most));
        self.at += chunk.len() as u64;
        Ok(Some(chunk))
    }
}

/// The piece that is being fetched.
#[derive(Debug)]
pub(crate) struct Fetching {
    pub(crate) piece: Piece,
    pub(crate) answer: Option<Answer>,
    /// Bytes that were handed out.
    pub(crate) given: u64,
    pub(crate) tries: u32,
    /// Bytes that were handed out when it failed last.
    failed_at: u64,
    /// The first bytes, once they were looked at.
    head: Option<Bytes>,
    /// Bytes that came and were not asked for.
    pub(crate) skipped: u64,
}

impl Fetching {
    pub(crate) fn new(piece: Piece) -> Self {
        Self { piece, answer: None, given: 0, tries: 0, failed_at: 0, head: None, skipped: 0 }
    }

    /// The first byte that is still wanted, and how many from there on, if that is known. An address without range is asked
    /// for as a whole each time.
    pub(crate) fn wanted(&self) -> Option<(u64, u64)> {
        self.piece.range.map(|(first, length)| (first + self.given, length - self.given))
    }

    /// Whether more has come than when it failed before. Each failure is asked about once.
    pub(crate) fn has_advanced(&mut self) -> bool {
        std::mem::replace(&mut self.failed_at, self.given) < self.given
    }

    fn left(&self) -> u64 {
        self.piece.range.map_or(u64::MAX, |(_, length)| length - self.given)
    }

    /// Whether its first bytes were looked at.
    pub(crate) fn is_checked(&self) -> bool {
        self.head.is_some()
    }

    /// The first bytes: enough to tell what they are, or all. An answer that breaks off before is asked for again.
    pub(crate) async fn read_head(&mut self) -> Result<Bytes, FetchError> {
        let mut head = BytesMut::new();
        let most = self.left().min(HEAD_BYTES as u64);
        self.skip().await?;
        while (head.len() as u64) < most {
            match self.read(self.left() - head.len() as u64).await? {
                Some(chunk) => head.extend_from_slice(&chunk),
                None => break,
            }
        }
        let head = head.freeze();
        self.head = Some(head.slice(..head.len().min(HEAD_BYTES)));
        self.given += head.len() as u64;
        Ok(head)
    }

    /// The next bytes behind the first ones; `None` at the end of the piece.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        if self.left() == 0 {
            return Ok(None);
        }
        self.skip().await?;
        let chunk = self.read(self.left()).await?;
        match &chunk {
            Some(chunk) => self.given += chunk.len() as u64,
            None if self.piece.range.is_some() => return Err(FetchError::Truncated), // more was asked for
            None => {}
        }
        Ok(chunk)
    }

    /// Drops what stands before the next byte that is wanted. What was handed out before must come again as it was.
    async fn skip(&mut self) -> Result<(), FetchError> {
        let to = self.piece.range.map_or(0, |(first, _)| first) + self.given;
        let mut again = BytesMut::new();
        while let Some(at) = self.answer.as_ref().map(|answer| answer.at).filter(|at| *at < to) {
            let Some(chunk) = self.read(to - at).await? else { return Err(FetchError::Truncated) };
            self.skipped += chunk.len() as u64;
            if self.piece.range.is_none() && again.len() < HEAD_BYTES {
                again.extend_from_slice(&chunk);
            }
        }
        let head = self.head.as_deref().unwrap_or_default();
        let same = again.len().min(head.len());
        if again[..same] == head[..same] { Ok(()) } else { Err(FetchError::Changed) }
    }

    async fn read(&mut self, most: u64) -> Result<Option<Bytes>, FetchError> {
        match &mut self.answer {
            Some(answer) => answer.next(most).await,
            None => Ok(None),
        }
    }

    /// An answer that goes on beyond the piece, with its address: the next piece may be in it.
    pub(crate) fn spare(self) -> Option<(String, Answer)> {
        let answer = self.answer.filter(|answer| answer.is_whole && self.piece.range.is_some())?;
        Some((self.piece.uri, answer))
    }
}

impl Answer {
    /// Whether the byte at this place is still to come.
    pub(crate) fn is_before(&self, first: u64) -> bool {
        self.at <= first
    }
}
