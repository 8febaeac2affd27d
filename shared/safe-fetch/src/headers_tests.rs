use super::*;
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
fn the_name_comes_from_the_header_else_from_the_path() {
    let url = |text: &str| Url::parse(text).unwrap();
    let named = one(CONTENT_DISPOSITION, b"attachment; filename=named.mp4");
    let unnamed = one(CONTENT_DISPOSITION, b"attachment");
    assert_eq!(file_name(&named, &url("https://a.example/path.mp4")).as_deref(), Some("named.mp4"));
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
        assert_eq!(file_name(&unnamed, &url(text)).as_deref(), expected, "{text}");
        assert_eq!(file_name(&HeaderMap::new(), &url(text)).as_deref(), expected, "{text}");
    }
}

#[test]
fn only_identity_is_identity() {
    assert!(is_identity(&HeaderMap::new()));
    for value in ["", "identity", "Identity", "identity, identity"] {
        assert!(is_identity(&one(CONTENT_ENCODING, value.as_bytes())), "{value}");
    }
    for value in ["gzip", "br", "identity, gzip", "x"] {
        assert!(!is_identity(&one(CONTENT_ENCODING, value.as_bytes())), "{value}");
    }
    assert!(is_identity(&one(TRANSFER_ENCODING, b"chunked")));
    assert!(!is_identity(&one(TRANSFER_ENCODING, b"gzip, chunked")));
}
