//! Posters of AV1, which dav1d decodes: films, pictures, and streams that are made to harm it.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use media_facts::MediaType;
use media_probe::{Media, Outcome, ProbeEnd};

use crate::posters::{Pixels, end, poster};
use crate::support::ffmpeg;

/// Flipped samples of [`flipped_bits_cost_at_most_the_poster`].
const ROUNDS: usize = 40;
const SEED: u64 = 0xA1;

/// AV1, as fast as libaom encodes it.
const CODEC: &str = "-c:v libaom-av1 -cpu-used 8 -usage realtime";

fn film(size: &str, frames: u32, options: &str) -> String {
    format!("-f lavfi -i testsrc2=size={size}:rate=10 -frames:v {frames} {CODEC} {options}")
}

fn facts(end: &ProbeEnd) -> &Media {
    match &end.outcome {
        Outcome::Media(media) => media,
        Outcome::Unreadable(reason) => panic!("unreadable: {reason}"),
    }
}

#[tokio::test]
async fn films_have_posters() {
    for (extension, options) in [
        ("mp4", "-pix_fmt yuv420p"),
        ("webm", "-pix_fmt yuv420p"),
        ("mp4", "-pix_fmt yuv420p10le"),
        ("mkv", "-pix_fmt yuv420p10le"),
        ("mkv", "-pix_fmt yuv444p"),
    ] {
        let film = ffmpeg(extension, &film("960x540", 12, &format!("-g 4 {options}")));
        let poster =
            poster(film.clone()).await.unwrap_or_else(|| panic!("{extension}, {options}: no poster"));
        let shown = Pixels::of(&poster, "null");
        assert_eq!(shown.size(), (640, 360), "{extension}, {options}");
        let exact = shown.psnr(&Pixels::of(&film, "scale=640:360"));
        assert!(exact > 28.0, "{extension}, {options}: {exact:.1} dB");
    }
}

#[tokio::test]
async fn avif_pictures_have_posters() {
    for (size, options, expected) in [
        ("320x240", "-pix_fmt yuv420p", (320, 240)),
        ("1280x720", "-pix_fmt yuv444p10le", (640, 360)),
        ("34x1000", "-pix_fmt yuv420p", (22, 640)),
    ] {
        let end = end(ffmpeg("avif", &film(size, 1, &format!("-still-picture 1 {options}")))).await;
        assert_eq!(facts(&end).media_type, MediaType::Image, "{size}");
        let poster = end.poster.unwrap_or_else(|| panic!("{size}, {options}: no poster"));
        assert_eq!(Pixels::of(&poster, "null").size(), expected, "{size}");
    }
    let moving = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/fixtures/moving.avif");
    let poster = poster(fs::read(moving).unwrap()).await.expect("a poster");
    assert_eq!(Pixels::of(&poster, "null").size(), (64, 48));
}

/// Returns the bytes of these numbers, each with its length in bits, the last byte filled up with zeros.
fn packed(fields: &[(u32, usize)]) -> Vec<u8> {
    let bits: String = fields.iter().map(|(value, length)| format!("{value:0length$b}")).collect();
    let bytes = bits.as_bytes().chunks(8).map(|bits| format!("{:0<8}", str::from_utf8(bits).unwrap()));
    bytes.map(|bits| u8::from_str_radix(&bits, 2).unwrap()).collect()
}

/// Returns an open bitstream unit (AV1 Bitstream & Decoding Process Specification, 5.3) with its size in two bytes.
fn unit(kind: u8, content: &[u8]) -> Vec<u8> {
    let size = u8::try_from(content.len() & 0x7f).unwrap();
    let rest = u8::try_from(content.len() >> 7).unwrap();
    assert!(rest < 0x80);
    [&[kind << 3 | 2, size | 0x80, rest], content].concat()
}

/// Returns a stream that claims a square picture of this side in pixels, in so many bytes.
fn claiming(side: u32, length: usize) -> Vec<u8> {
    // A sequence header (5.5.1) of a reduced still picture: profile, still, reduced, level; the bits of width and height, and both; six
    // tools; 8 bits of 4:2:0 without anything else; no film grain, and the trailing bit.
    let header = [
        (0, 3),
        (3, 2),
        (31, 5),
        (15, 4),
        (15, 4),
        (side - 1, 16),
        (side - 1, 16),
        (0, 6),
        (0, 7),
        (0, 1),
        (1, 1),
    ];
    let header = unit(1, &packed(&header));
    let frame = unit(6, &vec![0; length - header.len() - 3]);
    [header, frame].concat()
}

/// Returns where the samples of an MP4 are.
fn samples(mp4: &[u8]) -> std::ops::Range<usize> {
    let kind = mp4.windows(4).position(|word| word == b"mdat").unwrap();
    let size = u32::from_be_bytes(mp4[kind - 4..kind].try_into().unwrap());
    kind + 4..kind - 4 + usize::try_from(size).unwrap()
}

#[tokio::test]
async fn a_stream_larger_than_memory_has_facts_and_no_poster() {
    let film = ffmpeg("mp4", &film("320x240", 1, "-pix_fmt yuv420p"));
    assert!(poster(film.clone()).await.is_some(), "no poster of the film itself");
    // Beyond dav1d's limit, FFmpeg's, and that of an allocation.
    for side in [65_536, 32_768, 16_000] {
        let mut film = film.clone();
        let samples = samples(&film);
        film[samples.clone()].copy_from_slice(&claiming(side, samples.len()));
        let end = end(film).await;
        assert_eq!(facts(&end).summary.video_codec.as_deref(), Some("av1"), "{side}");
        assert_eq!((&end.poster, end.killed), (&None, false), "{side}");
    }
}

#[tokio::test]
async fn a_truncated_stream_has_facts_and_no_poster() {
    let film = ffmpeg("mp4", &film("320x240", 1, "-pix_fmt yuv420p"));
    let whole = facts(&end(film.clone()).await).summary.clone();
    for kept in [0, 1, 3, 16] {
        let mut film = film.clone();
        let samples = samples(&film);
        film[samples.start + kept..samples.end].fill(0);
        let end = end(film).await;
        let summary = &facts(&end).summary;
        assert_eq!((summary.width, summary.height), (whole.width, whole.height), "{kept}");
        assert_eq!((&summary.video_codec, summary.duration), (&whole.video_codec, whole.duration), "{kept}");
        assert_eq!((&end.poster, end.killed), (&None, false), "{kept}");
    }
}

#[tokio::test]
async fn flipped_bits_cost_at_most_the_poster() {
    let film = ffmpeg("mp4", &film("192x108", 3, "-g 1 -pix_fmt yuv420p"));
    let (samples, mut random) = (samples(&film), Rng::with_seed(SEED));
    let mut posters = 0;
    for round in 0..ROUNDS {
        let mut film = film.clone();
        for _ in 0..random.usize(1..=16) {
            film[random.usize(samples.clone())] ^= 1 << random.u8(..8);
        }
        let end = end(film).await;
        let summary = &facts(&end).summary;
        assert_eq!((summary.video_codec.as_deref(), summary.duration), (Some("av1"), Some(0.3)), "{round}");
        assert!(!end.killed, "{round}");
        posters += usize::from(end.poster.is_some());
    }
    assert!(posters > 0, "none of {ROUNDS} damaged films has a poster");
}
