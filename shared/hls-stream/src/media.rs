//! What a media playlist asks to be fetched, in which order.

use std::collections::VecDeque;

use crate::Refusal;
use crate::playlist::{Encryption, Map, Media, Range, Segment};

/// Most segments of a stream: at ten seconds each, two days.
pub(crate) const MAX_SEGMENTS: usize = 20_000;

/// Bytes of one address: all, or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// As the playlist has it.
    pub(crate) uri: String,
    /// The first byte, and how many; `None` for all.
    pub(crate) range: Option<(u64, u64)>,
    /// The segment that it begins with, from 1; 0 for an initialisation.
    pub(crate) segment: usize,
}

/// All that is to be fetched.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) pieces: VecDeque<Piece>,
    /// The first is an initialisation of fragmented MP4.
    pub(crate) has_map: bool,
    /// Segments of the playlist.
    pub(crate) count: usize,
}

/// Returns the pieces of a stream that has ended and is not encrypted. Segments that the playlist says are missing are left out.
pub(crate) fn pieces(playlist: &Media) -> Result<Pieces, Refusal> {
    let count = playlist.segments.len();
    if count > MAX_SEGMENTS {
        return Err(Refusal::TooLong);
    }
    let encrypted = |how: Encryption| playlist.segments.iter().any(|segment| segment.encryption == Some(how));
    if encrypted(Encryption::Drm) {
        return Err(Refusal::Drm);
    }
    if encrypted(Encryption::Open) {
        return Err(Refusal::Encrypted);
    }
    if !playlist.has_ended && count > 0 {
        return Err(Refusal::Live);
    }
    if playlist.i_frames_only {
        return Err(Refusal::IFrames);
    }
    let mut all = Joined::default();
    let mut map = None;
    for (index, segment) in playlist.segments.iter().enumerate() {
        all.take(index + 1, segment, &mut map)?;
    }
    match (all.pieces.iter().any(|piece| piece.segment > 0), count) {
        (true, _) => Ok(Pieces { pieces: all.pieces, has_map: map.is_some(), count }),
        (false, 0) => Err(Refusal::Empty),
        (false, _) => Err(Refusal::Gaps),
    }
}

/// Ranges of one address that follow on each other are one piece.
#[derive(Default)]
struct Joined {
    pieces: VecDeque<Piece>,
    /// Where a range without an offset begins.
    next: Option<(String, u64)>,
}

impl Joined {
    fn take<'s>(
        &mut self,
        number: usize,
        segment: &'s Segment,
        map: &mut Option<&'s Map>,
    ) -> Result<(), Refusal> {
        if segment.is_gap {
            return self.skip(&segment.uri, segment.range);
        }
        if let Some(new) = segment.map.as_ref().filter(|new| *map != Some(*new)) {
            // What came before would be read by the wrong one.
            if map.is_some() || !self.pieces.is_empty() {
                return Err(Refusal::Segments);
            }
            self.add_map(new)?;
            *map = Some(new);
        }
        self.add(number, &segment.uri, segment.range)
    }

    fn add_map(&mut self, map: &Map) -> Result<(), Refusal> {
        // Without an offset, an initialisation begins at the first byte.
        let range = map.range.map(|range| Range { offset: range.offset.or(Some(0)), ..range });
        self.add(0, &map.uri, range)
    }

    /// A range that is left out counts for the one behind it.
    fn skip(&mut self, uri: &str, range: Option<Range>) -> Result<(), Refusal> {
        self.next = match range {
            Some(range) => self.bounds(uri, range)?.1,
            None => None,
        };
        Ok(())
    }

    /// The first byte of a range, and where the next one begins.
    fn bounds(&self, uri: &str, range: Range) -> Result<(u64, Option<(String, u64)>), Refusal> {
        let unreadable = || Refusal::Tag("EXT-X-BYTERANGE".to_owned());
        let follows = self.next.as_ref().filter(|(last, _)| last == uri).map(|(_, end)| *end);
        let first = range.offset.or(follows).ok_or_else(unreadable)?;
        let end = first.checked_add(range.length).filter(|end| *end > first).ok_or_else(unreadable)?;
        Ok((first, Some((uri.to_owned(), end))))
    }

    fn add(&mut self, segment: usize, uri: &str, range: Option<Range>) -> Result<(), Refusal> {
        let Some(range) = range else {
            self.next = None;
            self.pieces.push_back(Piece { uri: uri.to_owned(), range: None, segment });
            return Ok(());
        };
        let (first, next) = self.bounds(uri, range)?;
        self.next = next;
        match self.pieces.back_mut() {
            Some(Piece { uri: last, range: Some((begin, length)), segment: begins })
                if last == uri && *begin + *length == first =>
            {
                *length += range.length;
                if *begins == 0 {
                    *begins = segment; // an initialisation, and the segment behind it
                }
            }
            _ => self.pieces.push_back(Piece {
                uri: uri.to_owned(),
                range: Some((first, range.length)),
                segment,
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
