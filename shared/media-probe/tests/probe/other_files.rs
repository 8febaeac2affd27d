//! Tests of other files: subtitles, fonts, LUTs, archives, text. FFmpeg pipelines use them too, so probes reject them after one
//! read.

use media_probe::{Outcome, corrected_content_type};

use crate::support::{Counted, ffprobe};

/// Size in bytes, above what may be read.
const SIZE: usize = 5 << 20;

fn repeated(head: &str, line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = head.to_owned();
    let mut number = 0;
    while text.len() < SIZE {
        number += 1;
        text.push_str(&line(number));
    }
    text.into_bytes()
}

/// Returns incompressible bytes after a header.
fn packed(head: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    let mut state = 88_172_645_463_325_252_u64;
    while bytes.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// Returns a TrueType font's table directory, with noise as tables.
fn font(magic: &[u8; 4]) -> Vec<u8> {
    let mut head = [&magic[..], &[0, 4, 0, 64, 0, 2, 0, 0]].concat();
    for (number, tag) in [b"cmap", b"glyf", b"head", b"loca"].into_iter().enumerate() {
        head.extend_from_slice(tag);
        let offset = 76 + u32::try_from(number).unwrap() * 1000;
        head.extend([0x5A5A_5A5A, offset, 1000].iter().flat_map(|word: &u32| word.to_be_bytes()));
    }
    packed(&head)
}

fn files() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let times = |n: usize| format!("{:02}:{:02}:{:02}", n / 3600 % 100, n / 60 % 60, n % 60);
    vec![
        (
            "srt",
            repeated("", |n| format!("{n}\n{0},000 --> {0},900\nLine {n}\n\n", times(n))),
            Some("application/x-subrip"),
        ),
        (
            "vtt",
            repeated("WEBVTT\n\n", |n| format!("{0}.000 --> {0}.900\nLine {n}\n\n", times(n))),
            Some("text/vtt"),
        ),
        (
            "ass",
            repeated("[Script Info]\nScriptType: v4.00+\n\n[Events]\n", |n| {
                format!("Dialogue: 0,{0}.00,{0}.90,Default,,0,0,0,,Line {n}\n", times(n))
            }),
            Some("text/x-ssa"),
        ),
        (
            "cube",
            repeated("TITLE \"x\"\nLUT_3D_SIZE 65\n", |n| format!("0.{n:06} 0.5 0.5\n")),
            Some("text/x-cube"),
        ),
        (
            "txt",
            repeated("", |n| {
                format!("It was dark and stormy night number {n}; the rain fell in torrents.\n")
            }),
            Some("text/plain"),
        ),
        ("csv", repeated("a;b;c\n", |n| format!("{n};{};{}\n", n * 7, n * 13)), Some("text/csv")),
        ("json", repeated("{\"a\":[0", |n| format!(",{{\"format\":{n}}}")), Some("application/json")),
        ("xml", repeated("<?xml version=\"1.0\"?><r>", |n| format!("<a b=\"{n}\"/>")), Some("text/xml")),
        ("html", repeated("<!DOCTYPE html><p>", |n| format!("<p>{n}</p>\n")), Some("text/html")),
        (
            "svg",
            repeated("<svg xmlns=\"http://www.w3.org/2000/svg\">", |n| format!("<path d=\"M{n} 0\"/>")),
            Some("image/svg+xml"),
        ),
        ("ttf", font(b"\0\x01\0\0"), Some("application/font-sfnt")),
        ("otf", font(b"OTTO"), Some("application/font-sfnt")),
        ("woff2", packed(b"wOF2\0\x01\0\0"), Some("application/font-woff")),
        (
            "zip",
            packed(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\xff\xff\0\0\xff\xff\0\0\x05\0\0\0a.bin"),
            Some("application/zip"),
        ),
        ("gz", packed(b"\x1f\x8b\x08\0\0\0\0\0\0\x03"), Some("application/gzip")),
        ("7z", packed(b"7z\xbc\xaf\x27\x1c\0\x04"), Some("application/x-7z-compressed")),
        ("pdf", packed(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), Some("application/pdf")),
        ("noise", packed(b""), None),
    ]
}

#[tokio::test]
async fn other_files_are_rejected_after_one_read() {
    for (name, bytes, content_type) in files() {
        let head = bytes[..8192].to_vec();
        let source = Counted::new(bytes);
        let outcome = ffprobe().probe(source.clone()).await.unwrap().outcome;
        let (reads, read) = source.totals();
        println!("{name}: {reads} reads, {read} bytes, {outcome:?}");
        assert!(
            matches!(&outcome, Outcome::Unreadable(why) if why.starts_with("not a media file")),
            "{name}: {outcome:?}"
        );
        assert!(reads == 1 && read <= 327_680, "{name}: {:?}", source.ranges());
        assert_eq!(
            corrected_content_type(None, Some(name), &head, &outcome).as_deref(),
            content_type,
            "{name}"
        );
        let claimed =
            corrected_content_type(Some("image/png"), Some(name), &head, &outcome).expect("no picture");
        assert!(!claimed.starts_with("image/") || claimed == "image/svg+xml", "{name}: {claimed}");
    }
}
