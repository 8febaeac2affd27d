//! Fuzz targets of image headers: for any bytes, reading ends after few reads, and the result is valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use proptest::prelude::*;

use super::heif::tests::{boxed, tiled};
use super::{Picture, chunks, from_headers, headers, heif, icons, targa, tiff};
use crate::content_type::is_targa_header;
use crate::fuzz::{cases, config};
use crate::halt::Halt;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::source::{RangeSource, ReadError};
use crate::{dff, mp4, rate};

/// Size of a file in bytes. Zeros follow the header.
const SIZE: usize = 1 << 20;
/// Maximum number of reads of one header.
const MAX_READS: usize = 40;

fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        [&kind[..], &u32::try_from(content.len()).unwrap().to_le_bytes(), content].concat()
    };
    let content: Vec<u8> = chunks.iter().flat_map(|(kind, content)| chunk(kind, content)).collect();
    chunk(b"RIFF", &[&b"WEBP"[..], &content].concat())
}

fn exif() -> Vec<u8> {
    let entry = |tag: u8, high: u8, value: u8| [tag, high, 4, 0, 1, 0, 0, 0, value, 0, 0, 0];
    let entries = [entry(0x12, 1, 6), entry(0x4A, 1, 40), entry(0, 1, 64), entry(1, 1, 48)].concat();
    [b"II*\0\x08\0\0\0\x04\0", &entries[..], &[8, 0, 0, 0]].concat()
}

/// Returns a valid header of each kind.
fn samples() -> Vec<Vec<u8>> {
    let frame = [[0_u8; 12].as_slice(), &[200, 0, 0, 0], b"VP8L\0\0\0\0"].concat();
    let webp = riff(&[
        (b"VP8X", &[10, 0, 0, 0, 63, 0, 0, 47, 0, 0]),
        (b"ANMF", &frame),
        (b"ANMF", &frame),
        (b"EXIF", &exif()),
    ]);
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], kind, content, &[0; 4]].concat()
    };
    let control = [[0_u8; 20].as_slice(), &[0, 1, 0, 5, 0, 0]].concat();
    let png = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"acTL", &[0; 8]),
        chunk(b"fcTL", &control),
        chunk(b"fcTL", &control),
        chunk(b"eXIf", &exif()),
        chunk(b"IEND", b""),
    ];
    let length = u16::try_from(exif().len() + 8).unwrap().to_be_bytes();
    let jpeg = [b"\xff\xd8\xff\xe1", &length[..], b"Exif\0\0", &exif()].concat();
    let brand = boxed(b"ftyp", b"heic\0\0\0\0mif1");
    let heif = [brand, boxed(b"meta", &tiled(&[(b"irot", vec![1]), (b"imir", vec![0])]))].concat();
    let icon = b"icns\0\0\x10\0TOC \0\0\0\x10ic10\0\0\x7f\0ic07\0\0\0\x0cdata".to_vec();
    let targa = [&[0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 0][..], &[0xFF, 1, 2, 3]].concat();
    let part =
        |kind: &[u8; 4], content: &[u8]| [kind, &(content.len() as u64).to_be_bytes()[..], content].concat();
    let properties = [b"SND ".to_vec(), part(b"FS  ", &[0, 43, 17, 0]), part(b"CHNL", &[0, 2])].concat();
    let sound = [part(b"FRM8", b"DSD "), part(b"PROP", &properties), part(b"DSD ", &[7; 64])].concat();
    vec![webp, png.concat(), jpeg, heif, exif(), icon, targa, sound]
}

fn edited() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![0..64_u32, Just(u32::MAX), any::<u32>(), (0..32_u32).prop_map(|bit| 1 << bit)];
    let edit = prop_oneof![word.prop_map(Ok), any::<u8>().prop_map(Err)];
    let edits = prop::collection::vec((any::<u16>(), any::<bool>(), edit), 0..6);
    (prop::sample::select(samples()), edits).prop_map(|(mut bytes, edits)| {
        for (at, is_little, edit) in edits {
            let at = usize::from(at) % bytes.len();
            match edit {
                Err(byte) => bytes[at] = byte,
                Ok(word) => {
                    let word = if is_little { word.to_le_bytes() } else { word.to_be_bytes() };
                    let end = bytes.len().min(at + 4);
                    bytes[at..end].copy_from_slice(&word[..end - at]);
                }
            }
        }
        bytes
    })
}

struct Memory {
    head: Vec<u8>,
    reads: AtomicUsize,
}

impl RangeSource for Memory {
    fn size(&self) -> u64 {
        SIZE as u64
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        assert!(start < end && end <= self.size(), "{start}..{end}");
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
        Ok((start..end).map(|at| self.head.get(at).copied().unwrap_or(0)).collect())
    }
}

/// Reads a file with every reader.
async fn pictures(reader: &Reader<Memory>) -> Vec<Picture> {
    let head = reader.bytes(0..headers::LONGEST).await.unwrap_or_default();
    let found = [
        icons::read(reader).await,
        targa::read(reader, &head).await,
        chunks::jpeg(reader).await,
        chunks::png(reader).await,
        chunks::webp(reader).await,
        tiff::read(reader, 0..reader.size()).await,
        heif::read(reader).await,
    ];
    found.into_iter().filter_map(|found| found.ok().flatten()).collect()
}

fn is_sound(picture: &Picture) -> bool {
    let size = picture.size.is_none_or(|(width, height)| width > 0 && height > 0);
    let first = picture.first.as_ref().is_none_or(|first| {
        let (size, offset, canvas) = (first.size, first.offset, first.canvas);
        let is_within = offset.0 + size.0 <= canvas.0 && offset.1 + size.1 <= canvas.1;
        is_within && !first.still.part.is_empty() && first.still.part.end <= SIZE as u64
    });
    size && first
        && picture
            .animation
            .is_none_or(|moving| moving.frames > 1 && moving.seconds > 0.0 && moving.seconds.is_finite())
}

#[test]
fn each_sample_is_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for head in samples() {
        let source = Arc::new(Memory { head: head.clone(), reads: AtomicUsize::new(0) });
        let reader = Reader::new(source, &Limits::default(), Arc::new(Halt::default()));
        let found = runtime.block_on(pictures(&reader));
        let turned = found.iter().any(|picture| picture.orientation.is_some());
        let is_icon = found.iter().any(|picture| picture.size == Some((128, 128)));
        let is_sound = runtime.block_on(dff::read(&reader)).ok().flatten().is_some();
        let is_targa = is_targa_header(&head); // whose pixels do not end with the file
        assert!(turned || is_icon || is_sound || is_targa, "{head:?}");
        let first = runtime.block_on(chunks::webp(&reader)).ok().flatten().and_then(|picture| picture.first);
        assert_eq!(first.is_some(), head.starts_with(b"RIFF"));
    }
}

proptest! {
    #![proptest_config(config(cases(50_000) / 25))]

    #[test]
    fn pictures_are_sound_and_found_soon(head in edited()) {
        let source = Arc::new(Memory { head, reads: AtomicUsize::new(0) });
        let reader = Reader::new(Arc::clone(&source), &Limits::default(), Arc::new(Halt::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(pictures(&reader));
        prop_assert!(found.iter().all(is_sound), "{found:?}");
        if let Ok(Some(media)) = runtime.block_on(from_headers(&reader)) {
            let summary = media.summary;
            prop_assert!(summary.width > Some(0) && summary.height > Some(0), "{summary:?}");
            prop_assert!(summary.rotation.is_none_or(|degrees| (1..360).contains(&degrees)), "{summary:?}");
        }
        let length = runtime.block_on(mp4::presentation_duration(&reader)).ok().flatten();
        prop_assert!(length.is_none_or(|seconds| seconds.is_finite() && seconds > 0.0), "{length:?}");
        let _ = runtime.block_on(mp4::kind(&reader));
        let scheme = runtime.block_on(mp4::encryption_scheme(&reader)).ok().flatten();
        prop_assert!(scheme.is_none_or(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        if let Ok(Some(media)) = runtime.block_on(dff::read(&reader)) {
            prop_assert!(media.summary.duration.is_none_or(|seconds| seconds.is_finite() && seconds > 0.0));
        }
        prop_assert!(source.reads.load(Ordering::Relaxed) <= MAX_READS);
    }
}

proptest! {
    #![proptest_config(config(cases(50_000)))]

    #[test]
    fn any_bytes_have_a_type_and_a_rate_or_are_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..8_usize) {
        let sound = |rate: Option<String>| rate.is_none_or(|rate| crate::number::ratio(Some(&rate.into())).is_some());
        let beginnings: [&[u8]; 8] = [
            b"",
            b"\0\0\x01\xb3",
            b"icns",
            b"#define x_width 7\n#define x_height ",
            b"8BPS\0\x02",
            b"FORMxxxxILBMBMHD",
            b"/* XPM */\"",
            b"1\n0",
        ];
        let bytes = [beginnings[at], &bytes].concat();
        let _ = crate::content_type::kind(&bytes);
        prop_assert!(headers::find(&bytes).is_none_or(|(_, found)| is_sound(&found)));
        prop_assert!(sound(rate::in_header(&bytes)) && sound(rate::own(&bytes)) && sound(rate::by_times(&bytes)));
    }
}
