use super::*;
use crate::command::FORMATS;
use crate::parse;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const HTML: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";
const PDF: &[u8] = b"%PDF-1.7\n";

fn media(format: &str, brand: &str, streams: &str) -> Outcome {
    let text = format!(
        r#"{{"format":{{"format_name":"{format}","tags":{{"major_brand":"{brand}"}}}},"streams":[{streams}]}}"#
    );
    Outcome::Media(Box::new(parse::media(text.as_bytes()).unwrap()))
}

fn unreadable() -> Outcome {
    Outcome::Unreadable("not media".to_owned())
}

const PICTURE: &str = r#"{"codec_type":"video","codec_name":"x"}"#;
const SOUND: &str = r#"{"codec_type":"audio","codec_name":"x"}"#;

#[test]
fn a_matching_type_is_kept_and_another_is_replaced() {
    let cases = [
        ("mov,mp4,m4a", "isom", PICTURE, "video/mp4", None),
        ("mov,mp4,m4a", "isom", PICTURE, "video/quicktime", None),
        ("mov,mp4,m4a", "isom", PICTURE, "audio/mp4", Some("video/mp4")),
        ("mov,mp4,m4a", "isom", SOUND, "video/mp4", Some("audio/mp4")),
        ("mov,mp4,m4a", "M4A ", SOUND, "video/x-m4v", Some("audio/mp4")),
        ("mov,mp4,m4a", "3gp4", SOUND, "video/3gpp", Some("audio/3gpp")),
        ("mov,mp4,m4a", "qt  ", SOUND, "video/quicktime", None),
        ("mov,mp4,m4a", "heic", PICTURE, "image/avif", Some("image/heic")),
        ("mov,mp4,m4a", "avif", PICTURE, "image/heic", Some("image/avif")),
        ("mov,mp4,m4a", "hevc", PICTURE, "image/heic", None),
        ("mov,mp4,m4a", "heic", PICTURE, "image/heif", None),
        ("mov,mp4,m4a", "mif1", PICTURE, "image/heic", None),
        ("mov,mp4,m4a", "avci", PICTURE, "image/avif", Some("image/avci")),
        ("mov,mp4,m4a", "jpeg", PICTURE, "video/mp4", Some("image/heif")),
        ("jpeg_pipe", "", PICTURE, "image/jpg", Some("image/jpeg")),
        ("jpeg_pipe", "", PICTURE, "image/pjpeg", Some("image/jpeg")),
        ("bmp_pipe", "", PICTURE, "image/x-ms-bmp", Some("image/bmp")),
        ("apng", "", PICTURE, "image/vnd.mozilla.apng", Some("image/apng")),
        ("mov,mp4,m4a", "qt  ", PICTURE, "video/webm", Some("video/quicktime")),
        ("mov,mp4,m4a", "M4A ", SOUND, "application/octet-stream", Some("audio/mp4")),
        ("mov,mp4,m4a", "avif", PICTURE, "video/mp4", Some("image/avif")),
        ("matroska,webm", "", PICTURE, "video/webm", None),
        ("matroska,webm", "", PICTURE, "video/mp4", Some("video/x-matroska")),
        ("mxf", "", PICTURE, "application/mxf", None),
        ("mxf", "", PICTURE, "text/plain", Some("application/mxf")),
        ("wav", "", SOUND, "audio/x-wav", None),
        ("wav", "", SOUND, "text/html", Some("audio/wav")),
        ("png_pipe", "", PICTURE, "image/svg+xml", Some("image/png")),
        ("ivf", "", PICTURE, "video/x-ivf", None),
        ("ivf", "", PICTURE, "image/png", Some("video/x-ivf")),
        ("mov,mp4,m4a", "M4A ", SOUND, "audio/aac", Some("audio/mp4")),
        ("asf", "", SOUND, "audio/x-ms-wma", None),
        ("asf", "", SOUND, "video/x-ms-asf", None),
        ("asf", "", SOUND, "video/x-ms-wmv", Some("audio/x-ms-wma")),
        ("ogg", "", PICTURE, "video/ogg", None),
        ("ogg", "", SOUND, "video/ogg", None),
    ];
    for (format, brand, streams, stated, expected) in cases {
        let found = corrected_content_type(Some(stated), None, b"", &media(format, brand, streams));
        assert_eq!(found.as_deref(), expected, "{stated} of {format} {brand}");
    }
    let mut webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm".to_vec();
    webm.resize(300, 0); // the detection reads no less
    let found = corrected_content_type(None, None, &webm, &media("matroska,webm", "", PICTURE));
    assert_eq!(found.as_deref(), Some("video/webm"));
    for (streams, expected) in [(SOUND, Some("audio/webm")), (PICTURE, None)] {
        let found =
            corrected_content_type(Some("video/webm"), None, &webm, &media("matroska,webm", "", streams));
        assert_eq!(found.as_deref(), expected);
    }
}

#[test]
fn other_files_never_have_a_type_of_media() {
    let cases: [(&str, &[u8], Option<&str>); 9] = [
        ("image/png", HTML, Some("text/html")),
        ("video/mp4", b"<svg onload=alert(1)>", Some("image/svg+xml")),
        ("image/svg+xml", b"<svg onload=alert(1)>", None),
        ("audio/mpeg", PDF, Some("application/pdf")),
        ("image/jpeg", PNG, Some("image/png")),
        ("application/octet-stream", PDF, Some("application/pdf")),
        ("application/octet-stream", b"words", None),
        ("application/x-subrip", b"1\n00:00", None),
        ("font/ttf", PDF, None),
    ];
    for (stated, head, expected) in cases {
        let found = corrected_content_type(Some(stated), None, head, &unreadable());
        assert_eq!(found.as_deref(), expected, "{stated}");
    }
    assert_eq!(corrected_content_type(None, None, PDF, &unreadable()).as_deref(), Some("application/pdf"));
    assert_eq!(corrected_content_type(None, None, b"", &unreadable()), None);
}

/// Further names of demuxers, which the table lists by their first name.
const OTHER_NAMES: [&str; 6] = ["mp4", "m4a", "3gp", "3g2", "mj2", "webm"];

#[test]
fn every_container_that_ffprobe_reads_has_types() {
    for format in FORMATS.split(',').map(str::trim).filter(|name| !OTHER_NAMES.contains(name)) {
        assert!(Container::named(format).is_some_and(|found| !found.types.is_empty()), "{format}");
    }
}

/// A readable file has a type of its container, whatever was declared, and a second correction changes nothing.
#[test]
fn only_a_matching_declaration_is_kept() {
    let kinds = [("video", PICTURE), ("image", PICTURE), ("audio", SOUND)];
    for container in CONTAINERS {
        for (kind, stream) in kinds {
            let outcome = media(container.format, "", stream);
            let Outcome::Media(found) = &outcome else { unreachable!() };
            if found.media_type.as_str() != kind {
                continue;
            }
            for declared in [Some("text/html"), Some("image/png"), Some("video/x-unknown"), None] {
                let given = corrected_content_type(declared, None, b"", &outcome);
                let given = given.or_else(|| declared.map(str::to_owned)).expect("a type");
                assert!(
                    container.types.contains(&given.as_str()),
                    "{}: {declared:?}: {given}",
                    container.format
                );
                assert_eq!(
                    corrected_content_type(Some(&given), None, b"", &outcome),
                    None,
                    "{}",
                    container.format
                );
            }
        }
    }
}

/// Checks the signature of files that ffprobe cannot read, with each generic declaration.
#[test]
fn unreadable_files_are_detected_by_their_signatures() {
    let targa = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 0][..], &[7; 40]].concat();
    let cases: &[(&[u8], &str, &str)] = &[
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "srt", "application/x-subrip"),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\n", "vtt", "text/vtt"),
        (b"[Script Info]\nScriptType: v4.00+\n", "ass", "text/x-ssa"),
        (b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", "svg", "image/svg+xml"),
        (b"a;b\n1;2\n", "csv", "text/csv"),
        (b"{\"a\": 1}", "json", "application/json"),
        (b"words", "txt", "text/plain"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "m3u8", "application/vnd.apple.mpegurl"),
        (b"MThd\0\0\0\x06\0\x01\0\x02", "mid", "audio/midi"),
        (b"FUJIFILMCCD-RAW 0201", "raf", "image/x-fuji-raf"),
        (b"II*\0\x10\0\0\0CR\x02\0", "cr2", "image/x-canon-cr2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01", "cr3", "image/x-canon-cr3"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "avif", "image/avif"),
        (b"icns\0\0\x10\0", "icns", "image/icns"),
        (b"SIMPLE  =                    T", "fits", "image/fits"),
        (&targa, "tga", "image/x-tga"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "svgz", "image/svg+xml"),
        (b"850STL25.01\x30", "stl", "application/x-ebu-stl"),
        (b"<tt xmlns=\"http://www.w3.org/ns/ttml\">", "itt", "application/ttml+xml"),
        (b"0 64 128\n0 0 0\n", "3dl", "text/x-3dl"),
        (b"\0\0\x40\0\x57\x90\x75\x36", "aa", "audio/audible"),
        (b"\x56\xe0\x02\x07\x07\x56\xe0\x02", "loas", "audio/mp4a-latm"),
        (b"CWS\x0a\x40\0\0\0\x78\x9c", "swf", "application/vnd.adobe.flash.movie"),
        (b"ZWS\x0d\x40\0\0\0", "swf", "application/vnd.adobe.flash.movie"),
        (b"wvpk\x20\0\0\0", "wv", "audio/x-wavpack"),
        (b"qoif\0\0\0\x10", "qoi", "image/qoi"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma", "video/x-ms-wmv"),
    ];
    for (head, extension, expected) in cases {
        for declared in [Some("text/html"), Some("image/png"), Some("application/octet-stream"), None] {
            let given = corrected_content_type(declared, Some(extension), head, &unreadable());
            assert_eq!(given.as_deref(), Some(*expected), "{extension} declared {declared:?}");
        }
        assert_eq!(
            corrected_content_type(Some(expected), Some(extension), head, &unreadable()),
            None,
            "{extension}"
        );
    }
    let spoiled = [("audio/x-ms-wma", cases[cases.len() - 1].0), ("video/ogg", b"OggS\0\x02".as_slice())];
    for (declared, head) in spoiled {
        assert_eq!(corrected_content_type(Some(declared), None, head, &unreadable()), None, "{declared}");
    }
}
