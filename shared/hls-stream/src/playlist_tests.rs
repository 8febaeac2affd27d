use super::*;

fn parsed(text: &str) -> Result<Playlist, Refusal> {
    let from = Url::parse("https://a.example/v/m.m3u8?t=1%2F2").unwrap();
    read(text, &from, &Variables::default())
}

fn media(lines: &str) -> Result<Media, Refusal> {
    match parsed(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}"))? {
        Playlist::Media(media) => Ok(media),
        other => panic!("{other:?}"),
    }
}

fn master(lines: &str) -> Result<Master, Refusal> {
    match parsed(&format!("#EXTM3U\n{lines}"))? {
        Playlist::Master(master) => Ok(master),
        other => panic!("{other:?}"),
    }
}

fn uris(media: &Media) -> Vec<&str> {
    media.segments.iter().map(|segment| segment.uri.as_str()).collect()
}

fn tag(name: &str) -> Refusal {
    Refusal::Tag(name.to_owned())
}

#[test]
fn a_title_runs_to_the_end_of_its_line() {
    for title in ["", ",", ",one, two", ",a,b,c", ",http://x/y.ts", ", \"x\" tvg-id=\"1\",z"] {
        let read = media(&format!("#EXTINF:2{title}\na.ts\n#EXTINF:3.5 ,x\nb.ts\n#EXT-X-ENDLIST\n")).unwrap();
        assert_eq!((uris(&read), read.has_ended), (vec!["a.ts", "b.ts"], true), "{title}");
    }
}

#[test]
fn enumerated_values_may_be_quoted() {
    let read = master(
        "#EXT-X-MEDIA:TYPE=\"AUDIO\",GROUP-ID=\"a\",NAME=\"en\",LANGUAGE=\"EN\",DEFAULT=\"NO\",AUTOSELECT=\"YES\",CHANNELS=\"6/-\",\
         URI=\"s.m3u8\"\n\
         #EXT-X-STREAM-INF: BANDWIDTH=\"900\" , RESOLUTION=\"640x360\",AUDIO=a\n v.m3u8 \n",
    )
    .unwrap();
    let rendition = Rendition {
        is_audio: true,
        group: "a".into(),
        uri: Some("s.m3u8".into()),
        language: Some("en".into()),
        is_default: false,
        is_autoselect: true,
        channels: 6,
    };
    assert_eq!(read.renditions, [rendition]);
    let variant = &read.variants[0];
    assert_eq!((variant.uri.as_str(), variant.bandwidth, variant.height), ("v.m3u8", 900, 360));
    assert_eq!(variant.audio.as_deref(), Some("a"));
}

#[test]
fn ranges_maps_keys_and_gaps_apply_to_their_segments() {
    let read = media(
        "#EXT-X-MAP: URI = \"i.mp4\" , BYTERANGE = \"9 @ 0\"\n#EXTINF:2,\n#EXT-X-BYTERANGE: 10@0\na\n#EXT-X-GAP\n#EXTINF:2,\nb\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:2,\nc\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:2,\nd\n",
    )
    .unwrap();
    let [a, b, c, d] = read.segments.as_slice() else { panic!("{read:?}") };
    assert_eq!(a.range, Some(Range { length: 10, offset: Some(0) }));
    assert_eq!(a.map, Some(Map { uri: "i.mp4".into(), range: Some(Range { length: 9, offset: Some(0) }) }));
    assert_eq!((a.is_gap, b.is_gap, c.is_gap, b.range), (false, true, false, None));
    assert_eq!((b.encryption, c.encryption, d.encryption), (None, Some(Encryption::Identity), None));
}

#[test]
fn malformed_known_tags_are_refused_by_name() {
    for (line, name) in [
        ("#EXTINF:x,\na", "EXTINF"),
        ("#EXT-X-BYTERANGE:x@0\n#EXTINF:1,\na", "EXT-X-BYTERANGE"),
        ("#EXT-X-BYTERANGE\n#EXTINF:1,\na", "EXT-X-BYTERANGE"),
        ("#EXT-X-MAP:URI=i.mp4\",X=\"\n#EXTINF:1,\na", "EXT-X-MAP"),
        ("#EXT-X-MAP:BYTERANGE=\"1@0\"\n#EXTINF:1,\na", "EXT-X-MAP"),
        ("#EXT-X-MAP:URI=\"i\",BYTERANGE=\"x\"\n#EXTINF:1,\na", "EXT-X-MAP"),
        ("#EXT-X-KEY:URI=\"k\"\n#EXTINF:1,\na", "EXT-X-KEY"),
        ("#EXT-X-KEY\n#EXTINF:1,\na", "EXT-X-KEY"),
        ("#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:1,\na", "EXT-X-SKIP"),
        ("#EXT-X-DEFINE:IMPORT=\"x\"\n#EXTINF:1,\na", "EXT-X-DEFINE"),
        ("#EXTINF:1,\na\n#EXTINF:1,\n", "EXTINF"),
        ("#EXTINF:1,\n#EXTINF:1,\na", "EXTINF"),
        ("#EXTINF:1,\na\n#EXT-X-PART:DURATION=1,URI=\"p\"\n", "EXT-X-PART"),
    ] {
        assert_eq!(media(line), Err(tag(name)), "{line}");
    }
    for (line, name) in [
        ("#EXT-X-STREAM-INF:BANDWIDTH\na", "EXT-X-STREAM-INF"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=high\na", "EXT-X-STREAM-INF"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\n", "EXT-X-STREAM-INF"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\na", "EXT-X-STREAM-INF"),
        ("#EXT-X-MEDIA:GROUP-ID=\"a\"\n", "EXT-X-MEDIA"),
        ("#EXT-X-MEDIA:TYPE=AUDI0,GROUP-ID=\"a\"\n", "EXT-X-MEDIA"),
        ("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\n", "EXT-X-MEDIA"),
    ] {
        assert_eq!(master(line), Err(tag(name)), "{line}");
    }
}

#[test]
fn no_uri_is_ignored() {
    assert_eq!(media("a.ts\n#EXT-X-ENDLIST\n"), Err(Refusal::StrayLine));
    assert_eq!(media("#EXTINF:1,one\ntwo\na.ts\n#EXT-X-ENDLIST\n"), Err(Refusal::StrayLine));
    assert_eq!(master("#EXT-X-STREAM-INF:BANDWIDTH=1\na\nb\n"), Err(Refusal::StrayLine));
    assert_eq!(parsed("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXTINF:1,\nb\n"), Err(Refusal::Mixed));
}

#[test]
fn unknown_tags_and_comments_are_ignored() {
    let lines =
        "#EXT-X-NEW:a=\"\n#EXT-OATCLS-SCTE35:/DA==\n#comment\n#EXTINF:1,\n#EXT-X-CUE\na\n#EXT-X-ENDLIST:\n";
    let read = media(lines).unwrap();
    assert_eq!((uris(&read), read.has_ended), (vec!["a"], true));
}

#[test]
fn a_text_without_extm3u_is_malformed() {
    for text in ["", "a.ts", "#EXTINF:1,\na", "<html>", "#EXTM3U8\n#EXTINF:1,\na", " # EXTM3U"] {
        assert_eq!(parsed(text), Err(Refusal::Malformed), "{text}");
    }
    assert!(parsed("\n #EXTM3U \r\n#EXTINF:1,\r\na\r\n#EXT-X-ENDLIST").is_ok());
    assert!(
        parsed("#EXTM3U x-tvg-url=\"http://a.example/guide\"\n#EXT-X-VERSION:3\n#EXTINF:1,\na\n").is_ok()
    );
}

#[test]
fn a_list_of_files_is_no_hls_playlist() {
    assert_eq!(parsed("#EXTM3U\n#EXTINF:123,Artist - Title\nsong.mp3\n"), Err(Refusal::FileList));
    assert_eq!(
        media("#EXTINF:\na\n#EXTINF:,title\nb\n#EXT-X-ENDLIST").map(|read| read.segments.len()),
        Ok(2)
    );
    assert_eq!(media("#EXTINF:1,\n{$x}.ts\n#EXT-X-ENDLIST"), Err(Refusal::Variable));
}

#[test]
fn a_query_parameter_of_the_playlist_url_is_substituted() {
    let read = media("#EXT-X-DEFINE:QUERYPARAM=\"t\"\n#EXTINF:1,\na.ts?t={$t}\n").unwrap();
    assert_eq!(uris(&read), ["a.ts?t=1%2F2"]);
}

/// Returns the configuration of property tests: 256 cases, or one per 400 of `PROPTEST_CASES`, because a playlist takes long to
/// generate.
pub(crate) fn fuzz_config() -> proptest::test_runner::Config {
    let requested = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse::<u32>().ok());
    let cases = requested.map_or(256, |cases| (cases / 400).max(1));
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}

mod fuzz {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        let tags = "(#EXTINF:[0-9]{1,3}(,[ -~]{0,10})?|#EXT-X-BYTERANGE: ?[0-9]{1,20}(@[0-9]{1,20})?|#EXT-X-MAP:URI=\"[a-c]\"|\
                    #EXT-X-ENDLIST|#EXT-X-GAP|#EXT-X-KEY:METHOD=[A-Z]{1,4}|#EXT-X-DEFINE:NAME=\"[a-c]\",VALUE=\"[a-c{$}]{0,9}\"|\
                    #EXT-X-STREAM-INF:BANDWIDTH=[0-9]{1,3}|#EXT-X-MEDIA:TYPE=\"?AUDIO\"?,GROUP-ID=\"[a-c]\"|[a-c{$}]{1,5}|[ -~]{0,20}|\\PC{0,9})";
        proptest::string::string_regex(tags).unwrap() // compiled once, not for each line
    }

    proptest! {
        #![proptest_config(fuzz_config())]

        /// Each URI of a playlist belongs to a segment or a variant.
        #[test]
        fn every_uri_is_accounted_for(lines in proptest::collection::vec(line(), 0..40)) {
            let text = format!("#EXTM3U\n{}\n", lines.join("\n"));
            let addresses = crate::grammar::lines(&text).filter(|line| matches!(line, Line::Uri(_))).count();
            match parsed(&text) {
                Ok(Playlist::Media(media)) => prop_assert_eq!(media.segments.len(), addresses),
                Ok(Playlist::Master(master)) => prop_assert_eq!(master.variants.len(), addresses),
                Err(_) => {}
            }
        }

        /// No input panics.
        #[test]
        fn any_bytes_yield_a_playlist_or_a_refusal(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parsed(&crate::grammar::decode(&bytes));
            let _ = parsed(&format!("#EXTM3U\n{}", crate::grammar::decode(&bytes)));
        }

        /// The URIs of a plain playlist do not depend on the titles.
        #[test]
        fn titles_never_change_what_is_fetched(
            titles in proptest::collection::vec("[^\r\n]{0,30}", 1..20),
            crlf in any::<bool>(),
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let segments = titles.iter().enumerate().map(|(n, title)| format!("#EXTINF:1.5,{title}{end}{n}.ts{end}"));
            let read = media(&segments.collect::<String>());
            let expected: Vec<_> = (0..titles.len()).map(|n| format!("{n}.ts")).collect();
            let read = read.unwrap();
            prop_assert_eq!(uris(&read), expected);
        }
    }
}
