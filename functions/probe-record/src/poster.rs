//! The check of a poster, whose sender may be compromised.

use probe_protocol::MAX_POSTER_BYTES;

/// Maximum number of pixels of a poster's longer side.
const MAX_PIXELS: u16 = 640;
/// Markers of frames that a decoder reads as pictures (ITU-T T.81, table B.1), but those of arithmetic coding and lossless ones.
const FRAMES: [u8; 3] = [0xc0, 0xc1, 0xc2];

/// Returns the poster if it is a JPEG of an allowed size.
pub(crate) fn checked_poster(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let allowed = 1..=MAX_PIXELS;
    let (width, height) = size(&bytes).filter(|_| bytes.len() <= MAX_POSTER_BYTES)?;
    (allowed.contains(&width) && allowed.contains(&height)).then_some(bytes)
}

/// Returns width and height of a complete JPEG (ITU-T T.81, B.2).
fn size(bytes: &[u8]) -> Option<(u16, u16)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?.strip_suffix(&[0xff, 0xd9])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (segment, after) = rest.get(2..)?.split_at_checked(length)?;
        if FRAMES.contains(&marker) {
            let [_, _, _, y1, y0, x1, x0, ..] = *segment else { return None };
            return Some((u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0])));
        }
        // The picture's data follows the first scan header; its frame header comes before.
        if marker == 0xda || length < 2 {
            return None;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 8, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([3, 0xff, 0xda, 0, 2, 7, 7, 0xff, 0xd9]);
        bytes
    }

    #[test]
    fn a_jpeg_of_allowed_size_is_accepted() {
        for (width, height, accepted) in [
            (640, 360, true),
            (1, 640, true),
            (641, 10, false),
            (10, 641, false),
            (0, 9, false),
            (9, 0, false),
        ] {
            assert_eq!(checked_poster(jpeg(width, height)).is_some(), accepted, "{width} x {height}");
        }
        assert_eq!(size(&jpeg(640, 360)), Some((640, 360)));
    }

    #[test]
    fn other_bytes_are_refused() {
        let whole = jpeg(64, 48);
        for length in 0..whole.len() {
            assert_eq!(checked_poster(whole[..length].to_vec()), None, "{length} bytes");
        }
        let mut long = whole;
        long.splice(20..20, vec![0; MAX_POSTER_BYTES]);
        for wrong in [b"<svg>".to_vec(), b"\x89PNG\r\n\x1a\n".to_vec(), long] {
            assert_eq!(checked_poster(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let framed = [&[0xff, 0xd8][..], &bytes, &[0xff, 0xd9]].concat();
            let _ = (size(&bytes), size(&framed));
        }
    }
}
