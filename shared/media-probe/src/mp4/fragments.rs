//! Detects fragmented files without an index, and derives their duration from the last fragments.

use media_facts::DurationSource;
use serde_json::{Value, json};

use super::boxes::{self, Header, MAX_HEADER};
use super::movie::{self, Track};
use crate::media::Media;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

const MIB: u64 = 1024 * 1024;
/// Smaller files have few fragments, which ffprobe may visit itself.
const MIN_FILE_BYTES: u64 = 8 * MIB;
/// Bytes read for the boxes before the fragments, the movie box included.
const HEAD: u64 = 256 * 1024;
/// The part that is visible to ffprobe ends after the first fragment that reaches this position.
const MIN_VISIBLE: u64 = MIB;
/// Maximum number of boxes visited to find that end and the start time of each track.
const MAX_VISITED: usize = 96;
/// Bytes from the end in which the last fragment is searched, in the order of the attempts. A file with larger fragments has few.
const TAIL_SIZES: [u64; 3] = [512 * 1024, 4 * MIB, 16 * MIB];
/// Maximum number of candidates for a fragment from which boxes are followed to the end. The first one is usually a fragment.
const MAX_CANDIDATES: usize = 16;

/// A fragmented file that ffprobe would have to read completely.
#[derive(Debug)]
pub(crate) struct Fragmented {
    /// End of the part that is visible to ffprobe.
    pub(crate) visible: u64,
    size: u64,
    duration: f64,
    /// Durations in seconds by the ids of the tracks.
    durations: Vec<(u32, f64)>,
}

/// Reads the fragments of a file. `None`: it is not fragmented, is small or has an index, or its boxes are malformed.
pub(crate) async fn detect_fragments<S: RangeSource>(
    reader: &Reader<S>,
) -> Result<Option<Fragmented>, ReadAborted> {
    let size = reader.size();
    if size < MIN_FILE_BYTES {
        return Ok(None);
    }
    let head = reader.bytes(0..HEAD.min(size)).await?;
    let Some((mut tracks, first)) = beginning(&head, size) else { return Ok(None) };
    let Some(visible) = visit(reader, first, &mut tracks).await? else { return Ok(None) };
    let (mut tail, mut ends) = (Vec::new(), Vec::new());
    for length in TAIL_SIZES {
        let from = size.saturating_sub(length).max(visible);
        let mut earlier = reader.fetch(from..size - tail.len() as u64).await?.to_vec();
        earlier.append(&mut tail);
        tail = earlier;
        ends = last_ends(&tail, &tracks).unwrap_or(ends);
        // A track may have its own fragments, whose last one is further from the end.
        let began = tracks.iter().filter(|track| track.start.is_some());
        if from == visible || (began.clone().count() > 0 && began.clone().count() == ends.len()) {
            break;
        }
    }
    let length = finish(&tracks, &ends);
    Ok(length.map(|(duration, durations)| Fragmented { visible, size, duration, durations }))
}

/// Returns the tracks and the position of the first fragment, if only the movie box and boxes without samples precede it.
pub(super) fn beginning(head: &[u8], size: u64) -> Option<(Vec<Track>, u64)> {
    let mut tracks = None;
    let mut at = 0;
    loop {
        let rest = head.get(usize::try_from(at).ok()?..)?;
        let found = boxes::header(rest, size - at)?;
        match &found.kind {
            b"ftyp" | b"styp" | b"free" | b"skip" | b"wide" | b"uuid" | b"meta" | b"pdin" => {}
            b"moov" => tracks = Some(movie::tracks(content(rest, found)?)?),
            b"moof" => return Some((tracks?, at)),
            // Samples or an index precede the fragments, or this is no MP4.
            _ => return None,
        }
        at = at.checked_add(found.size)?;
    }
}

fn content(bytes: &[u8], found: Header) -> Option<&[u8]> {
    bytes.get(usize::try_from(found.length).ok()?..usize::try_from(found.size).ok()?)
}

/// Visits the first fragments, and records the start times of the tracks. Returns the end of the last visited fragment.
async fn visit<S: RangeSource>(
    reader: &Reader<S>,
    first: u64,
    tracks: &mut [Track],
) -> Result<Option<u64>, ReadAborted> {
    let size = reader.size();
    let (mut at, mut visible) = (first, None);
    for visited in 0..MAX_VISITED {
        // A track without a start time after some fragments may have no samples.
        let known = visited >= MAX_VISITED / 6 || tracks.iter().all(|track| track.start.is_some());
        if at >= size || (known && visible.is_some_and(|end| end >= MIN_VISIBLE)) {
            break;
        }
        let header = reader.bytes(at..at.saturating_add(MAX_HEADER).min(size)).await?;
        let Some(found) = boxes::header(&header, size - at) else { return Ok(None) };
        let end = at + found.size;
        match &found.kind {
            b"moof" if found.size <= MIB => {
                let moof = reader.bytes(at + found.length..end).await?;
                for span in movie::spans(&moof, tracks) {
                    if let Some(track) = tracks.iter_mut().find(|track| track.id == span.track) {
                        track.start.get_or_insert(span.start);
                    }
                }
            }
            b"mdat" => visible = Some(end),
            kind if is_between(kind) => {}
            _ => return Ok(None),
        }
        at = end;
    }
    // A file that is visible completely needs no correction.
    Ok(visible.filter(|end| *end < size))
}

/// Returns whether a box may stand between fragments or after the last one.
fn is_between(kind: &[u8; 4]) -> bool {
    [b"styp", b"sidx", b"ssix", b"emsg", b"prft", b"free", b"skip", b"uuid", b"mfra"].contains(&kind)
}

/// Returns the end of each track by the fragments in a file's `tail`, from the first fragment after which boxes follow each other
/// to the end of the file.
pub(super) fn last_ends(tail: &[u8], tracks: &[Track]) -> Option<Vec<(u32, u64)>> {
    let places = tail.windows(4).enumerate().filter(|(_, word)| word == b"moof").map(|(at, _)| at);
    places.take(MAX_CANDIDATES).filter_map(|at| chain(tail, at.checked_sub(4)?, tracks)).next()
}

fn chain(tail: &[u8], first: usize, tracks: &[Track]) -> Option<Vec<(u32, u64)>> {
    let mut ends: Vec<(u32, u64)> = Vec::new();
    let mut at = first;
    while at < tail.len() {
        let rest = &tail[at..];
        let room = rest.len() as u64;
        // The last box of data may be truncated, if recording was interrupted.
        let found =
            boxes::header(rest, u64::MAX).filter(|found| found.size <= room || &found.kind == b"mdat")?;
        match &found.kind {
            b"moof" => {
                for span in movie::spans(content(rest, found)?, tracks) {
                    ends.retain(|(id, end)| *id != span.track || *end > span.end);
                    if !ends.iter().any(|(id, _)| *id == span.track) {
                        ends.push((span.track, span.end));
                    }
                }
            }
            b"mdat" => {}
            kind if is_between(kind) => {}
            _ => return None,
        }
        at = at.checked_add(usize::try_from(found.size.min(room)).ok()?)?;
    }
    (!ends.is_empty()).then_some(ends)
}

/// Returns the duration in seconds of the file and of each track.
#[allow(clippy::cast_precision_loss, reason = "53 bits of time are enough")]
fn finish(tracks: &[Track], ends: &[(u32, u64)]) -> Option<(f64, Vec<(u32, f64)>)> {
    let seconds = |units: u64, track: &Track| units as f64 / f64::from(track.timescale);
    let (mut first, mut last, mut each) = (f64::INFINITY, 0.0_f64, Vec::new());
    for track in tracks {
        let end = ends.iter().find(|(id, _)| *id == track.id).map(|(_, end)| *end);
        let (Some(start), Some(end)) = (track.start, end) else { continue };
        let (start, end) = (seconds(start, track), seconds(end, track));
        (first, last) = (first.min(start), last.max(end));
        each.push((track.id, end - start));
    }
    let duration = last - first;
    (duration.is_finite() && duration > 0.0).then_some((duration, each))
}

impl Fragmented {
    /// Returns whether all numbers are valid.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        let sound = |seconds: f64| seconds.is_finite();
        self.duration > 0.0 && sound(self.duration) && self.durations.iter().all(|(_, each)| sound(*each))
    }

    /// Replaces ffprobe's values for the visible part by those of the whole file.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bits per second"
    )]
    pub(crate) fn correct(&self, media: &mut Media) {
        let bit_rate = (self.size as f64 * 8.0 / self.duration) as u64;
        media.summary.duration = Some(self.duration);
        media.summary.duration_source = Some(DurationSource::Derived);
        media.summary.bit_rate = Some(bit_rate);
        media.visible = Some(self.visible);
        media.clear_totals();
        if let Some(format) = media.full.get_mut("format") {
            format["size"] = json!(self.size.to_string());
            format["duration"] = json!(format!("{:.6}", self.duration));
            format["bit_rate"] = json!(bit_rate.to_string());
        }
        for stream in media.full.get_mut("streams").and_then(Value::as_array_mut).into_iter().flatten() {
            let id = stream.get("id").and_then(Value::as_str).and_then(|id| id.strip_prefix("0x"));
            let id = id.and_then(|id| u32::from_str_radix(id, 16).ok());
            if let Some((_, seconds)) = self.durations.iter().find(|(track, _)| Some(*track) == id) {
                stream["duration"] = json!(format!("{seconds:.6}"));
            }
        }
    }
}
