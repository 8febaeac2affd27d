//! Recognises TGA, which has no signature at its beginning (Truevision TGA 2.0).

use super::Picture;
use crate::content_type::is_targa_header;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Length in bytes of the footer, which files of version 2 have, and its end.
const FOOTER: u64 = 18;
const SIGNATURE: &[u8] = b"TRUEVISION-XFILE.\0";
/// Largest compressed file in bytes that is read to its end for want of a footer.
const MAX_COMPRESSED: u64 = 4 << 20;

/// Reads the size of a picture with a plausible header whose footer, or whose pixels, end with the file.
pub(super) async fn read<S: RangeSource>(
    reader: &Reader<S>,
    head: &[u8],
) -> Result<Option<Picture>, ReadAborted> {
    let Some(header) = Header::of(head) else { return Ok(None) };
    let size = reader.size();
    let is_whole = match header.pixels_end() {
        Some(end) if end == size => true,
        _ if reader.bytes(size.saturating_sub(FOOTER)..size).await? == SIGNATURE => true,
        None if size <= MAX_COMPRESSED => header.packets_end(&reader.bytes(0..size).await?) == Some(size),
        _ => false,
    };
    let picture =
        Picture { size: Some((header.width, header.height)), codec: Some("targa"), ..Picture::default() };
    Ok(is_whole.then_some(picture))
}

struct Header {
    is_compressed: bool,
    width: u32,
    height: u32,
    /// Bytes of a pixel.
    pixel: u64,
    /// Position of the first pixel, after the name and the colours.
    first: u64,
}

impl Header {
    fn of(head: &[u8]) -> Option<Self> {
        if !is_targa_header(head) {
            return None;
        }
        let half = |at: usize| Some(u32::from(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?])));
        let colours = u64::from(half(5)?) * u64::from(head[7].div_ceil(8));
        Some(Self {
            is_compressed: head[2] > 3,
            width: half(12)?,
            height: half(14)?,
            pixel: u64::from(head[16].div_ceil(8)),
            first: 18 + u64::from(head[0]) + colours,
        })
    }

    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Returns the position after the last pixel of an uncompressed file.
    fn pixels_end(&self) -> Option<u64> {
        (!self.is_compressed).then(|| self.first + self.pixels() * self.pixel)
    }

    /// Returns the position after the last packet of a compressed file: a packet has one pixel that is repeated, or up to 128.
    fn packets_end(&self, bytes: &[u8]) -> Option<u64> {
        let (mut at, mut pixels) = (self.first, 0);
        while pixels < self.pixels() {
            let packet = *bytes.get(usize::try_from(at).ok()?)?;
            let count = u64::from(packet & 0x7F) + 1;
            at += 1 + self.pixel * if packet & 0x80 == 0 { count } else { 1 };
            pixels += count;
        }
        (pixels == self.pixels()).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_end_with_the_last_pixel() {
        let head = [0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 10, 0, 24, 0];
        let header = Header::of(&head).expect("a header");
        let of = |packets: &[u8]| header.packets_end(&[&head[..], packets].concat());
        let one = [0xFF, 1, 2, 3]; // 128 times the same pixel
        let other = [&[31][..], &[7; 96]].concat();
        assert_eq!(of(&[&one[..], &other].concat()), Some(18 + 4 + 97));
        assert_eq!(of(&[&one[..], &one].concat()), None, "more pixels than the picture has");
        assert_eq!(of(&one), None, "fewer");
        assert_eq!(header.pixels_end(), None);
    }
}
