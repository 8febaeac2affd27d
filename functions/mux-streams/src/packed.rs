//! The timestamp of packed audio: elementary streams in HLS have no clock of their own (RFC 8216, section 3.4).

/// The owner of the `PRIV` frame with the timestamp.
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
/// An ID3 tag without unsynchronisation and extended header (<https://id3.org/id3v2.4.0-structure>).
const TAG_HEADER: usize = 10;
const FRAME_HEADER: usize = 10;
/// MPEG-2 timestamps have 33 bits.
const TIMESTAMP_BITS: u64 = (1 << 33) - 1;

/// Returns the timestamp of the first sample in units of 90 kHz, from the ID3 tag at the beginning of packed audio.
pub(crate) fn timestamp(head: &[u8]) -> Option<u64> {
    let (header, rest) = head.split_at_checked(TAG_HEADER)?;
    let [b'I', b'D', b'3', version @ (3 | 4), _, 0, size @ ..] = header else { return None };
    let size = synchsafe(size.try_into().ok()?)?;
    let mut frames = &rest[..rest.len().min(size)];
    while let Some((frame, rest)) = frames.split_at_checked(FRAME_HEADER) {
        let size: [u8; 4] = frame[4..8].try_into().ok()?;
        let size = if *version == 4 { synchsafe(size)? } else { u32::from_be_bytes(size) as usize };
        let (body, rest) = rest.split_at_checked(size)?;
        if frame.starts_with(b"PRIV")
            && let Some(value) = body.strip_prefix(OWNER)
        {
            return Some(u64::from_be_bytes(value.try_into().ok()?) & TIMESTAMP_BITS);
        }
        frames = rest;
    }
    None
}

/// Reads a number of 28 bits, of which each byte has seven.
fn synchsafe(bytes: [u8; 4]) -> Option<usize> {
    if bytes.iter().any(|byte| *byte > 0x7f) {
        return None;
    }
    Some(bytes.iter().fold(0, |number, byte| (number << 7) | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u8::try_from(body.len()).unwrap();
        [id.as_slice(), &[0, 0, 0, size, 0, 0], body].concat()
    }

    fn tag(version: u8, flags: u8, frames: &[u8]) -> Vec<u8> {
        let size = u8::try_from(frames.len()).unwrap();
        [b"ID3".as_slice(), &[version, 0, flags, 0, 0, 0, size], frames, &[0xff, 0xf1]].concat()
    }

    #[test]
    fn the_timestamp_is_in_the_private_frame_of_its_owner() {
        let time = frame(b"PRIV", &[OWNER, &0xffff_ffff_0001_5f90_u64.to_be_bytes()].concat());
        let other = [frame(b"TIT2", b"\x03A film"), frame(b"PRIV", b"another\0abcdefgh")].concat();
        for version in [3, 4] {
            assert_eq!(timestamp(&tag(version, 0, &time)), Some(0x1_0001_5f90));
            let both = [other.clone(), time.clone()].concat();
            assert_eq!(timestamp(&tag(version, 0, &both)).map(|time| time & 0xffff), Some(0x5f90));
            assert_eq!(timestamp(&tag(version, 0, &other)), None);
        }
    }

    #[test]
    fn what_is_no_such_tag_has_no_timestamp() {
        let time = frame(b"PRIV", &[OWNER, &90_000_u64.to_be_bytes()].concat());
        let whole = tag(4, 0, &time);
        assert_eq!(timestamp(&whole), Some(90_000));
        for length in 0..whole.len() - 2 {
            assert_eq!(timestamp(&whole[..length]), None, "{length} bytes");
        }
        let short = frame(b"PRIV", &[OWNER, &[0, 1]].concat());
        for bytes in [tag(2, 0, &time), tag(4, 0x80, &time), tag(4, 0x40, &time), tag(4, 0, &short)] {
            assert_eq!(timestamp(&bytes), None);
        }
        assert_eq!(timestamp(b"ID3\x04\x00\x00\xff\xff\xff\xffPRIV"), None);
        assert_eq!(timestamp(&[0xff; 64]), None);
    }
}
