//! Parses boxes of ISO base media files (ISO/IEC 14496-12, 4.2).

/// The header of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: [u8; 4],
    /// Length of the header in bytes.
    pub(crate) length: u64,
    /// Size of the whole box in bytes.
    pub(crate) size: u64,
}

/// Longest header, in bytes.
pub(crate) const MAX_HEADER: u64 = 16;

/// Reads the header at the beginning of `bytes`. `room` is the rest of the file or of the enclosing box, in bytes; a box of size
/// 0 extends to its end.
pub(crate) fn header(bytes: &[u8], room: u64) -> Option<Header> {
    let kind = bytes.get(4..8)?.try_into().ok()?;
    let (length, size) = match number32(bytes, 0)? {
        0 => (8, room),
        1 => (16, number64(bytes, 8)?),
        size => (8, u64::from(size)),
    };
    (size >= length && size <= room.max(length)).then_some(Header { kind, length, size })
}

/// Iterates over the boxes in a box, up to the first malformed one.
pub(crate) fn children(mut content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let found = header(content, content.len() as u64)?;
        let (whole, rest) = content.split_at_checked(usize::try_from(found.size).ok()?)?;
        content = rest;
        Some((found.kind, whole.get(usize::try_from(found.length).ok()?..)?))
    })
}

/// Returns the content of the first box of this kind.
pub(crate) fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(content).find(|(found, _)| found == kind).map(|(_, content)| content)
}

/// Returns the version and the flags at the beginning of a full box.
pub(crate) fn version_and_flags(content: &[u8]) -> Option<(u8, u32)> {
    let word = number32(content, 0)?;
    Some((content[0], word & 0x00FF_FFFF))
}

pub(crate) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(crate) fn number64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_size_is_read() {
        let of = |bytes: &[u8], room| header(bytes, room).map(|found| (found.length, found.size));
        assert_eq!(of(b"\0\0\0\x10mdat", 100), Some((8, 16)));
        assert_eq!(of(b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\0", 1 << 40), Some((16, 1 << 32)));
        assert_eq!(of(b"\0\0\0\0mdat", 77), Some((8, 77)), "to the end");
        for wrong in [
            &b"\0\0\0\x07mdat"[..],
            b"\0\0\0\x10mda",
            b"\0\0\0\x01mdat\0\0",
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f",
            b"",
        ] {
            assert_eq!(of(wrong, 100), None, "{wrong:?}");
        }
        assert_eq!(of(b"\0\0\0\x65mdat", 100), None, "larger than the enclosing box");
    }

    #[test]
    fn children_end_at_a_malformed_box() {
        let content = b"\0\0\0\x0afirsxx\0\0\0\x08last\0\0\0\x02oops";
        let found: Vec<_> = children(content).collect();
        assert_eq!(found, [(*b"firs", &b"xx"[..]), (*b"last", &b""[..])]);
        assert_eq!(child(content, b"last"), Some(&b""[..]));
        assert_eq!(child(content, b"oops"), None);
    }
}
