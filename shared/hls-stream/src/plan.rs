//! The segments of a representation that another crate has read from a manifest.

use safe_fetch::Url;

use crate::Refusal;
use crate::beginning::Beginning;
use crate::media::{MAX_SEGMENTS, PieceBuilder, Pieces};
use crate::playlist::Range;

/// A file, or a range of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRef {
    /// The URI, relative to [`SegmentPlan::base`].
    pub uri: String,
    /// The offset and the length in bytes, or `None` for the whole file.
    pub range: Option<(u64, u64)>,
}

/// Segments that become one stream, in their order. The stream begins with a description of its tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPlan {
    /// The URL that the URIs are relative to.
    pub base: Url,
    /// The initialisation section, if it is not part of the first segment.
    pub initialisation: Option<SegmentRef>,
    /// The segments, at most 20,000.
    pub segments: Vec<SegmentRef>,
    /// Whether the last segment may be missing, because it is shorter than the precision of the manifest.
    pub may_lack_last: bool,
}

impl SegmentPlan {
    /// Returns the pieces. Adjacent ranges of one file become one piece.
    ///
    /// # Errors
    /// [`Refusal::Empty`] without segments, [`Refusal::TooLong`] with more than 20,000, [`Refusal::Tag`] if a range is empty or ends
    /// beyond the largest offset.
    pub(crate) fn pieces(&self) -> Result<Pieces, Refusal> {
        let count = self.segments.len();
        match count {
            0 => return Err(Refusal::Empty),
            count if count > MAX_SEGMENTS => return Err(Refusal::TooLong),
            _ => {}
        }
        let mut builder = PieceBuilder::default();
        let numbered = self.segments.iter().enumerate().map(|(index, segment)| (index + 1, segment));
        for (number, SegmentRef { uri, range }) in
            self.initialisation.iter().map(|it| (0, it)).chain(numbered)
        {
            let range = range.map(|(first, length)| Range { length, offset: Some(first) });
            builder.add(number, uri, range)?;
        }
        if let Some(last) = builder.pieces.back_mut() {
            last.may_be_missing = self.may_lack_last && last.segment == count && count > 1;
        }
        Ok(Pieces { pieces: builder.pieces, beginning: Beginning::Representation, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(initialisation: Option<(u64, u64)>, ranges: &[Option<(u64, u64)>]) -> SegmentPlan {
        let of = |range: Option<(u64, u64)>| SegmentRef { uri: "a.mp4".to_owned(), range };
        SegmentPlan {
            base: Url::parse("https://a.example/").unwrap(),
            initialisation: initialisation.map(|range| of(Some(range))),
            segments: ranges.iter().map(|range| of(*range)).collect(),
            may_lack_last: false,
        }
    }

    #[test]
    fn adjacent_ranges_become_one_piece() {
        let found = plan(Some((0, 10)), &[Some((10, 5)), Some((15, 5)), Some((30, 5))]).pieces().unwrap();
        let ranges: Vec<_> = found.pieces.iter().map(|piece| (piece.segment, piece.range)).collect();
        assert_eq!((ranges, found.count), (vec![(1, Some((0, 20))), (3, Some((30, 5)))], 3));
    }

    #[test]
    fn empty_and_too_long_plans_are_refused() {
        let refused = |ranges: &[_]| plan(None, ranges).pieces().unwrap_err();
        assert_eq!(refused(&[]), Refusal::Empty);
        assert_eq!(refused(&vec![None; MAX_SEGMENTS + 1]), Refusal::TooLong);
        assert!(matches!(refused(&[Some((5, 0))]), Refusal::Tag(_)));
        assert!(matches!(refused(&[Some((5, u64::MAX))]), Refusal::Tag(_)));
        assert_eq!(plan(None, &vec![None; MAX_SEGMENTS]).pieces().unwrap().count, MAX_SEGMENTS);
    }
}
