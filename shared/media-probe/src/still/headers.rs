//! Reads the size of images in formats that ffprobe does not support.

use super::Picture;
use crate::content_type::is_targa_header;

/// Length in bytes of the longest of these headers, directories of icons included.
pub(super) const LONGEST: u64 = 4096;

/// Returns ffprobe's name of the format and the picture, by the first bytes and, for TGA, the last ones or the file's `size`.
pub(super) fn find(head: &[u8], tail: &[u8], size: u64) -> Option<(&'static str, Picture)> {
    let of = |format: &'static str, codec, size: (u32, u32)| {
        let is_some = size.0 > 0 && size.1 > 0;
        is_some.then(|| (format, Picture { size: Some(size), codec, ..Picture::default() }))
    };
    match head {
        // PSB, Adobe's large document format: height before width.
        [b'8', b'B', b'P', b'S', 0, 2, ..] => of("psd_pipe", Some("psd"), (big(head, 18)?, big(head, 14)?)),
        [b'i', b'c', b'n', b's', ..] => of("icns", None, largest_icon(head)?),
        _ if is_targa_header(head)
            && (tail.ends_with(b"TRUEVISION-XFILE.\0") || targa_size(head) == Some(size)) =>
        {
            of("tga", Some("targa"), (small(head, 12)?, small(head, 14)?))
        }
        [0, 0, 2, 0, ..] => of("cur", None, largest_cursor(head)?),
        [b'F', b'O', b'R', b'M', _, _, _, _, b'I' | b'P', b'L' | b'B', b'B' | b'M', b'M' | b' ', ..] => {
            let header = head.windows(4).position(|word| word == b"BMHD")? + 8;
            of("iff", Some("iff_ilbm"), (half(head, header)?, half(head, header + 2)?))
        }
        _ if head.starts_with(b"SIMPLE  =") => of("fits", Some("fits"), fits(head)?),
        _ if head.starts_with(b"/* XPM */") => of("xpm_pipe", Some("xpm"), pixmap(head)?),
        _ if head.starts_with(b"#define ") => of("xbm_pipe", Some("xbm"), bitmap(head)?),
        _ => None,
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

/// Returns the first two axes of a FITS file, in records of 80 characters (FITS 4.0, 4.4.1).
fn fits(head: &[u8]) -> Option<(u32, u32)> {
    let axis = |name: &str| {
        let record = head.chunks_exact(80).find(|record| record.starts_with(name.as_bytes()))?;
        std::str::from_utf8(record).ok()?.split(['=', '/']).nth(1)?.trim().parse().ok()
    };
    Some((axis("NAXIS1  ")?, axis("NAXIS2  ")?))
}

/// Returns the size in the first string of an X pixmap: width, height, colours, characters.
fn pixmap(head: &[u8]) -> Option<(u32, u32)> {
    let text = String::from_utf8_lossy(head);
    let mut numbers = text.split('"').nth(1)?.split_whitespace().map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// Returns the size in the definitions of an X bitmap.
fn bitmap(head: &[u8]) -> Option<(u32, u32)> {
    let text = String::from_utf8_lossy(head);
    let number = |end: &str| {
        let line = text
            .lines()
            .take(8)
            .find(|line| line.split_whitespace().nth(1).is_some_and(|name| name.ends_with(end)))?;
        line.split_whitespace().nth(2)?.parse().ok()
    };
    Some((number("_width")?, number("_height")?))
}

/// Returns the size in bytes of an uncompressed TGA: header, name, colours, pixels.
fn targa_size(head: &[u8]) -> Option<u64> {
    let bits = |at: usize| head.get(at).map(|bits| u64::from(bits.div_ceil(8)));
    let is_plain = matches!(head.get(2)?, 1..=3);
    let colours = u64::from(small(head, 5)?) * bits(7)?;
    let pixels = u64::from(small(head, 12)?) * u64::from(small(head, 14)?) * bits(16)?;
    is_plain.then(|| 18 + u64::from(head[0]) + colours + pixels)
}

fn big(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn small(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

/// Returns the size of the largest picture of a Windows cursor, in which 0 stands for 256.
fn largest_cursor(head: &[u8]) -> Option<(u32, u32)> {
    let count = usize::try_from(small(head, 4)?).ok()?;
    let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
    let entries = head.get(6..)?.chunks_exact(16).take(count);
    entries.filter(|entry| entry[3] == 0).map(|entry| (side(entry[0]), side(entry[1]))).max()
}

/// Returns the size of the largest picture in an Apple icon by the types of its entries, as far as the first bytes have their
/// headers.
fn largest_icon(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 8_usize;
    let mut largest = None;
    // Pictures are long, so further headers are found only in small files; a table of contents lists all of them.
    while let Some(kind) = head.get(at..at.checked_add(4)?) {
        let length = usize::try_from(big(head, at + 4)?).ok()?;
        let kinds = if kind == b"TOC " {
            head.get(at + 8..at.checked_add(length)?).unwrap_or_default()
        } else {
            kind
        };
        let step = if kind == b"TOC " { 8 } else { 4 };
        largest = largest.max(kinds.chunks(step).filter_map(|kind| icon_side(kind.get(..4)?)).max());
        if length < 8 {
            break;
        }
        at = at.checked_add(length)?;
    }
    largest.map(|side| (side, side))
}

fn icon_side(kind: &[u8]) -> Option<u32> {
    Some(match kind {
        b"ICON" | b"ICN#" | b"icl4" | b"icl8" | b"il32" | b"ic11" | b"icp5" => 32,
        b"ics#" | b"ics4" | b"ics8" | b"is32" | b"icp4" => 16,
        b"ich#" | b"ich4" | b"ich8" | b"ih32" => 48,
        b"ic12" | b"icp6" => 64,
        b"it32" | b"ic07" => 128,
        b"ic08" | b"ic13" => 256,
        b"ic09" | b"ic14" => 512,
        b"ic10" => 1024,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(head: &[u8], tail: &[u8]) -> Option<(u32, u32)> {
        find(head, tail, 18 + 64 * 48 * 3).and_then(|(_, picture)| picture.size)
    }

    #[test]
    fn sizes_are_read_from_headers() {
        let psb = [b"8BPS\0\x02\0\0\0\0\0\0\0\x03".as_slice(), &[0, 0, 0x9C, 0x40, 0, 1, 0, 0, 0, 8, 0, 3]]
            .concat();
        assert_eq!(size(&psb, b""), Some((65_536, 40_000)));
        let cursor = [&[0, 0, 2, 0, 2, 0][..], &[32, 32, 0, 0], &[0; 12], &[0, 0, 0, 0], &[0; 12]].concat();
        assert_eq!(size(&cursor, b""), Some((256, 256)));
        let icon = [b"icns\0\0\0\x20".as_slice(), b"ic07\0\0\0\x0cdata", b"ic09\0\0\0\x0cdata"].concat();
        assert_eq!(size(&icon, b""), Some((512, 512)));
        let contents =
            [b"icns\0\0\xff\xff".as_slice(), b"TOC \0\0\0\x18", b"ic10\0\0\x7f\0", b"is32\0\0\x01\0"]
                .concat();
        assert_eq!(size(&contents, b""), Some((1024, 1024)));
        let targa = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 0][..], &[7; 40]].concat();
        assert_eq!(size(&targa, b"\0TRUEVISION-XFILE.\0"), Some((64, 48)));
        assert_eq!(size(&targa, b"x"), Some((64, 48)), "by the length");
        assert_eq!(find(&targa, b"x", 1000), None);
        let card = |text: &str| format!("{text:<80}").into_bytes();
        let fits =
            ["SIMPLE  =  T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  =  320 / width", "NAXIS2  =  180", "END"];
        let fits = fits.map(card).concat();
        assert_eq!(size(&fits, b""), Some((320, 180)));
        let pixmap = b"/* XPM */\nstatic char *x[] = {\n\"16 9 2 1\",\n".to_vec();
        assert_eq!(size(&pixmap, b""), Some((16, 9)));
        let bitmap = b"#define x_width 16\n#define x_height 9\nstatic char".to_vec();
        assert_eq!(size(&bitmap, b""), Some((16, 9)));
        assert_eq!(size(b"#define x 16\n#define y 9\n", b""), None, "a header in C");
        let amiga = b"FORM\0\0\x01\0ILBMBMHD\0\0\0\x14\x01\x40\0\xc8".to_vec();
        assert_eq!(size(&amiga, b""), Some((320, 200)));
        for bytes in [&psb, &cursor, &icon, &contents, &fits, &pixmap, &bitmap, &amiga] {
            for length in 0..bytes.len() {
                let _: Option<(u32, u32)> = size(&bytes[..length], b"");
            }
        }
        assert_eq!(size(b"icns\0\0\0\x20ic07\0\0\0\0", b""), Some((128, 128)), "it ends");
    }
}
