//! Tests of images: sizes and orientations of tiles, EXIF, HEIF and AVIF, and durations of animations.

use std::fs;
use std::path::Path;

use media_facts::{DurationSource, MediaType};
use media_probe::{Media, Outcome, corrected_content_type};

use crate::support::{ffmpeg, media};

pub(crate) const STILL: &str = "-f lavfi -i testsrc2=size=64x48:rate=1 -frames:v 1";

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/fixtures").join(name)).unwrap()
}

type Geometry = (Option<u32>, Option<u32>, Option<i32>);

fn shown(media: &Media) -> Geometry {
    (media.summary.width, media.summary.height, media.summary.rotation)
}

fn content_type(media: Media, head: &[u8]) -> Option<String> {
    corrected_content_type(None, None, head, &Outcome::Media(Box::new(media)))
}

#[tokio::test]
async fn the_primary_item_of_heif_and_avif_is_the_picture() {
    for (name, width, height, rotation, kind) in [
        ("grid.avif", 128, 128, None, "image/avif"),
        ("turned.avif", 48, 64, Some(90), "image/avif"),
        ("mirrored.avif", 48, 64, Some(270), "image/avif"),
        ("clap.avif", 30, 40, Some(270), "image/avif"),
        ("plain.heic", 64, 48, None, "image/heic"),
        ("exif.heic", 64, 48, None, "image/heic"),
        ("turned.heic", 48, 64, Some(90), "image/heic"),
        ("grid.heic", 120, 100, None, "image/heic"),
        ("grid-thumb.heic", 100, 120, Some(90), "image/heic"),
    ] {
        let bytes = fixture(name);
        let media = media(bytes.clone()).await;
        assert_eq!(shown(&media), (Some(width), Some(height), rotation), "{name}");
        assert_eq!(media.media_type, MediaType::Image, "{name}");
        let codec = if name.ends_with("avif") { "av1" } else { "hevc" };
        assert_eq!(
            (media.summary.duration, media.summary.video_codec.as_deref()),
            (None, Some(codec)),
            "{name}"
        );
        assert_eq!(content_type(media, &bytes).as_deref(), Some(kind), "{name}");
    }
}

#[tokio::test]
async fn animations_have_a_duration() {
    let apng = ffmpeg("png", "-f lavfi -i testsrc2=size=64x48:rate=5:duration=2 -c:v apng -f apng");
    let gif = ffmpeg("gif", "-f lavfi -i testsrc2=size=64x48:rate=30:duration=2");
    for (name, bytes, seconds, rate) in [
        ("moving.webp", fixture("moving.webp"), 0.35, "40/7"),
        ("moving.avif", fixture("moving.avif"), 0.6, "5/1"),
        ("apng", apng, 2.0, "5/1"),
        // 60 frames of 30 or 40 ms each.
        ("gif", gif, 2.01, "2000/67"),
    ] {
        let media = media(bytes).await;
        assert_eq!(shown(&media), (Some(64), Some(48), None), "{name}");
        assert_eq!(media.media_type, MediaType::Image, "{name}");
        assert_eq!(media.summary.duration, Some(seconds), "{name}");
        assert_eq!(media.summary.duration_source, Some(DurationSource::Stated), "{name}");
        assert_eq!(media.facts.frame_rate_ratio.as_deref(), Some(rate), "{name}");
    }
}

/// Returns EXIF with one directory and an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [b"II*\0\x08\0\0\0\x01\0", &entry[..], &[0; 4]].concat()
}

pub(crate) fn jpeg(orientation: u8) -> Vec<u8> {
    let (plain, exif) = (ffmpeg("jpg", &format!("{STILL} -pix_fmt yuvj420p")), exif(orientation));
    let length = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
    [&plain[..2], b"\xff\xe1", &length, b"Exif\0\0", &exif, &plain[2..]].concat()
}

/// Returns the CRC of a PNG chunk (PNG, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 },
        )
    })
}

pub(crate) fn png(orientation: u8, is_last: bool) -> Vec<u8> {
    png_with(orientation, is_last, STILL)
}

fn png_with(orientation: u8, is_last: bool, picture: &str) -> Vec<u8> {
    let (plain, exif) = (ffmpeg("png", picture), exif(orientation));
    let named = [b"eXIf", &exif[..]].concat();
    let chunk =
        [&u32::try_from(exif.len()).unwrap().to_be_bytes()[..], &named, &crc(&named).to_be_bytes()].concat();
    let at = if is_last { plain.len() - 12 } else { 33 };
    [&plain[..at], &chunk, &plain[at..]].concat()
}

pub(crate) fn webp(orientation: u8) -> Vec<u8> {
    let (plain, exif) = (ffmpeg("webp", &format!("{STILL} -pix_fmt yuv420p")), exif(orientation));
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        [&kind[..], &u32::try_from(content.len()).unwrap().to_le_bytes(), content].concat()
    };
    let extended = chunk(b"VP8X", &[8, 0, 0, 0, 63, 0, 0, 47, 0, 0]);
    let chunks = [b"WEBP", &extended[..], &plain[12..], &chunk(b"EXIF", &exif)].concat();
    chunk(b"RIFF", &chunks)
}

/// The entries of a directory: tags and their numbers.
type Entries<'a> = &'a [(u16, u32)];

/// Returns a TIFF of directories with an entry of 4 bytes for each tag. Those after the first are its sub-directories. The first
/// has a picture of one strip.
fn tiff(first: Entries<'_>, below: &[Entries<'_>], is_big: bool) -> Vec<u8> {
    let (counted, each, placed) = if is_big { (8, 20, 8) } else { (2, 12, 4) };
    let header = if is_big { 16 } else { 8 };
    let length = |entries: usize| counted + entries * each + placed;
    let own = first.len() + usize::from(!below.is_empty());
    let mut places = vec![header + length(own)];
    places.extend(below.iter().scan(places[0], |at, entries| {
        *at += length(entries.len());
        Some(*at)
    }));
    let wide = |number: u64, bytes: usize| number.to_le_bytes()[..bytes].to_vec();
    let directory = |entries: &[(u16, u32)]| {
        let mut bytes = wide(entries.len() as u64, counted);
        for (tag, value) in entries {
            bytes.extend([&tag.to_le_bytes()[..], &4_u16.to_le_bytes(), &wide(1, placed)].concat());
            bytes.extend(wide(u64::from(*value), placed));
        }
        bytes.extend(wide(0, placed));
        bytes
    };
    let mut entries = first.to_vec();
    if let Some(place) = places.first().filter(|_| !below.is_empty()) {
        entries.push((330, u32::try_from(*place).unwrap()));
        entries.sort_unstable();
    }
    let mut bytes =
        if is_big { b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec() } else { b"II*\0\x08\0\0\0".to_vec() };
    bytes.extend(directory(&entries));
    bytes.extend(below.iter().flat_map(|entries| directory(entries)));
    bytes.resize(4096 + 64 * 48 * 3, 0x55);
    bytes
}

/// Returns the required entries for 64 by 48 grey pixels.
fn grey(more: &[(u16, u32)]) -> Vec<(u16, u32)> {
    let pixels =
        [(256, 64), (257, 48), (258, 8), (259, 1), (262, 1), (273, 4096), (277, 1), (278, 48), (279, 3072)];
    let mut entries = [&pixels[..], more].concat();
    entries.sort_unstable();
    entries
}

#[tokio::test]
async fn exif_rotates_pictures() {
    for (orientation, (width, height, rotation)) in [
        (1, (64, 48, None)),
        (2, (64, 48, None)),
        (3, (64, 48, Some(180))),
        (4, (64, 48, None)),
        (5, (48, 64, Some(270))),
        (6, (48, 64, Some(90))),
        (7, (48, 64, Some(90))),
        (8, (48, 64, Some(270))),
        (9, (64, 48, None)),
    ] {
        let expected = (Some(width), Some(height), rotation);
        let of_tiff = tiff(&grey(&[(274, u32::from(orientation))]), &[], false);
        let pictures = [
            ("JPEG", jpeg(orientation)),
            ("PNG", png(orientation, false)),
            ("PNG, at its end", png(orientation, true)),
            ("WebP", webp(orientation)),
            ("TIFF", of_tiff),
        ];
        for (name, bytes) in pictures {
            let media = media(bytes).await;
            assert_eq!(shown(&media), expected, "{name} {orientation}");
            assert_eq!((media.media_type, media.summary.duration), (MediaType::Image, None), "{name}");
        }
    }
}

/// Checks EXIF after more pixels than are visited for it.
#[tokio::test]
async fn exif_at_the_end_of_a_large_png_rotates_it() {
    let large = png_with(
        6,
        true,
        "-f lavfi -i nullsrc=size=1200x800,geq=random(1)*255:random(2)*255:random(3)*255 -frames:v 1",
    );
    assert!(large.len() > 2 << 20, "{}", large.len());
    assert_eq!(shown(&media(large).await), (Some(800), Some(1200), Some(90)));
}

/// Adds a box of this length at the end of the innermost of these boxes, each of which is in the one before it.
fn padded(mut file: Vec<u8>, path: &[&[u8; 4]], length: usize) -> Vec<u8> {
    let padding = [&u32::try_from(length).unwrap().to_be_bytes()[..], b"skip", &vec![0; length - 8]].concat();
    let mut end = 0;
    for kind in path {
        let at = file.windows(4).position(|word| word == *kind).unwrap() - 4;
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        end = at + usize::try_from(size).unwrap();
        let larger = size + u32::try_from(length).unwrap();
        file[at..at + 4].copy_from_slice(&larger.to_be_bytes());
    }
    file.splice(end..end, padding);
    file
}

#[tokio::test]
async fn a_tile_is_never_the_picture() {
    let plain = fixture("grid.heic");
    let found = media(padded(plain.clone(), &[b"meta"], 3 << 20)).await;
    assert_eq!(shown(&found), (Some(120), Some(100), None), "other boxes are skipped");
    let found = media(padded(plain, &[b"meta", b"iprp", b"ipco"], 3 << 20)).await;
    assert_eq!(
        (shown(&found), found.media_type),
        ((None, None, None), MediaType::Image),
        "too many properties"
    );
}

#[tokio::test]
async fn a_raw_file_has_the_size_of_its_largest_picture() {
    let sensor = [(254, 0), (256, 6048), (257, 4032), (262, 32803)];
    let preview = [(254, 1), (256, 640), (257, 424), (262, 6)];
    let bytes = tiff(&grey(&[(254, 1), (274, 6)]), &[&sensor, &preview], false);
    // Only the first of them is named by an entry of one number.
    let found = media(bytes.clone()).await;
    assert_eq!(shown(&found), (Some(4032), Some(6048), Some(90)));
    assert_eq!(content_type(found, &bytes).as_deref(), Some("image/tiff"));
    let negative = tiff(&grey(&[(254, 1), (50706, 0x401)]), &[&sensor], false);
    let found = media(negative.clone()).await;
    assert_eq!(shown(&found), (Some(6048), Some(4032), None));
    for stated in ["image/x-adobe-dng", "image/x-nikon-nef", "image/tiff"] {
        let outcome = Outcome::Media(Box::new(found.clone()));
        assert_eq!(corrected_content_type(Some(stated), None, &negative, &outcome), None, "{stated}");
    }
    assert_eq!(content_type(found, &negative).as_deref(), Some("image/x-adobe-dng"));
}

/// Checks a PAM without a comment, which ffprobe does not recognise.
#[tokio::test]
async fn an_unrecognised_file_is_retried_by_its_signature() {
    let bytes = ffmpeg("pam", &format!("{STILL} -pix_fmt rgba -f image2"));
    let found = media(bytes.clone()).await;
    assert_eq!((shown(&found), found.media_type), ((Some(64), Some(48), None), MediaType::Image));
    assert_eq!(found.summary.format_name, "pam_pipe");
    assert_eq!(content_type(found, &bytes).as_deref(), Some("image/x-portable-arbitrarymap"));
}

/// Returns a file with two tracks like Canon's CR3, and EXIF in a `uuid` box.
fn canon_raw() -> Vec<u8> {
    let sizes = "-f lavfi -i testsrc2=size=64x48:rate=1:duration=1 -f lavfi -i testsrc2=size=160x120:rate=1:duration=1";
    let mut file = ffmpeg("mov", &format!("{sizes} -map 0 -map 1 -c:v mjpeg -pix_fmt yuvj420p"));
    let boxed = |kind: &[u8; 4], content: &[u8]| {
        [&u32::try_from(content.len() + 8).unwrap().to_be_bytes()[..], kind, content].concat()
    };
    let entry = |tag: u8, value: u8| [tag, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0];
    let entries = [entry(0, 150), entry(1, 100), entry(0x12, 8)].concat();
    let first = [b"II*\0\x08\0\0\0\x03\0", &entries[..], &[0; 4]].concat();
    let own = boxed(b"uuid", &[[0x85; 16].as_slice(), &boxed(b"CMT1", &first)].concat());
    let brand = file.windows(4).position(|word| word == b"ftyp").unwrap() + 4;
    file[brand..brand + 4].copy_from_slice(b"crx ");
    // The movie box is the last one.
    let movie = file.windows(4).position(|word| word == b"moov").unwrap() - 4;
    let size = u32::try_from(file.len() - movie + own.len()).unwrap();
    file[movie..movie + 4].copy_from_slice(&size.to_be_bytes());
    [file, own].concat()
}

#[tokio::test]
async fn a_canon_raw_file_is_an_image() {
    let bytes = canon_raw();
    let found = media(bytes.clone()).await;
    // Without the borders of the sensor, which the larger track has.
    assert_eq!((shown(&found), found.media_type), ((Some(100), Some(150), Some(270)), MediaType::Image));
    assert_eq!((found.summary.duration, found.summary.frame_rate), (None, None));
    let outcome = Outcome::Media(Box::new(found));
    for (stated, expected) in [
        (None, Some("image/x-canon-cr3")),
        (Some("video/mp4"), Some("image/x-canon-cr3")),
        (Some("image/x-canon-cr3"), None),
    ] {
        assert_eq!(corrected_content_type(stated, None, &bytes, &outcome).as_deref(), expected);
    }
}

#[tokio::test]
async fn formats_that_ffprobe_does_not_read_are_described_by_their_headers() {
    let big_tiff = tiff(&grey(&[(274, 8)]), &[], true);
    // The same with runs of 128 pixels, and no footer.
    let packed =
        [&[0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 0][..], &[0xFF, 7, 7, 7].repeat(24)]
            .concat();
    let element = |kind: &[u8; 4], length: usize| {
        [kind, &u32::try_from(length + 8).unwrap().to_be_bytes()[..], &vec![7; length]].concat()
    };
    let icon =
        [element(b"icns", 0), element(b"ic07", 9000), element(b"ic09", 80_000), element(b"ic08", 9)].concat();
    let targa = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 0][..], &[7; 64 * 48 * 3]].concat();
    let large =
        [b"8BPS\0\x02\0\0\0\0\0\0\0\x03\0\0\0\x30\0\0\0\x40\0\x08\0\x03".as_slice(), &[0; 40]].concat();
    let bitmap = ffmpeg("xbm", &format!("{STILL} -pix_fmt monow"));
    let fits = ffmpeg("fits", &format!("{STILL} -pix_fmt gray"));
    for (name, bytes, expected, kind) in [
        ("XBM", bitmap, (Some(64), Some(48), None), "image/x-xbitmap"),
        ("FITS", fits, (Some(64), Some(48), None), "image/fits"),
        ("BigTIFF", big_tiff, (Some(48), Some(64), Some(270)), "image/tiff"),
        ("TGA", targa, (Some(64), Some(48), None), "image/x-tga"),
        ("TGA, compressed", packed, (Some(64), Some(48), None), "image/x-tga"),
        ("ICNS without contents", icon, (Some(512), Some(512), None), "image/icns"),
        ("PSB", large, (Some(64), Some(48), None), "image/vnd.adobe.photoshop"),
    ] {
        let found = media(bytes.clone()).await;
        assert_eq!((shown(&found), found.media_type), (expected, MediaType::Image), "{name}");
        assert_eq!(content_type(found, &bytes).as_deref(), Some(kind), "{name}");
    }
}
