//! Checks the beginning of a stream: the first bytes of its first segment or initialisation section.

use crate::Refusal;
use crate::kind::{Kind, describe, is_webm_file};

/// The identifier of the element of WebM that describes its tracks (RFC 9559, section 5.1.4).
const TRACKS: [u8; 4] = [0x16, 0x54, 0xae, 0x6b];

/// What a stream must begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// The first segment of a playlist.
    Segment,
    /// A segment of fragmented MP4: a playlist has an initialisation section.
    Map,
    /// The first segment of an MPEG-DASH representation, which describes its tracks.
    Representation,
}

impl Beginning {
    /// Returns the container format of a stream that begins with `head`, which is of the segment with this number.
    ///
    /// # Errors
    /// [`Refusal::NoMap`] if the tracks are not described, [`Refusal::Segments`] if it is not the beginning of a file,
    /// [`Refusal::Segment`] if it has another format.
    pub(crate) fn kind(self, number: usize, head: &[u8]) -> Result<Kind, Refusal> {
        let kind = Kind::of(head);
        if self == Self::Representation {
            return match kind {
                Some(Kind::Mp4) if moov_end(head).is_none_or(|end| end == 0) => Err(Refusal::NoMap),
                Some(Kind::Mp4) if !begins_mp4(head) => Err(Refusal::Segments),
                Some(Kind::Webm) if !is_webm_file(head) || !has_tracks(head) => Err(Refusal::NoMap),
                Some(kind @ (Kind::Mp4 | Kind::Webm | Kind::MpegTs)) => Ok(kind),
                other => {
                    let is = other.map_or_else(|| describe(head), Kind::name);
                    Err(Refusal::Segment { number, is, expected: Some("fragmented MP4, WebM or MPEG-TS") })
                }
            };
        }
        match kind {
            Some(Kind::Mp4) if moov_end(head).is_none() => Err(Refusal::NoMap),
            Some(Kind::Mp4) if !begins_mp4(head) => Err(Refusal::Segments),
            Some(kind @ (Kind::Mp4 | Kind::MpegTs)) => Ok(kind),
            Some(kind @ (Kind::Aac | Kind::Mp3 | Kind::Ac3)) if self != Self::Map => Ok(kind),
            _ => Err(Refusal::Segment { number, is: describe(head), expected: None }),
        }
    }
}

/// Returns whether a segment after the first one is the beginning of another file, which a player would read as a new stream.
pub(crate) fn is_other_file(kind: Kind, head: &[u8]) -> bool {
    match kind {
        Kind::Mp4 => head.get(4..8) == Some(b"ftyp"),
        Kind::Webm => is_webm_file(head),
        _ => false,
    }
}

fn has_tracks(head: &[u8]) -> bool {
    head.windows(TRACKS.len()).any(|id| id == TRACKS)
}

/// Returns where the `moov` box of an MP4 ends, which describes its tracks; 0 if it comes later, as in a file with its index at the
/// end. `None` if a fragment comes first.
pub(crate) fn moov_end(head: &[u8]) -> Option<u64> {
    let mut at = 0;
    while let Some((size, name)) = head.get(at..).and_then(|rest| rest.split_first_chunk::<4>()) {
        let size = usize::try_from(u32::from_be_bytes(*size)).ok().filter(|size| *size >= 8);
        match (name.get(..4), size) {
            (Some(b"moov"), Some(size)) => return Some((at + size) as u64),
            (Some(b"moof"), _) => return None,
            (Some(b"mdat") | None, _) | (_, None) => break,
            (Some(_), Some(size)) => at += size,
        }
    }
    Some(0)
}

/// Returns whether an MP4 file, rather than a fragment, begins with these bytes.
fn begins_mp4(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"ftyp" | b"styp" | b"moov" | b"free" | b"skip" | b"pdin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EBML: &[u8] = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff";
    const CLUSTER: &[u8] = b"\x1f\x43\xb6\x75\xff\xe7\x81\0";
    const FTYP: &[u8] = b"\0\0\0\x08ftyp";
    const MOOV: &[u8] = b"\0\0\0\x08moov";
    const MOOF: &[u8] = b"\0\0\0\x08moof";

    #[test]
    fn a_representation_begins_with_a_description_of_its_tracks() {
        let kind = |parts: &[&[u8]]| Beginning::Representation.kind(0, &parts.concat());
        assert_eq!(kind(&[FTYP, MOOV, MOOF]), Ok(Kind::Mp4));
        assert_eq!(kind(&[MOOV]), Ok(Kind::Mp4));
        assert_eq!(kind(&[EBML, &TRACKS]), Ok(Kind::Webm));
        assert_eq!(kind(&[b"G"]), Ok(Kind::MpegTs));
        for parts in [[FTYP, MOOF], [MOOF, MOOV], [FTYP, FTYP], [EBML, CLUSTER], [CLUSTER, &TRACKS]] {
            assert_eq!(kind(&parts), Err(Refusal::NoMap), "{parts:?}");
        }
        for (head, is) in [(b"<html>".as_slice(), "a web page"), (b"", "empty"), (b"\xff\xf1\x50\x80", "AAC")]
        {
            let expected = Some("fragmented MP4, WebM or MPEG-TS");
            assert_eq!(kind(&[head]), Err(Refusal::Segment { number: 0, is, expected }));
        }
    }

    #[test]
    fn a_playlist_has_no_webm() {
        for beginning in [Beginning::Segment, Beginning::Map] {
            let refused = beginning.kind(1, &[EBML, &TRACKS].concat());
            assert_eq!(refused, Err(Refusal::Segment { number: 1, is: "something else", expected: None }));
        }
        let aac = b"\xff\xf1\x50\x80";
        assert_eq!(Beginning::Segment.kind(1, aac), Ok(Kind::Aac));
        assert!(Beginning::Map.kind(1, aac).is_err());
    }

    #[test]
    fn the_beginning_of_another_file_is_recognised() {
        for (kind, head, is_other) in [
            (Kind::Mp4, FTYP, true),
            (Kind::Mp4, MOOF, false),
            (Kind::Webm, EBML, true),
            (Kind::Webm, CLUSTER, false),
            (Kind::MpegTs, b"G", false),
        ] {
            assert_eq!(is_other_file(kind, head), is_other, "{kind:?} {head:?}");
        }
    }
}
