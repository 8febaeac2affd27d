//! Reads segments of JPEG and chunks of PNG and WebP, for EXIF and for the frame times of animations.

use std::ops::Range;

use super::first_frame::{self, number24};
use super::{Animation, Picture, tail, tiff};
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Maximum number of segments of a JPEG that are visited.
const MAX_SEGMENTS: usize = 64;
/// Maximum number of chunks of a PNG or a WebP that are visited, and the position up to which they are, in bytes.
const MAX_CHUNKS: usize = 20_000;
const MAX_REACH: u64 = 32 << 20;
/// Largest still PNG in bytes whose chunks are visited beyond its pixels. EXIF is mostly before them, otherwise at the end.
const SMALL: u64 = 2 << 20;

/// Reads up to 32 bytes.
async fn bytes<S: RangeSource>(reader: &Reader<S>, at: u64, length: u64) -> Result<Vec<u8>, ReadAborted> {
    let start = at.min(reader.size());
    reader.bytes(start..start.saturating_add(length).min(reader.size())).await
}

async fn exif<S: RangeSource>(reader: &Reader<S>, within: Range<u64>) -> Result<Picture, ReadAborted> {
    let within = within.start..within.end.min(reader.size());
    let found = tiff::read(reader, within).await?;
    Ok(Picture { orientation: found.and_then(|found| found.orientation), ..Picture::default() })
}

/// Reads a JPEG's EXIF (CIPA DC-008, 4.7).
pub(super) async fn jpeg<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Picture>, ReadAborted> {
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let header = bytes(reader, at, 10).await?;
        let &[0xFF, kind, first, second, ref rest @ ..] = &header[..] else { break };
        let length = u64::from(u16::from_be_bytes([first, second]));
        match kind {
            0xFF => at += 1, // a fill byte
            0xE1 if rest == b"Exif\0\0" => return exif(reader, at + 10..at + 2 + length).await.map(Some),
            0xDA | 0xD9 => break,
            _ => at += 2 + length.max(2),
        }
    }
    Ok(None)
}

/// Reads a PNG's EXIF and, of an animation, the duration of one iteration (PNG, third edition, 11.3).
pub(super) async fn png<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Picture>, ReadAborted> {
    let mut picture = Picture::default();
    let (mut at, mut times, mut moves) = (8, Times::default(), false);
    for _ in 0..MAX_CHUNKS {
        let header = bytes(reader, at, 32).await?;
        let Some((length, kind)) = header.get(..8).map(|header| header.split_at(4)) else { break };
        let length = u64::from(u32::from_be_bytes([length[0], length[1], length[2], length[3]]));
        match kind {
            b"acTL" => moves = true,
            b"fcTL" if header.len() == 32 => {
                let half = |at: usize| f64::from(u16::from_be_bytes([header[at], header[at + 1]]));
                times.add(half(28) / if half(30) == 0.0 { 100.0 } else { half(30) });
            }
            b"eXIf" => picture.orientation = exif(reader, at + 8..at + 8 + length).await?.orientation,
            b"IEND" => {
                picture.animation = times.total().filter(|_| moves);
                break;
            }
            b"IDAT" if !moves && reader.size() > SMALL => {
                if picture.orientation.is_none()
                    && let Some(place) = tail::exif(reader).await?
                {
                    picture.orientation = exif(reader, place).await?.orientation;
                }
                break;
            }
            _ => {}
        }
        at += 12 + length;
        if at > MAX_REACH {
            break;
        }
    }
    Ok(Some(picture))
}

/// Reads a WebP's size, EXIF and, of an animation, the first frame and the duration of one iteration (RFC 9649, 2.7).
pub(super) async fn webp<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Picture>, ReadAborted> {
    const MOVES: u8 = 0x02;
    const HAS_EXIF: u8 = 0x08;
    let head = bytes(reader, 12, 18).await?;
    if !head.starts_with(b"VP8X") || head.len() < 18 {
        return Ok(None);
    }
    let flags = head[8];
    let canvas = (number24(&head[12..]) + 1, number24(&head[15..]) + 1);
    let mut picture = Picture { size: Some(canvas), ..Picture::default() };
    let (mut at, mut times) = (30, Times::default());
    for _ in 0..MAX_CHUNKS {
        if flags & (MOVES | HAS_EXIF) == 0 || at > MAX_REACH {
            return Ok(Some(picture));
        }
        let header = bytes(reader, at, first_frame::BEGINNING).await?;
        let Some((kind, length)) = header.get(..8).map(|header| header.split_at(4)) else { break };
        let length = u64::from(u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
        match kind {
            b"ANMF" if header.len() >= 24 => {
                if times.frames == 0 {
                    picture.first = first_frame::read(&header, at, canvas, reader.size());
                }
                times.add(f64::from(number24(&header[20..])) / 1000.0);
            }
            b"EXIF" => {
                // Some encoders write JPEG's prefix too.
                let prefix = if header.get(8..14) == Some(b"Exif\0\0") { 6 } else { 0 };
                picture.orientation = exif(reader, at + 8 + prefix..at + 8 + length).await?.orientation;
            }
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    picture.animation = times.total().filter(|_| flags & MOVES != 0);
    Ok(Some(picture))
}

/// The frames read so far.
#[derive(Debug, Default)]
struct Times {
    frames: u32,
    seconds: f64,
}

impl Times {
    fn add(&mut self, seconds: f64) {
        self.frames += 1;
        self.seconds += seconds;
    }

    fn total(&self) -> Option<Animation> {
        Animation::of(self.frames, self.seconds)
    }
}
