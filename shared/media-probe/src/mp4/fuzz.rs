//! Fuzz targets of the MP4 parser: a valid fragmented file with changes at any position. A failure prints the changes;
//! `PROPTEST_CASES=N` runs longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::fragments::{beginning, detect_fragments, last_ends};
use super::movie::{Track, spans};
use super::protection::scheme;
use crate::fuzz::{cases, config};
use crate::halt::Halt;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::source::{RangeSource, ReadError};

/// Bytes between the beginning and the end: smaller files are skipped.
const HOLE: usize = 8 << 20;
/// Maximum number of reads of one detection.
const MAX_READS: usize = 400;

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes(), &kind[..], content].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn track(id: u32) -> Vec<u8> {
    let table = boxed(b"stbl", &boxed(b"stts", &words(&[0, 0])));
    let media = [boxed(b"mdhd", &words(&[0, 0, 0, 1000])), boxed(b"minf", &table)].concat();
    boxed(b"trak", &[boxed(b"tkhd", &words(&[0, 0, 0, id])), boxed(b"mdia", &media)].concat())
}

fn fragment(time: u32) -> Vec<u8> {
    let part = |id: u32, run: &[u32]| {
        let head = boxed(b"tfhd", &words(&[0x8, id, 40]));
        boxed(b"traf", &[head, boxed(b"tfdt", &words(&[0, time])), boxed(b"trun", &words(run))].concat())
    };
    let parts = [part(1, &[0x305, 2, 9, 9, 40, 100, 40, 100]), part(2, &[0, 3])].concat();
    [boxed(b"moof", &parts), boxed(b"mdat", b"12345678")].concat()
}

fn head() -> Vec<u8> {
    let extends = boxed(b"mvex", &[1, 2].map(|id| boxed(b"trex", &words(&[0, id, 1, 40]))).concat());
    let movie = boxed(b"moov", &[track(1), track(2), extends].concat());
    [boxed(b"ftyp", b"isomiso5"), movie, fragment(0), fragment(80)].concat()
}

fn tail() -> Vec<u8> {
    [fragment(4_000), fragment(4_080), boxed(b"mfra", b"")].concat()
}

#[derive(Debug, Clone)]
enum Edit {
    Word(u32),
    Byte(u8),
    Kind(&'static [u8; 4]),
    /// Removes this many bytes.
    Gone(u8),
    /// Repeats this many bytes.
    Twice(u8),
}

fn edits() -> impl Strategy<Value = Vec<(u16, Edit)>> {
    const KINDS: [&[u8; 4]; 8] = [b"moof", b"traf", b"trun", b"mdat", b"moov", b"free", b"tfdt", b"what"];
    let word = prop_oneof![
        0..64_u32,
        Just(u32::MAX),
        Just(i32::MAX as u32),
        any::<u32>(),
        (0..32_u32).prop_map(|bit| 1 << bit),
    ];
    let edit = prop_oneof![
        4 => word.prop_map(Edit::Word),
        2 => any::<u8>().prop_map(Edit::Byte),
        2 => prop::sample::select(&KINDS).prop_map(Edit::Kind),
        1 => any::<u8>().prop_map(Edit::Gone),
        1 => any::<u8>().prop_map(Edit::Twice),
    ];
    prop::collection::vec((any::<u16>(), edit), 0..8)
}

fn edited(mut bytes: Vec<u8>, edits: &[(u16, Edit)]) -> Vec<u8> {
    for (at, edit) in edits {
        let at = usize::from(*at) % bytes.len().max(1);
        let until = |length: usize| at..bytes.len().min(at + length);
        match edit {
            Edit::Word(word) => drop(bytes.splice(until(4), word.to_be_bytes())),
            Edit::Byte(byte) => drop(bytes.splice(until(1), [*byte])),
            Edit::Kind(kind) => drop(bytes.splice(until(4), **kind)),
            Edit::Gone(length) => drop(bytes.drain(until(usize::from(*length)))),
            Edit::Twice(length) => {
                let again = bytes[until(usize::from(*length))].to_vec();
                drop(bytes.splice(at..at, again));
            }
        }
    }
    bytes
}

/// A file with zeros between its beginning and its end.
struct Hollow {
    head: Vec<u8>,
    tail: Vec<u8>,
    reads: AtomicUsize,
}

impl RangeSource for Hollow {
    fn size(&self) -> u64 {
        (self.head.len() + HOLE + self.tail.len()) as u64
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        assert!(start < end && end <= self.size(), "{start}..{end}");
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
        let mut bytes = vec![0; end - start];
        for (part, at) in [(&self.head, 0), (&self.tail, self.head.len() + HOLE)] {
            let (from, to) = (start.max(at), end.min(at + part.len()));
            if from < to {
                bytes[from - start..to - start].copy_from_slice(&part[from - at..to - at]);
            }
        }
        Ok(bytes.into())
    }
}

fn known() -> Vec<Track> {
    let track = |id| Track { id, timescale: 1000, default_duration: 40, start: Some(0) };
    vec![track(1), track(2)]
}

proptest! {
    #![proptest_config(config(cases(50_000)))]

    #[test]
    fn a_beginning_is_valid_or_rejected(edits in edits()) {
        let bytes = edited(head(), &edits);
        if let Some((tracks, first)) = beginning(&bytes, bytes.len() as u64 + 1_000) {
            prop_assert!(first < bytes.len() as u64, "{first}");
            prop_assert!(tracks.iter().all(|track| track.timescale > 0), "{tracks:?}");
            for span in spans(&bytes[usize::try_from(first).unwrap()..], &tracks) {
                prop_assert!(span.start <= span.end, "{span:?}");
            }
        }
    }

    #[test]
    fn an_end_is_valid_or_rejected(edits in edits()) {
        let ends = last_ends(&edited(tail(), &edits), &known()).unwrap_or_default();
        prop_assert!(ends.iter().all(|(id, _)| known().iter().any(|track| track.id == *id)), "{ends:?}");
    }

    #[test]
    fn any_bytes_are_read_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(beginning(&bytes, bytes.len() as u64).is_none());
        prop_assert_eq!(last_ends(&bytes, &known()), None);
        let entry = [&[0; 8][..], &boxed(b"encv", &bytes)].concat();
        prop_assert!(scheme(&entry).is_some_and(|scheme| scheme.len() == 4), "{entry:?}");
    }
}

proptest! {
    #![proptest_config(config(cases(50_000) / 50))]

    #[test]
    fn a_detection_ends_and_its_result_is_valid(first in edits(), last in edits()) {
        let source = Hollow { head: edited(head(), &first), tail: edited(tail(), &last), reads: AtomicUsize::new(0) };
        let (source, size) = (Arc::new(source), HOLE as u64);
        let reader = Reader::new(Arc::clone(&source), &Limits::default(), Arc::new(Halt::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Ok(Some(found)) = runtime.block_on(detect_fragments(&reader)) {
            prop_assert!(found.visible < source.size() && source.size() > size, "{found:?}");
            prop_assert!(found.is_sound(), "{found:?}");
        }
        prop_assert!(source.reads.load(Ordering::Relaxed) <= MAX_READS);
    }
}

/// Checks a file with a million candidates, from none of which boxes lead to the end.
#[test]
fn candidates_that_do_not_reach_the_end_are_bounded() {
    let empty = boxed(b"moof", b"");
    let one_after_another = [empty.repeat(2 << 20), boxed(b"what", b"")].concat();
    // Each is inside a small box and reaches to the end: 700,000 times 700,000 boxes.
    let size = 16 << 20;
    let mut one_in_another = Vec::with_capacity(size);
    while one_in_another.len() + 24 < size {
        let reach = u32::try_from(size - one_in_another.len() - 8).unwrap();
        one_in_another.extend([24_u32.to_be_bytes(), *b"free", reach.to_be_bytes(), *b"moof"].concat());
        one_in_another.extend(boxed(b"free", b""));
    }
    one_in_another.resize(size, b'x');
    for tail in [one_after_another, one_in_another] {
        let started = Instant::now();
        assert_eq!(last_ends(&tail, &known()), None);
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }
}
