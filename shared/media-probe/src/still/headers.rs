//! Reads the size of images in formats that ffprobe does not support.

use super::Picture;

/// Length in bytes of the longest of these headers.
pub(super) const LONGEST: u64 = 4096;

/// Returns ffprobe's name of the format and the picture, by the first bytes.
pub(super) fn find(head: &[u8]) -> Option<(&'static str, Picture)> {
    let of = |format: &'static str, codec, size: (u32, u32)| {
        let is_some = size.0 > 0 && size.1 > 0;
        is_some.then(|| (format, Picture { size: Some(size), codec, ..Picture::default() }))
    };
    match head {
        // PSB, Adobe's large document format: height before width.
        [b'8', b'B', b'P', b'S', 0, 2, ..] => of("psd_pipe", Some("psd"), (big(head, 18)?, big(head, 14)?)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn size(head: &[u8]) -> Option<(u32, u32)> {
        find(head).and_then(|(_, picture)| picture.size)
    }

    #[test]
    fn sizes_are_read_from_headers() {
        let psb = [b"8BPS\0\x02\0\0\0\0\0\0\0\x03".as_slice(), &[0, 0, 0x9C, 0x40, 0, 1, 0, 0, 0, 8, 0, 3]]
            .concat();
        assert_eq!(size(&psb), Some((65_536, 40_000)));
        let cursor = [&[0, 0, 2, 0, 2, 0][..], &[32, 32, 0, 0], &[0; 12], &[0, 0, 0, 0], &[0; 12]].concat();
        assert_eq!(size(&cursor), Some((256, 256)));
        let card = |text: &str| format!("{text:<80}").into_bytes();
        let fits =
            ["SIMPLE  =  T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  =  320 / width", "NAXIS2  =  180", "END"];
        let fits = fits.map(card).concat();
        assert_eq!(size(&fits), Some((320, 180)));
        let pixmap = b"/* XPM */\nstatic char *x[] = {\n\"16 9 2 1\",\n".to_vec();
        assert_eq!(size(&pixmap), Some((16, 9)));
        let bitmap = b"#define x_width 16\n#define x_height 9\nstatic char".to_vec();
        assert_eq!(size(&bitmap), Some((16, 9)));
        assert_eq!(size(b"#define x 16\n#define y 9\n"), None, "a header in C");
        let amiga = b"FORM\0\0\x01\0ILBMBMHD\0\0\0\x14\x01\x40\0\xc8".to_vec();
        assert_eq!(size(&amiga), Some((320, 200)));
        for bytes in [&psb, &cursor, &fits, &pixmap, &bitmap, &amiga] {
            for length in 0..bytes.len() {
                let _: Option<(u32, u32)> = size(&bytes[..length]);
            }
        }
    }
}
