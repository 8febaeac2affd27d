use super::ContentKind::{Dash, File, Page, Playlist, SmoothStreaming};
use super::*;

fn kind(head: &[u8], content_type: &str, extension: &str) -> ContentKind {
    let content_type = Some(content_type).filter(|content_type| !content_type.is_empty());
    let extension = Some(extension).filter(|extension| !extension.is_empty());
    classify(head, Declared { content_type, extensions: [extension, None], is_attachment: false })
}

const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
const HTML: &[u8] = b"<!DOCTYPE html><html><head><title>x</title></head>";
const HLS: &[u8] = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n";
const MPD: &[u8] = b"<?xml version=\"1.0\"?>\n<!-- x --><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">";

#[test]
fn a_playlist_is_recognised_under_any_media_type() {
    for content_type in [
        "application/octet-stream",
        "text/plain",
        "",
        "text/html",
        "video/mp4",
        "application/vnd.apple.mpegurl",
        "binary/octet-stream",
    ] {
        for head in
            [HLS.to_vec(), [b"\xef\xbb\xbf".as_slice(), HLS].concat(), [b"\r\n ".as_slice(), HLS].concat()]
        {
            assert_eq!(kind(&head, content_type, ""), Playlist, "{content_type}");
        }
    }
    assert_eq!(kind(b"\x1f\x8b\x08\0", "application/octet-stream", "m3u8"), Playlist);
    assert_eq!(kind(b"\x1f\x8b\x08\0", "application/gzip", "gz"), File);
    assert_eq!(
        kind(b"no playlist", "application/vnd.apple.mpegurl", ""),
        Playlist,
        "the playlist parser refuses it"
    );
    assert_eq!(kind(MP4, "application/vnd.apple.mpegurl", "m3u8"), File, "an MP4 file is not a playlist");
}

#[test]
fn a_manifest_is_recognised_under_any_media_type() {
    for content_type in
        ["text/xml", "application/xml", "application/octet-stream", "", "text/plain", "application/dash+xml"]
    {
        assert_eq!(kind(MPD, content_type, ""), Dash, "{content_type}");
    }
    assert_eq!(kind(b"<SmoothStreamingMedia MajorVersion=\"2\">", "text/xml", ""), SmoothStreaming);
    assert_eq!(kind(b"<?xml version=\"1.0\"?><svg><text>MPD</text></svg>", "image/svg+xml", "svg"), File);
    assert_eq!(kind(b"an MPD >", "text/plain", "txt"), File);
}

#[test]
fn a_file_declared_as_html_is_a_file() {
    for head in [
        MP4,
        b"ID3\x04\0\0\0\0\0\0\xff\xfb",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"PK\x03\x04\x14\0\0\0",
        b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHello <i>you</i>\r\n",
        b"\xef\xbb\xbf1\n00:00:01,000 --> 00:00:02,000\n",
        b"WEBVTT\n\n00:01.000 --> 00:02.000\n",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\">",
        b"<?xml version=\"1.0\"?><tt xmlns=\"http://www.w3.org/ns/ttml\">",
        b"{\"a\": 1}",
    ] {
        assert_eq!(kind(head, "text/html", ""), File, "{}", String::from_utf8_lossy(head));
    }
    assert_eq!(kind(b"TITLE \"a\"\nLUT_3D_SIZE 2\n", "text/html", "cube"), File);
}

#[test]
fn a_web_page_is_a_page() {
    for head in [
        HTML,
        b"\n<!-- a --> <HTML lang=de>",
        b"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\"><html>",
        b"<title>A</title><video src=a.mp4></video>",
        b"<meta http-equiv=refresh>",
        b"\xff\xfe<\0h\0t\0m\0l\0>\0",
        b"Not found",
        b"BMW and MZ are two letters each",
        b"<!DOCTYPE html><html>\x08 a stray control character",
    ] {
        assert_eq!(kind(head, "text/html", ""), Page, "{}", String::from_utf8_lossy(head));
    }
    assert_eq!(kind(b"Access denied", "text/html", "mp4"), Page);
}

#[test]
fn a_web_page_declared_as_media_is_a_page() {
    for (content_type, extension) in
        [("video/mp4", ""), ("audio/mpeg", ""), ("application/octet-stream", "mp4"), ("", "")]
    {
        assert_eq!(kind(HTML, content_type, extension), Page, "{content_type} {extension}");
    }
    for (content_type, extension) in
        [("text/plain", "html"), ("application/octet-stream", "html"), ("", "html")]
    {
        assert_eq!(kind(HTML, content_type, extension), File, "an HTML file to store: {content_type}");
    }
    let attached = |content_type| Declared {
        content_type: Some(content_type),
        extensions: [Some("html"), None],
        is_attachment: true,
    };
    assert_eq!(classify(HTML, attached("text/html")), File);
}

#[test]
fn other_files_are_files() {
    for (head, content_type, extension) in [
        (MP4, "video/mp4", "mp4"),
        (b"hello".as_slice(), "text/plain", "txt"),
        (b"", "", ""),
        (b"", "video/mp4", "mp4"),
        (b"\0\0", "application/octet-stream", ""),
    ] {
        assert_eq!(kind(head, content_type, extension), File);
    }
}

mod fuzz {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// No input panics, and control characters make it a file.
        #[test]
        fn any_head_is_classified(
            head in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            content_type in "(text/html|video/mp4|text/xml|application/x-mpegurl|)",
        ) {
            let found = kind(&head, &content_type, "");
            if head.first() == Some(&1) {
                proptest::prop_assert!(found == File);
            }
        }
    }
}
