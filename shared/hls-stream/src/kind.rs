//! Detects the container format of a segment from its first bytes.

/// The number of bytes that detection looks at. Enough for the ID3 tags that precede packed audio.
pub(crate) const HEAD_BYTES: usize = 4096;
/// The size of a packet of a transport stream.
const PACKET_BYTES: usize = 188;
/// The first byte of every packet of a transport stream.
const SYNC_BYTE: u8 = 0x47;
/// The types of the boxes that segments of fragmented MP4 begin with (ISO/IEC 14496-12; RFC 8216, section 3.3).
const BOXES: [&[u8; 4]; 13] = [
    b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"ssix", b"emsg", b"prft", b"free", b"skip", b"uuid",
    b"pdin", b"mdat",
];

/// The identifiers of the elements that segments of WebM begin with: Cluster and Cues (RFC 9559, sections 5.1.3 and 5.1.5).
const WEBM_SEGMENTS: [[u8; 4]; 2] = [[0x1f, 0x43, 0xb6, 0x75], [0x1c, 0x53, 0xbb, 0x6b]];

/// The container format of the concatenated segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An MPEG-2 transport stream.
    MpegTs,
    /// A fragmented MP4.
    Mp4,
    /// WebM. Not in playlists.
    Webm,
    /// AAC in ADTS frames, without a container.
    Aac,
    /// MP3, without a container.
    Mp3,
    /// AC-3 or E-AC-3, without a container.
    Ac3,
}

impl Kind {
    /// Returns the media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::Aac => "audio/aac",
            Self::Mp3 => "audio/mpeg",
            Self::Ac3 => "audio/ac3",
        }
    }

    /// Returns the file extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Ac3 => "ac3",
        }
    }

    /// Returns the name that error texts use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MpegTs => "MPEG-TS",
            Self::Mp4 => "fragmented MP4",
            Self::Webm => "WebM",
            Self::Aac => "AAC",
            Self::Mp3 => "MP3",
            Self::Ac3 => "AC-3",
        }
    }

    /// Detects the format from the first [`HEAD_BYTES`] of a segment, or from the whole segment if it is shorter.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        if is_transport_stream(head) {
            return Some(Self::MpegTs);
        }
        if is_box(head) {
            return Some(Self::Mp4);
        }
        if is_webm_file(head) || WEBM_SEGMENTS.iter().any(|id| head.starts_with(id)) {
            return Some(Self::Webm);
        }
        packed_audio(after_id3(head)?)
    }
}

fn is_transport_stream(head: &[u8]) -> bool {
    let packets = head.len().div_ceil(PACKET_BYTES);
    packets > 0 && (0..packets).all(|packet| head.get(packet * PACKET_BYTES) == Some(&SYNC_BYTE))
}

/// Returns whether a WebM file begins with these bytes: an EBML header (RFC 8794, section 11.2.1).
pub(crate) fn is_webm_file(head: &[u8]) -> bool {
    head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
}

fn is_box(head: &[u8]) -> bool {
    let size = head.first_chunk::<4>().map(|size| u32::from_be_bytes(*size));
    let name = head.get(4..8);
    // Size 0 means that the box extends to the end of the file, 1 that a 64-bit size follows.
    size.is_some_and(|size| size <= 1 || size >= 8)
        && BOXES.iter().any(|known| name == Some(known.as_slice()))
}

/// Returns the bytes after the ID3 tags that packed audio begins with (RFC 8216, section 3.4), or `None` if the tags are longer
/// than the head.
fn after_id3(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head;
    while let Some([b'I', b'D', b'3', _, _, flags, size @ ..]) = rest.first_chunk::<10>() {
        let size = size.iter().fold(0_usize, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let footer = if flags & 0x10 == 0 { 0 } else { 10 };
        rest = rest.get(10 + size + footer..)?;
    }
    Some(rest)
}

fn packed_audio(head: &[u8]) -> Option<Kind> {
    let [first, second] = *head.first_chunk::<2>()?;
    // The MPEG audio header: eleven sync bits, the version, the layer (0 for ADTS, 1 for layer III, 2 for II, 3 for I).
    let layer = second >> 1 & 0b11;
    match (first, second) {
        (0x0b, 0x77) => Some(Kind::Ac3),
        (0xff, 0xf0..) if layer == 0 => Some(Kind::Aac),
        (0xff, 0xe0..) if matches!(layer, 1 | 2) && second & 0x18 != 0x08 => Some(Kind::Mp3),
        _ => None,
    }
}

/// Describes content that is not a segment, for error texts.
pub(crate) fn describe(head: &[u8]) -> &'static str {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if text.is_empty() {
        "empty"
    } else if begins(b"<!doctype html") || begins(b"<html") {
        "a web page"
    } else if begins(b"WEBVTT") {
        "subtitles (WebVTT)"
    } else if begins(b"#EXTM3U") {
        "a playlist"
    } else if begins(b"<") || begins(b"{") {
        "text"
    } else {
        "something else"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id3(size: u8) -> Vec<u8> {
        [b"ID3\x04\x00\x00\x00\x00\x00".as_slice(), &[size], &vec![0; usize::from(size)]].concat()
    }

    #[test]
    fn the_container_is_detected_from_the_first_bytes() {
        let mut ts = vec![0; 400];
        (ts[0], ts[188], ts[376]) = (0x47, 0x47, 0x47);
        assert_eq!(Kind::of(&ts), Some(Kind::MpegTs));
        ts[188] = 0x46;
        assert_eq!(Kind::of(&ts), None);
        for (head, kind) in [
            (b"G".to_vec(), Some(Kind::MpegTs)),
            (b"\0\0\0\x18ftypiso5".to_vec(), Some(Kind::Mp4)),
            (b"\0\0\0\x18moof".to_vec(), Some(Kind::Mp4)),
            (b"\0\0\0\x01mdat".to_vec(), Some(Kind::Mp4)),
            (b"\0\0\0\x02moof".to_vec(), None),
            (b"\xff\xf1\x50\x80".to_vec(), Some(Kind::Aac)),
            (b"\xff\xfb\x90\x64".to_vec(), Some(Kind::Mp3)),
            ([id3(5), b"\xff\xf9".to_vec()].concat(), Some(Kind::Aac)),
            ([id3(5), id3(0), b"\x0b\x77".to_vec()].concat(), Some(Kind::Ac3)),
            (id3(5), None),
            (b"".to_vec(), None),
            (b"<html>".to_vec(), None),
            (b"Gone".to_vec(), Some(Kind::MpegTs)),
            (b"WEBVTT\n".to_vec(), None),
            (b"\xff\xfe<\0h\0".to_vec(), None),
        ] {
            assert_eq!(Kind::of(&head), kind, "{head:?}");
        }
    }

    #[test]
    fn content_other_than_segments_is_described() {
        for (head, name) in [
            (b"\n <!DOCTYPE html>".as_slice(), "a web page"),
            (b"\xef\xbb\xbf<HTML>", "a web page"),
            (b"WEBVTT", "subtitles (WebVTT)"),
            (b"#EXTM3U", "a playlist"),
            (b" ", "empty"),
            (b"{\"error\"", "text"),
            (b"\x89PNG", "something else"),
        ] {
            assert_eq!(describe(head), name);
        }
    }
}
