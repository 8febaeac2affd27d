//! Plans the requests for a media playlist.

use std::collections::VecDeque;

use crate::Refusal;
use crate::beginning::Beginning;
use crate::playlist::{Encryption, Map, Media, Range, Segment};

/// The maximum number of segments of a stream: two days, at ten seconds each.
pub(crate) const MAX_SEGMENTS: usize = 20_000;

/// The bytes of one request: a whole file, or a range of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The URI as written in the playlist.
    pub(crate) uri: String,
    /// The offset and the length in bytes, or `None` for the whole file.
    pub(crate) range: Option<(u64, u64)>,
    /// The number of the first segment in the piece, from 1; 0 for an initialisation section.
    pub(crate) segment: usize,
    /// Whether the stream is complete without the piece.
    pub(crate) may_be_missing: bool,
}

/// The pieces of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    pub(crate) pieces: VecDeque<Piece>,
    /// What the first piece must begin with.
    pub(crate) beginning: Beginning,
    /// The number of segments in the playlist or the manifest.
    pub(crate) count: usize,
}

/// Returns the pieces of a stream that has ended and is not encrypted. Segments marked with `EXT-X-GAP` are omitted.
///
/// # Errors
/// The [`Refusal`] that applies, if the stream is too long, encrypted, live, empty or cannot be joined.
pub(crate) fn pieces(playlist: &Media) -> Result<Pieces, Refusal> {
    let count = playlist.segments.len();
    if count > MAX_SEGMENTS {
        return Err(Refusal::TooLong);
    }
    let encrypted = |how: Encryption| playlist.segments.iter().any(|segment| segment.encryption == Some(how));
    if encrypted(Encryption::Drm) {
        return Err(Refusal::Drm);
    }
    if encrypted(Encryption::Identity) {
        return Err(Refusal::Encrypted);
    }
    if !playlist.has_ended && !playlist.is_vod && count > 0 {
        return Err(Refusal::Live);
    }
    if playlist.i_frames_only {
        return Err(Refusal::IFrames);
    }
    let mut builder = PieceBuilder::default();
    let mut map = None;
    for (index, segment) in playlist.segments.iter().enumerate() {
        builder.push_segment(index + 1, segment, &mut map)?;
    }
    match (builder.pieces.iter().any(|piece| piece.segment > 0), count) {
        (true, _) => {
            let beginning = if map.is_some() { Beginning::Map } else { Beginning::Segment };
            Ok(Pieces { pieces: builder.pieces, beginning, count })
        }
        (false, 0) => Err(Refusal::Empty),
        (false, _) => Err(Refusal::Gaps),
    }
}

/// Collects segments into pieces. Adjacent ranges of one file become one piece.
#[derive(Default)]
pub(crate) struct PieceBuilder {
    pub(crate) pieces: VecDeque<Piece>,
    /// The file and the offset at which a range without an offset begins.
    next: Option<(String, u64)>,
}

impl PieceBuilder {
    fn push_segment<'s>(
        &mut self,
        number: usize,
        segment: &'s Segment,
        map: &mut Option<&'s Map>,
    ) -> Result<(), Refusal> {
        if segment.is_gap {
            return self.skip(&segment.uri, segment.range);
        }
        if let Some(new) = segment.map.as_ref().filter(|new| *map != Some(*new)) {
            // A player would apply the new section to the earlier segments too.
            if map.is_some() || !self.pieces.is_empty() {
                return Err(Refusal::Segments);
            }
            self.add_map(new)?;
            *map = Some(new);
        }
        self.add(number, &segment.uri, segment.range)
    }

    fn add_map(&mut self, map: &Map) -> Result<(), Refusal> {
        // Without an offset, an initialisation section begins at the first byte.
        let range = map.range.map(|range| Range { offset: range.offset.or(Some(0)), ..range });
        self.add(0, &map.uri, range)
    }

    /// Advances the implicit offset past a range that is not fetched.
    fn skip(&mut self, uri: &str, range: Option<Range>) -> Result<(), Refusal> {
        self.next = match range {
            Some(range) => self.bounds(uri, range)?.1,
            None => None,
        };
        Ok(())
    }

    /// Returns the offset of a range, and the file and offset at which the next one begins.
    fn bounds(&self, uri: &str, range: Range) -> Result<(u64, Option<(String, u64)>), Refusal> {
        let unreadable = || Refusal::Tag("EXT-X-BYTERANGE".to_owned());
        let follows = self.next.as_ref().filter(|(last, _)| last == uri).map(|(_, end)| *end);
        let first = range.offset.or(follows).ok_or_else(unreadable)?;
        let end = first.checked_add(range.length).filter(|end| *end > first).ok_or_else(unreadable)?;
        Ok((first, Some((uri.to_owned(), end))))
    }

    pub(crate) fn add(&mut self, segment: usize, uri: &str, range: Option<Range>) -> Result<(), Refusal> {
        let Some(range) = range else {
            self.next = None;
            self.pieces.push_back(Piece { uri: uri.to_owned(), range: None, segment, may_be_missing: false });
            return Ok(());
        };
        let (first, next) = self.bounds(uri, range)?;
        self.next = next;
        match self.pieces.back_mut() {
            Some(Piece { uri: last, range: Some((begin, length)), segment: begins, .. })
                if last == uri && *begin + *length == first =>
            {
                *length += range.length;
                if *begins == 0 {
                    *begins = segment; // the piece holds an initialisation section and its first segment
                }
            }
            _ => self.pieces.push_back(Piece {
                uri: uri.to_owned(),
                range: Some((first, range.length)),
                segment,
                may_be_missing: false,
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
