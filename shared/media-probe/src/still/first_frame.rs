//! The first frame of an animated WebP (RFC 9649, 2.7.1.1), whose decoder in FFmpeg reads still pictures only.

use bytes::Bytes;

use crate::media::FirstFrame;
use crate::reader::Excerpt;

/// Length in bytes of a chunk's header.
const HEADER: u64 = 8;
/// Bytes of a frame before its chunks.
const FIELDS: u64 = 16;
/// The flag in `VP8X` of a picture with transparency.
const HAS_ALPHA: u8 = 0x10;

/// Bytes of a frame's beginning that [`read`] needs: up to the kind of its first chunk.
pub(super) const BEGINNING: u64 = HEADER + FIELDS + 4;

/// Reads the beginning of an `ANMF` chunk at `at` in a file of `size` bytes. `None`: the frame is cut short, or exceeds the canvas.
pub(super) fn read(beginning: &[u8], at: u64, canvas: (u32, u32), size: u64) -> Option<FirstFrame> {
    let length = u64::from(u32::from_le_bytes(beginning.get(4..8)?.try_into().ok()?));
    let fields = beginning.get(8..24)?;
    let offset = (2 * number24(fields), 2 * number24(&fields[3..]));
    let (width, height) = (&fields[6..9], &fields[9..12]);
    let chunks = at + HEADER + FIELDS..at + HEADER + length;
    let frame = (number24(width) + 1, number24(height) + 1);
    if chunks.is_empty()
        || chunks.end > size
        || offset.0 + frame.0 > canvas.0
        || offset.1 + frame.1 > canvas.1
    {
        return None;
    }
    let flags = if beginning.get(24..28) == Some(b"ALPH") { HAS_ALPHA } else { 0 };
    // The size of all that follows it: the form, `VP8X` and the frame's own chunks.
    let rest = u32::try_from(4 + HEADER + 10 + (chunks.end - chunks.start)).ok()?;
    let head = [
        b"RIFF".as_slice(),
        &rest.to_le_bytes(),
        b"WEBPVP8X",
        &10_u32.to_le_bytes(),
        &[flags, 0, 0, 0],
        width,
        height,
    ];
    let still = Excerpt { head: Bytes::from(head.concat()), part: chunks };
    Some(FirstFrame { still, size: frame, offset, canvas })
}

/// Reads a number of three bytes.
pub(super) fn number24(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 44;

    fn frame(length: u32, offset: u8, kind: &[u8; 4]) -> Vec<u8> {
        let fields = [offset, 0, 0, 1, 0, 0, 31, 0, 0, 15, 0, 0, 100, 0, 0, 0];
        [b"ANMF".as_slice(), &length.to_le_bytes(), &fields, kind].concat()
    }

    fn found(length: u32, offset: u8, kind: &[u8; 4]) -> Option<FirstFrame> {
        read(&frame(length, offset, kind), AT, (64, 48), 1000)
    }

    #[test]
    fn a_frame_becomes_a_still_picture() {
        let frame = found(116, 16, b"ALPH").unwrap();
        assert_eq!((frame.size, frame.offset, frame.canvas), ((32, 16), (32, 2), (64, 48)));
        let head = b"RIFF\x7a\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x1f\0\0\x0f\0\0";
        assert_eq!(frame.still, Excerpt { head: Bytes::from_static(head), part: 68..168 });
        let opaque = found(116, 16, b"VP8 ").unwrap();
        assert_eq!(opaque.still.head[20], 0);
    }

    #[test]
    fn a_frame_that_is_cut_short_or_beyond_the_canvas_is_none() {
        assert!(found(116, 16, b"VP8 ").is_some() && found(948, 16, b"VP8 ").is_some());
        for (length, offset) in [(16, 16), (3, 16), (0, 16), (949, 16), (u32::MAX, 16), (116, 17), (116, 255)]
        {
            assert_eq!(found(length, offset, b"VP8 "), None, "{length} bytes at {offset}");
        }
        let whole = frame(116, 16, b"VP8 ");
        for length in 0..24 {
            assert_eq!(read(&whole[..length], AT, (64, 48), 1000), None, "{length}");
        }
    }
}
