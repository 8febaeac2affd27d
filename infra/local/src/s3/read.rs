//! Streams an object's bytes in pieces.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, stream};
use s3s::StdError;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};

use super::files::Held;
use super::store::Found;

/// Size of a piece in bytes.
const PIECE: u64 = 256 << 10;

/// Reads the bytes of `range`, which lies within the object.
pub(super) fn read(found: Found, range: Range<u64>) -> StreamingBlob {
    let remaining = range.end - range.start;
    let reading = Reading::new(found, range.start, remaining);
    let pieces = stream::try_unfold(reading, |reading| async move {
        tokio::task::spawn_blocking(move || reading.next()).await?.map_err(StdError::from)
    });
    StreamingBlob::new(Sized { pieces: Box::pin(pieces), remaining })
}

/// The position in a read. It holds the files, so that a delete cannot remove them.
struct Reading {
    held: Held,
    sizes: Vec<u64>,
    /// The current or next file.
    index: usize,
    /// The offset of the next piece in that file.
    offset: u64,
    file: Option<File>,
    remaining: u64,
}

impl Reading {
    fn new(found: Found, start: u64, remaining: u64) -> Self {
        let (mut index, mut offset) = (0, start);
        let sizes: Vec<u64> = found.segments.iter().map(|segment| segment.size).collect();
        while let Some(size) = sizes.get(index)
            && offset >= *size
        {
            offset -= size;
            index += 1;
        }
        Self { held: found.held, sizes, index, offset, file: None, remaining }
    }

    /// Reads the next piece; `None` at the end.
    fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.remaining == 0 {
            return Ok(None);
        }
        while self.offset >= self.size()? {
            (self.index, self.offset, self.file) = (self.index + 1, 0, None);
        }
        let length = PIECE.min(self.remaining).min(self.size()? - self.offset);
        let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        file.read_exact(&mut piece)?;
        self.file = Some(file);
        self.offset += length;
        self.remaining -= length;
        Ok(Some((piece.into(), self)))
    }

    fn open(&self) -> io::Result<File> {
        let mut file = self.held.open(self.index)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file)
    }

    fn size(&self) -> io::Result<u64> {
        self.sizes.get(self.index).copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, StdError>> + Send + Sync>>;

/// A stream of known length.
struct Sized {
    pieces: Pieces,
    remaining: u64,
}

impl Stream for Sized {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.pieces.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.remaining -= piece.len() as u64;
        }
        polled
    }
}

impl ByteStream for Sized {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining)
            .map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}
