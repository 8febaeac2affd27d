//! What a media playlist asks to be fetched, in which order.

use std::collections::VecDeque;

use m3u8_rs::{ByteRange, Key, KeyMethod, Map, MediaPlaylist, MediaPlaylistType};

use crate::Refusal;

/// Most segments of a stream: at ten seconds each, two days.
pub(crate) const MAX_SEGMENTS: usize = 20_000;

/// Bytes of one address: all, or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// As the playlist has it.
    pub(crate) uri: String,
    /// The first byte, and how many; `None` for all.
    pub(crate) range: Option<(u64, u64)>,
}

/// All that is to be fetched.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) pieces: VecDeque<Piece>,
    /// The first is an initialisation of fragmented MP4.
    pub(crate) has_map: bool,
}

/// The pieces of a stream that has ended and is not encrypted.
pub(crate) fn pieces(playlist: &MediaPlaylist) -> Result<Pieces, Refusal> {
    if playlist.segments.len() > MAX_SEGMENTS {
        return Err(Refusal::TooLong);
    }
    if playlist.segments.iter().any(|segment| segment.key.as_ref().is_some_and(is_drm)) {
        return Err(Refusal::Drm);
    }
    if playlist.segments.iter().any(|segment| segment.key.as_ref().is_some_and(encrypts)) {
        return Err(Refusal::Encrypted);
    }
    let has_ended = playlist.end_list || playlist.playlist_type == Some(MediaPlaylistType::Vod);
    if !has_ended {
        return Err(Refusal::Live);
    }
    if playlist.i_frames_only {
        return Err(Refusal::Segments);
    }
    let mut all = Joined::default();
    let mut map = None;
    for segment in &playlist.segments {
        if let Some(new) = segment.map.as_ref().filter(|new| map != Some(*new)) {
            // What came before would be read by the wrong one.
            if map.is_some() || !all.pieces.is_empty() {
                return Err(Refusal::Segments);
            }
            all.add_map(new)?;
            map = Some(new);
        }
        all.add(&segment.uri, segment.byte_range.as_ref())?;
    }
    if all.pieces.is_empty() {
        return Err(Refusal::Empty);
    }
    Ok(Pieces { pieces: all.pieces, has_map: map.is_some() })
}

fn encrypts(key: &Key) -> bool {
    key.method != KeyMethod::None
}

fn is_drm(key: &Key) -> bool {
    let is_open = key.keyformat.as_deref().is_none_or(|format| format == "identity");
    encrypts(key) && (!is_open || !matches!(key.method, KeyMethod::AES128))
}

/// Ranges of one address that follow on each other are one piece.
#[derive(Default)]
struct Joined {
    pieces: VecDeque<Piece>,
    /// Where a range without an offset begins.
    next: Option<(String, u64)>,
}

impl Joined {
    fn add_map(&mut self, map: &Map) -> Result<(), Refusal> {
        // Without an offset, an initialisation begins at the first byte.
        let range = map
            .byte_range
            .as_ref()
            .map(|range| ByteRange { offset: range.offset.or(Some(0)), ..range.clone() });
        self.add(&map.uri, range.as_ref())
    }

    fn add(&mut self, uri: &str, range: Option<&ByteRange>) -> Result<(), Refusal> {
        if uri.contains("{$") {
            return Err(Refusal::Malformed); // a variable, which nothing here fills in
        }
        let Some(range) = range else {
            self.next = None;
            self.pieces.push_back(Piece { uri: uri.to_owned(), range: None });
            return Ok(());
        };
        let follows = self.next.as_ref().filter(|(last, _)| last == uri).map(|(_, end)| *end);
        let first = range.offset.or(follows).ok_or(Refusal::Malformed)?;
        let end = first.checked_add(range.length).filter(|end| *end > first).ok_or(Refusal::Malformed)?;
        self.next = Some((uri.to_owned(), end));
        match self.pieces.back_mut() {
            Some(Piece { uri: last, range: Some((begin, length)) })
                if last == uri && *begin + *length == first =>
            {
                *length += range.length;
            }
            _ => self.pieces.push_back(Piece { uri: uri.to_owned(), range: Some((first, range.length)) }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<(Vec<Piece>, bool), Refusal> {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}");
        let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
        pieces(&playlist).map(|all| (all.pieces.into(), all.has_map))
    }

    fn piece(uri: &str, range: Option<(u64, u64)>) -> Piece {
        Piece { uri: uri.to_owned(), range }
    }

    #[test]
    fn segments_come_in_their_order_behind_their_initialisation() {
        let plain = read("#EXTINF:6,\na.ts\n#EXTINF:6,\nb.ts\n#EXT-X-ENDLIST\n");
        assert_eq!(plain, Ok((vec![piece("a.ts", None), piece("b.ts", None)], false)));
        let mapped = read("#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:6,\na.m4s\n#EXT-X-ENDLIST\n");
        assert_eq!(mapped, Ok((vec![piece("i.mp4", None), piece("a.m4s", None)], true)));
        let vod = read("#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6,\na.ts\n");
        assert_eq!(vod, Ok((vec![piece("a.ts", None)], false)));
    }

    #[test]
    fn ranges_that_follow_on_each_other_are_one_piece() {
        let one = read(
            "#EXT-X-MAP:URI=\"f.mp4\",BYTERANGE=\"100@0\"\n#EXTINF:6,\n#EXT-X-BYTERANGE:50@100\nf.mp4\n\
             #EXTINF:6,\n#EXT-X-BYTERANGE:50\nf.mp4\n#EXTINF:6,\n#EXT-X-BYTERANGE:10@300\nf.mp4\n#EXT-X-ENDLIST\n",
        );
        assert_eq!(one, Ok((vec![piece("f.mp4", Some((0, 200))), piece("f.mp4", Some((300, 10)))], true)));
        for wrong in
            ["#EXT-X-BYTERANGE:50", "#EXT-X-BYTERANGE:0@0", "#EXT-X-BYTERANGE:18446744073709551615@2"]
        {
            let read = read(&format!("#EXTINF:6,\n{wrong}\na.ts\n#EXT-X-ENDLIST\n"));
            assert_eq!(read, Err(Refusal::Malformed), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_put_together_is_refused_with_its_reason() {
        let with_key = |key: &str| read(&format!("#EXT-X-KEY:{key}\n#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n"));
        assert_eq!(with_key("METHOD=AES-128,URI=\"k\""), Err(Refusal::Encrypted));
        assert_eq!(
            with_key("METHOD=SAMPLE-AES,URI=\"skd://k\",KEYFORMAT=\"com.apple.streamingkeydelivery\""),
            Err(Refusal::Drm)
        );
        assert_eq!(with_key("METHOD=SAMPLE-AES-CTR,URI=\"k\""), Err(Refusal::Drm));
        assert!(with_key("METHOD=NONE").is_ok());
        let later =
            read("#EXTINF:6,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:6,\nb.ts\n#EXT-X-ENDLIST\n");
        assert_eq!(later, Err(Refusal::Encrypted));
        assert_eq!(read("#EXTINF:6,\na.ts\n"), Err(Refusal::Live));
        assert_eq!(read("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:6,\na.ts\n"), Err(Refusal::Live));
        assert_eq!(read("#EXT-X-ENDLIST\n"), Err(Refusal::Empty));
        let two =
            "#EXT-X-MAP:URI=\"i\"\n#EXTINF:6,\na\n#EXT-X-MAP:URI=\"j\"\n#EXTINF:6,\nb\n#EXT-X-ENDLIST\n";
        assert_eq!(read(two), Err(Refusal::Segments));
        assert!(read(&two.replace("\"j\"", "\"i\"")).is_ok(), "the same again");
        assert_eq!(read("#EXTINF:6,\n{$host}/a.ts\n#EXT-X-ENDLIST\n"), Err(Refusal::Malformed));
        let many = "#EXTINF:1,\na\n".repeat(MAX_SEGMENTS + 1);
        assert_eq!(read(&format!("{many}#EXT-X-ENDLIST\n")), Err(Refusal::TooLong));
    }

    proptest::proptest! {
        /// Whatever is sent, nothing panics, and no range ends before it begins.
        #[test]
        fn any_text_is_pieces_or_a_refusal(
            lines in proptest::collection::vec(
                "(#EXTINF:[0-9]{1,3},|#EXT-X-BYTERANGE:[0-9]{1,20}(@[0-9]{1,20})?|#EXT-X-MAP:URI=\"[a-c]\"|[a-c]|#EXT-X-ENDLIST|#EXT-X-KEY:METHOD=[A-Z]{1,4}|[ -~]{0,20})",
                0..30,
            )
        ) {
            let text = format!("#EXTM3U\n{}\n", lines.join("\n"));
            if let Ok(playlist) = m3u8_rs::parse_media_playlist_res(text.as_bytes()) && let Ok(found) = pieces(&playlist) {
                for piece in found.pieces {
                    proptest::prop_assert!(piece.range.is_none_or(|(first, length)| length > 0 && first.checked_add(length).is_some()));
                }
            }
        }
    }
}
