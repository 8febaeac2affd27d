use super::*;
use crate::playlist::{self, Playlist};
use crate::variables::Variables;
use safe_fetch::Url;

fn read(lines: &str) -> Result<(Vec<Piece>, bool), Refusal> {
    let from = Url::parse("https://a.example/").unwrap();
    let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}");
    match playlist::read(&text, &from, &Variables::default())? {
        Playlist::Media(media) => {
            pieces(&media).map(|all| (all.pieces.into(), all.beginning == crate::beginning::Beginning::Map))
        }
        other => panic!("{other:?}"),
    }
}

fn piece(segment: usize, uri: &str, range: Option<(u64, u64)>) -> Piece {
    Piece { uri: uri.to_owned(), range, segment, may_be_missing: false }
}

fn tag(name: &str) -> Refusal {
    Refusal::Tag(name.to_owned())
}

#[test]
fn segments_keep_their_order_after_the_initialisation_section() {
    let plain = read("#EXTINF:6,\na.ts\n#EXTINF:6,\nb.ts\n#EXT-X-ENDLIST\n");
    assert_eq!(plain, Ok((vec![piece(1, "a.ts", None), piece(2, "b.ts", None)], false)));
    let mapped = read("#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:6,\na.m4s\n#EXT-X-ENDLIST\n");
    assert_eq!(mapped, Ok((vec![piece(0, "i.mp4", None), piece(1, "a.m4s", None)], true)));
    let vod = read("#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6,\na.ts\n");
    assert_eq!(vod, Ok((vec![piece(1, "a.ts", None)], false)));
}

#[test]
fn adjacent_ranges_become_one_piece() {
    let one = read(
        "#EXT-X-MAP:URI=\"f.mp4\",BYTERANGE=\"100@0\"\n#EXTINF:6,\n#EXT-X-BYTERANGE:50@100\nf.mp4\n\
         #EXTINF:6,\n#EXT-X-BYTERANGE:50\nf.mp4\n#EXTINF:6,\n#EXT-X-BYTERANGE: 10@300\nf.mp4\n#EXT-X-ENDLIST\n",
    );
    let expected = vec![piece(1, "f.mp4", Some((0, 200))), piece(3, "f.mp4", Some((300, 10)))];
    assert_eq!(one, Ok((expected, true)));
    for wrong in ["#EXT-X-BYTERANGE:50", "#EXT-X-BYTERANGE:0@0", "#EXT-X-BYTERANGE:18446744073709551615@2"] {
        let read = read(&format!("#EXTINF:6,\n{wrong}\na.ts\n#EXT-X-ENDLIST\n"));
        assert_eq!(read, Err(tag("EXT-X-BYTERANGE")), "{wrong}");
    }
}

#[test]
fn gaps_are_omitted() {
    let gap = read("#EXTINF:6,\na.ts\n#EXT-X-GAP\n#EXTINF:6,\nb.ts\n#EXTINF:6,\nc.ts\n#EXT-X-ENDLIST\n");
    assert_eq!(gap, Ok((vec![piece(1, "a.ts", None), piece(3, "c.ts", None)], false)));
    let ranged = read(
        "#EXTINF:6,\n#EXT-X-BYTERANGE:5@0\nf\n#EXTINF:6,\n#EXT-X-GAP\n#EXT-X-BYTERANGE:5\nf\n\
         #EXTINF:6,\n#EXT-X-BYTERANGE:5\nf\n#EXT-X-ENDLIST\n",
    );
    assert_eq!(ranged, Ok((vec![piece(1, "f", Some((0, 5))), piece(3, "f", Some((10, 5)))], false)));
    assert_eq!(read("#EXT-X-GAP\n#EXTINF:6,\na\n#EXT-X-ENDLIST\n"), Err(Refusal::Gaps));
}

#[test]
fn streams_that_cannot_be_joined_are_refused_with_the_reason() {
    let with_key = |key: &str| read(&format!("#EXT-X-KEY:{key}\n#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n"));
    assert_eq!(with_key("METHOD=AES-128,URI=\"k\""), Err(Refusal::Encrypted));
    assert_eq!(with_key("METHOD=\"AES-128\",URI=\"k\""), Err(Refusal::Encrypted));
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
    assert_eq!(read("#EXT-X-I-FRAMES-ONLY\n#EXTINF:6,\na\n#EXT-X-ENDLIST\n"), Err(Refusal::IFrames));
    let two = "#EXT-X-MAP:URI=\"i\"\n#EXTINF:6,\na\n#EXT-X-MAP:URI=\"j\"\n#EXTINF:6,\nb\n#EXT-X-ENDLIST\n";
    assert_eq!(read(two), Err(Refusal::Segments));
    assert!(read(&two.replace("\"j\"", "\"i\"")).is_ok(), "a repeated section is no change");
    let many = "#EXTINF:1,\na\n".repeat(MAX_SEGMENTS + 1);
    assert_eq!(read(&format!("{many}#EXT-X-ENDLIST\n")), Err(Refusal::TooLong));
}

mod fuzz {
    use super::*;

    fn line() -> impl proptest::strategy::Strategy<Value = String> {
        let tags = "(#EXTINF:[0-9]{1,3},|#EXT-X-BYTERANGE:[0-9]{1,20}(@[0-9]{1,20})?|#EXT-X-MAP:URI=\"[a-c]\"|[a-c]|#EXT-X-ENDLIST|#EXT-X-GAP|#EXT-X-KEY:METHOD=[A-Z]{1,4}|#[ -~]{0,20})";
        proptest::string::string_regex(tags).unwrap() // compiled once, not for each line
    }

    proptest::proptest! {
        #![proptest_config(crate::playlist::tests::fuzz_config())]

        /// No input panics, and no range is empty or overflows.
        #[test]
        fn any_text_yields_pieces_or_a_refusal(
            lines in proptest::collection::vec(
                line(),
                0..30,
            )
        ) {
            if let Ok((found, _)) = read(&format!("{}\n", lines.join("\n"))) {
                for piece in found {
                    proptest::prop_assert!(piece.range.is_none_or(|(first, length)| length > 0 && first.checked_add(length).is_some()));
                }
            }
        }
    }
}
