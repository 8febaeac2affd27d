//! Fetches one piece of a stream.

use bytes::{Bytes, BytesMut};
use safe_fetch::{FetchError, Source};

use crate::kind::HEAD_BYTES;
use crate::media::Piece;

/// A response body, with the file offset of its next byte.
#[derive(Debug)]
pub(crate) struct Body {
    source: Source,
    at: u64,
    /// The unread rest of the last chunk.
    unread: Bytes,
    /// Whether the response has the whole file, although a range was requested.
    is_whole: bool,
}

impl Body {
    /// Creates a body whose first byte is at the file offset `at`.
    pub(crate) fn new(source: Source, at: u64, is_whole: bool) -> Self {
        Self { source, at, unread: Bytes::new(), is_whole }
    }

    /// Returns the next bytes, at most `most`, or `None` at the end.
    async fn next(&mut self, most: u64) -> Result<Option<Bytes>, FetchError> {
        if self.unread.is_empty() {
            match self.source.next_chunk().await? {
                Some(chunk) => self.unread = chunk,
                None => return Ok(None),
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let chunk = self.unread.split_to(self.unread.len().min(most));
        self.at += chunk.len() as u64;
        Ok(Some(chunk))
    }
}

/// The state of a piece that is being fetched.
#[derive(Debug)]
pub(crate) struct PieceFetch {
    pub(crate) piece: Piece,
    pub(crate) body: Option<Body>,
    /// The number of bytes returned to the caller.
    pub(crate) delivered: u64,
    pub(crate) attempts: u32,
    /// The value of `delivered` at the last failure.
    failed_at: u64,
    /// The first bytes of the piece, once read.
    head: Option<Bytes>,
    /// The number of received bytes that were dropped because they were not needed.
    pub(crate) dropped: u64,
}

impl PieceFetch {
    pub(crate) fn new(piece: Piece) -> Self {
        Self { piece, body: None, delivered: 0, attempts: 0, failed_at: 0, head: None, dropped: 0 }
    }

    /// Returns the offset and the length of the bytes still needed. `None` for a piece without a range: a retry requests the
    /// whole file again, because its length is not known.
    pub(crate) fn missing(&self) -> Option<(u64, u64)> {
        self.piece.range.map(|(first, length)| (first + self.delivered, length - self.delivered))
    }

    /// Returns whether bytes arrived since the previous failure. Must be called once per failure, because it records the
    /// position.
    pub(crate) fn has_progressed(&mut self) -> bool {
        std::mem::replace(&mut self.failed_at, self.delivered) < self.delivered
    }

    fn left(&self) -> u64 {
        self.piece.range.map_or(u64::MAX, |(_, length)| length - self.delivered)
    }

    /// Returns whether the first bytes of the piece have been read.
    pub(crate) fn is_checked(&self) -> bool {
        self.head.is_some()
    }

    /// Reads the first bytes: at least [`HEAD_BYTES`], or the whole piece if it is shorter. If the response breaks off before, no
    /// bytes count as delivered, and a retry reads them again.
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
        self.delivered += head.len() as u64;
        Ok(head)
    }

    /// Returns the next bytes after the head, or `None` at the end of the piece.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        if self.left() == 0 {
            return Ok(None);
        }
        self.skip().await?;
        let chunk = self.read(self.left()).await?;
        match &chunk {
            Some(chunk) => self.delivered += chunk.len() as u64,
            None if self.piece.range.is_some() => return Err(self.ended_early()),
            None => {}
        }
        Ok(chunk)
    }

    /// Drops the bytes before the next one needed. If a whole file is read again, its head must equal the head returned before.
    async fn skip(&mut self) -> Result<(), FetchError> {
        let to = self.piece.range.map_or(0, |(first, _)| first) + self.delivered;
        let mut again = BytesMut::new();
        while let Some(at) = self.body.as_ref().map(|body| body.at).filter(|at| *at < to) {
            let Some(chunk) = self.read(to - at).await? else { return Err(self.ended_early()) };
            self.dropped += chunk.len() as u64;
            if self.piece.range.is_none() && again.len() < HEAD_BYTES {
                again.extend_from_slice(&chunk);
            }
        }
        let head = self.head.as_deref().unwrap_or_default();
        let same = again.len().min(head.len());
        if again[..same] == head[..same] { Ok(()) } else { Err(FetchError::Changed) }
    }

    /// Returns the error of a body that ended within the piece. The end of a whole file is the file's own.
    fn ended_early(&self) -> FetchError {
        let is_file = self.piece.range.is_some() && self.body.as_ref().is_some_and(|body| body.is_whole);
        if is_file { FetchError::TooShort } else { FetchError::Truncated }
    }

    async fn read(&mut self, most: u64) -> Result<Option<Bytes>, FetchError> {
        match &mut self.body {
            Some(body) => body.next(most).await,
            None => Ok(None),
        }
    }

    /// Returns the URI and the body if the body extends beyond the piece: the next piece may be in it.
    pub(crate) fn into_reusable(self) -> Option<(String, Body)> {
        let body = self.body.filter(|body| body.is_whole && self.piece.range.is_some())?;
        Some((self.piece.uri, body))
    }
}

impl Body {
    /// Returns whether the byte at this offset has not been read yet.
    pub(crate) fn is_before(&self, first: u64) -> bool {
        self.at <= first
    }
}
