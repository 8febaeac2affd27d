use super::*;
use http::header::CONTENT_ENCODING;
use http::{HeaderName, HeaderValue};

fn one(name: HeaderName, value: &[u8]) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())])
}

#[test]
fn content_types_are_reduced_to_their_essence() {
    for (value, expected) in [
        ("video/mp4", Some("video/mp4")),
        ("Video/MP4; codecs=\"avc1\"", Some("video/mp4")),
        (" text/plain ;charset=utf-8", Some("text/plain")),
        ("application/vnd.apple.mpegurl", Some("application/vnd.apple.mpegurl")),
        ("image/svg+xml", Some("image/svg+xml")),
        ("", None),
        ("video", None),
        ("video/", None),
        ("/mp4", None),
        ("video/mp4/x", None),
        ("video / mp4", None),
        ("<b>/x", None),
        ("video/mp4, text/html", None),
    ] {
        assert_eq!(content_type(&one(CONTENT_TYPE, value.as_bytes())).as_deref(), expected, "{value}");
    }
    assert_eq!(content_type(&one(CONTENT_TYPE, b"video/\xFF")), None);
    assert_eq!(content_type(&HeaderMap::new()), None);
}

#[test]
fn the_file_name_is_read_from_the_header_and_from_the_path() {
    for (value, expected) in [
        ("attachment; filename=named.mp4", Some("named.mp4")),
        ("attachment; filename=\"a%20b.mp4\"", Some("a b.mp4")),
        ("attachment; filename=\"100% a.mp4\"", Some("100% a.mp4")),
        ("attachment", None),
    ] {
        assert_eq!(
            disposition_name(&one(CONTENT_DISPOSITION, value.as_bytes())).as_deref(),
            expected,
            "{value}"
        );
    }
    for (text, expected) in [
        ("https://a.example/b/path.mp4", Some("path.mp4")),
        ("https://a.example/b/path.mp4?c=d/e", Some("path.mp4")),
        ("https://a.example/b/", Some("b")),
        ("https://a.example/gr%C3%BCn%20a.mp4", Some("grün a.mp4")),
        ("https://a.example/a%2Fb.mp4", Some("a/b.mp4")),
        ("https://a.example/%FF.mp4", Some("\u{FFFD}.mp4")),
        ("https://a.example/", None),
        ("https://a.example//", None),
        ("https://a.example", None),
    ] {
        assert_eq!(name_in_path(&Url::parse(text).unwrap()).as_deref(), expected, "{text}");
    }
}

#[test]
fn attachment_is_case_insensitive() {
    for (value, expected) in
        [("attachment", true), (" Attachment; filename=a", true), ("inline", false), ("attach", false)]
    {
        assert_eq!(is_attachment(&one(CONTENT_DISPOSITION, value.as_bytes())), expected, "{value}");
    }
}

#[test]
fn only_chunked_and_identity_are_plain_transfers() {
    assert!(is_plain_transfer(&HeaderMap::new()));
    for (value, is_plain) in [(b"chunked".as_slice(), true), (b"Identity", true), (b"gzip, chunked", false)] {
        assert_eq!(is_plain_transfer(&one(TRANSFER_ENCODING, value)), is_plain);
    }
}

#[test]
fn gzip_of_a_gzip_file_is_not_a_coding() {
    let encoded = |content_type: &str, path: &str| {
        let mut headers = one(CONTENT_ENCODING, b"x-gzip");
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        !codings(&headers, path).is_empty()
    };
    assert!(encoded("application/vnd.apple.mpegurl", "/a.m3u8"));
    assert!(!encoded("application/x-gzip", "/a"));
    assert!(!encoded("application/x-tar", "/a.tar.GZ"));
}
