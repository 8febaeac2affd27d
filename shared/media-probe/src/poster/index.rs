//! Whether a file has an index, with which ffmpeg finds a position without reading all before it. MPEG-TS, MPEG-PS, Ogg and NUT need none: ffmpeg
//! searches them by halves.

use crate::media::Media;

/// Bytes from the beginning in which a file names its index. Every probe has read them.
pub(super) const HEAD: u64 = 256 * 1024;

/// The element of Matroska with the index (RFC 9559, 5.1.5): its id is in the list of the elements that follow the pictures, or itself
/// before them.
const CUES: &[u8] = b"\x1c\x53\xbb\x6b";
/// The places of the key frames in the metadata of FLV.
const PLACES: &[u8] = b"filepositions";

/// Returns whether a file that begins with `head` lacks an index that it needs.
pub(super) fn is_missing(media: &Media, head: &[u8]) -> bool {
    let name = match media.summary.format_name.split(',').next() {
        Some("matroska") => CUES,
        Some("flv" | "live_flv") => PLACES,
        _ => return media.visible.is_some(),
    };
    !head.windows(name.len()).any(|bytes| bytes == name)
}
