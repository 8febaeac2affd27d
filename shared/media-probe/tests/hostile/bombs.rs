//! Decompression bombs and other small files that demand many resources.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use media_probe::{Limits, Outcome};

use crate::support::{assert_little_memory, ffprobe, memory, outcome, outcome_within};

/// Returns this many zeros, compressed.
fn deflated(zeros: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let block = vec![0; 1 << 20];
    for start in (0..zeros).step_by(block.len()) {
        encoder.write_all(&block[..block.len().min(zeros - start)]).unwrap();
    }
    encoder.finish().unwrap()
}

fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_be_bytes()
}

/// Returns a box of ISO/IEC 14496-12.
fn iso_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&number(content.len() + 8)[..], kind, content].concat()
}

fn mp4(rest: &[u8]) -> Vec<u8> {
    [iso_box(b"ftyp", b"isom\0\0\x02\0isommp41"), rest.to_vec()].concat()
}

/// Returns a complete gray PNG.
fn png(side: usize) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let mut check = flate2::Crc::new();
        check.update(kind);
        check.update(content);
        [&number(content.len())[..], kind, content, &check.sum().to_be_bytes()].concat()
    };
    let header = [&number(side)[..], &number(side), &[8, 0, 0, 0, 0]].concat();
    let data = deflated(side * (side + 1));
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &data), chunk(b"IEND", b"")]
        .concat()
}

/// Returns nested boxes of the same kind.
fn nested(kind: &[u8; 4], depth: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(depth * 8);
    for left in (1..=depth).rev() {
        bytes.extend(number(left * 8));
        bytes.extend(kind);
    }
    bytes
}

/// Returns an EBML element with a size of eight bytes.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, content].concat()
}

fn matroska(segment: &[u8]) -> Vec<u8> {
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
    [header, element(&[0x18, 0x53, 0x80, 0x67], segment)].concat()
}

fn nested_tags(depth: usize) -> Vec<u8> {
    // Built from the inside out, since each size includes the nested elements.
    let mut heads = Vec::with_capacity(depth);
    let mut length = 0_u64;
    for _ in 0..depth {
        heads.push([&[0x67, 0xc8][..], &(length | 1 << 56).to_be_bytes()].concat());
        length += 10;
    }
    heads.reverse();
    let tag = element(&[0x73, 0x73], &heads.concat());
    matroska(&element(&[0x12, 0x54, 0xc3, 0x67], &tag))
}

fn compressed_index(zeros: usize) -> Vec<u8> {
    let data = [&number(zeros)[..], &deflated(zeros)].concat();
    let compressed = [iso_box(b"dcom", b"zlib"), iso_box(b"cmvd", &data)].concat();
    mp4(&iso_box(b"moov", &iso_box(b"cmov", &compressed)))
}

/// Returns a sample table that declares more entries than it has bytes.
fn endless_table() -> Vec<u8> {
    let table = iso_box(b"stsz", &[&[0; 8][..], &[0xff, 0xff, 0xff, 0x7f]].concat());
    let media = iso_box(b"mdia", &iso_box(b"minf", &iso_box(b"stbl", &table)));
    mp4(&iso_box(b"moov", &iso_box(b"trak", &media)))
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    const MIB: usize = 1 << 20;
    let tracks = iso_box(b"trak", b"").repeat(100_000);
    vec![
        ("PNG of 16000²", png(16_000)),
        ("compressed index of 256 MiB", compressed_index(256 * MIB)),
        ("Flash of 256 MiB", [&b"CWS\x0a\xff\xff\xff\x7f"[..], &deflated(256 * MIB)].concat()),
        ("a million empty boxes", mp4(&iso_box(b"free", b"").repeat(MIB))),
        ("a million empty boxes in the index", mp4(&iso_box(b"moov", &iso_box(b"free", b"").repeat(MIB)))),
        ("a hundred thousand tracks", mp4(&iso_box(b"moov", &tracks))),
        ("indexes in indexes", mp4(&nested(b"moov", 50_000))),
        ("tracks in tracks", mp4(&iso_box(b"moov", &nested(b"trak", 50_000)))),
        ("user data in user data", mp4(&iso_box(b"moov", &nested(b"udta", 50_000)))),
        ("tags in tags", nested_tags(50_000)),
        ("an endless table", endless_table()),
        ("tags upon tags", b"ID3\x04\0\0\0\0\0\0".repeat(100_000)),
        ("a box without an end", mp4(b"\0\0\0\x01moov\x7f\xff\xff\xff\xff\xff\xff\xff")),
        ("a box without a length", mp4(&b"\0\0\0\0moov".repeat(1000))),
        ("a segment of all sizes", matroska(&[0xff; 100_000])),
    ]
}

#[tokio::test]
async fn decompression_bombs_stay_within_the_limits() {
    for (what, bytes) in bombs() {
        let length = bytes.len();
        let said = match outcome(what, bytes).await {
            Outcome::Media(media) => format!("{:?}", media.summary.format_name),
            Outcome::Unreadable(reason) => reason,
        };
        println!("{what}, {length} bytes: {said}");
        assert_little_memory(what);
    }
}

/// Silence as an MP3 with so many tags, each of another name.
fn tagged(tags: usize) -> Vec<u8> {
    let syncsafe = |n: usize| [21, 14, 7, 0].map(|shift| u8::try_from(n >> shift & 0x7f).unwrap());
    let frame = |n: usize| {
        let content = format!("\x03{n}\0v");
        [&b"TXXX"[..], &syncsafe(content.len()), &[0, 0], content.as_bytes()].concat()
    };
    let frames: Vec<u8> = (0..tags).flat_map(frame).collect();
    let sound = [&b"\xff\xfb\x90\x64"[..], &[0; 413]].concat().repeat(100);
    [&b"ID3\x04\0\0"[..], &syncsafe(frames.len()), &frames, &sound].concat()
}

#[tokio::test]
async fn tags_without_number_end_at_the_limit_of_processor_time() {
    let Outcome::Media(few) = outcome("a hundred tags", tagged(100)).await else { panic!("unreadable") };
    assert_eq!(few.full["format"]["tags"]["99"], "v");
    // ffprobe compares each tag with all others: minutes, if nothing ended it.
    // A wall clock that other tests, which run at the same time, cannot let it reach first.
    let (cpu, wall_clock) = (Duration::from_secs(2), Duration::from_secs(300));
    let limits = Limits { cpu, wall_clock, ..Limits::default() };
    let Outcome::Unreadable(reason) = outcome_within(limits, "200,000 tags", tagged(200_000)).await else {
        panic!("readable")
    };
    assert!(reason.contains("processor time"), "{reason}");
}

#[tokio::test]
async fn a_deeper_analysis_that_takes_too_long_leaves_the_earlier_result() {
    // The first run takes seconds. ffprobe recognises the file with low confidence, so that a second one analyses more.
    let mut ffprobe = ffprobe();
    // Only the second one is ended, however slow the machine.
    let [cpu, later_cpu, wall_clock] = [60, 1, 300].map(Duration::from_secs);
    ffprobe.limits = Limits { cpu, later_cpu, wall_clock, ..Limits::default() };
    let end = ffprobe.probe(memory(tagged(25_000))).await.expect("no transient failure");
    let Outcome::Media(media) = end.outcome else { panic!("unreadable") };
    assert_eq!((media.full["format"]["tags"]["99"].as_str(), end.killed), (Some("v"), true));
}

/// A sound file whose title is these bytes.
fn titled(title: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        [kind, &length[..], content, &[0][..content.len() % 2]].concat()
    };
    let format = [1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0];
    let info = [b"INFO".to_vec(), chunk(b"INAM", title)].concat();
    let body =
        [b"WAVE".to_vec(), chunk(b"fmt ", &format), chunk(b"LIST", &info), chunk(b"data", &[128; 8000])];
    chunk(b"RIFF", &body.concat())
}

#[tokio::test]
async fn a_title_is_text_whatever_its_bytes() {
    let every_byte: Vec<u8> = (1..=255).collect();
    let titles: [&[u8]; 7] = [
        b"\"}},\"streams\":[{\"codec_type\":\"video\",\"width\":1}],\"x\":{\"y\":\"",
        b"\x1b[2J\x1b]0;owned\x07\r\n\t\x7f\x08",
        b"\\u0000\\\"\\\\",
        b"$(reboot)`reboot`;|&<>'%s%n",
        "\u{202e}fdp.exe\u{feff}\u{2028}".as_bytes(),
        b"\xff\xfe\xc0\x80\xed\xa0\x80",
        &every_byte,
    ];
    for title in titles {
        let what = String::from_utf8_lossy(title).into_owned();
        let Outcome::Media(media) = outcome(&what, titled(title)).await else {
            panic!("unreadable: {what:?}")
        };
        let format = &media.full["format"];
        assert!(format["tags"]["title"].is_string(), "{what:?}: {format}");
        assert_eq!((media.full["streams"].as_array().map(Vec::len), &media.summary.width), (Some(1), &None));
        assert_eq!(media.full.as_object().map(|full| full.contains_key("x")), Some(false));
    }
}
