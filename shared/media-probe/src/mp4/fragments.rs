//! Whether a file is fragmented without an index, what of it ffprobe is shown, and how long it is.

use media_facts::DurationSource;
use serde_json::{Value, json};

use super::boxes::{self, Header, MAX_HEADER};
use super::movie::{self, Track};
use crate::media::Media;
use crate::reader::{Ended, Reader};
use crate::source::RangeSource;

const MIB: u64 = 1024 * 1024;
/// Smaller files have few fragments: ffprobe may visit them.
const WORTH_IT: u64 = 8 * MIB;
/// What comes before the fragments, the movie's description included.
const HEAD: u64 = 256 * 1024;
/// ffprobe is shown whole fragments up to this, one at least.
const SHOWN: u64 = MIB;
/// Boxes visited for that, and to see where every track starts.
const MAX_VISITED: usize = 96;
/// How far from the end the last fragment is looked for. There are few fragments in a file where they are larger.
const TAILS: [u64; 3] = [512 * 1024, 4 * MIB, 16 * MIB];
/// Fragments from which the way to the end is tried. The first is usually it; one that only looks like a fragment is rare.
const MAX_PLACES: usize = 16;

/// A fragmented file that ffprobe would have to read from end to end.
#[derive(Debug)]
pub(crate) struct Fragmented {
    /// ffprobe is shown the bytes before this.
    pub(crate) shown: u64,
    size: u64,
    duration: f64,
    /// By the tracks' ids.
    durations: Vec<(u32, f64)>,
}

/// Looks whether the file is such a one. `None` is for all that is not, or that is hard to read.
pub(crate) async fn look<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Fragmented>, Ended> {
    let size = reader.size();
    if size < WORTH_IT {
        return Ok(None);
    }
    let head = reader.bytes(0..HEAD.min(size)).await?;
    let Some((mut tracks, first)) = beginning(&head, size) else { return Ok(None) };
    let Some(shown) = visit(reader, first, &mut tracks).await? else { return Ok(None) };
    let (mut tail, mut ends) = (Vec::new(), Vec::new());
    for length in TAILS {
        let from = size.saturating_sub(length).max(shown);
        let mut earlier = reader.fetch(from..size - tail.len() as u64).await?.to_vec();
        earlier.append(&mut tail);
        tail = earlier;
        ends = last_ends(&tail, &tracks).unwrap_or(ends);
        // A track may have fragments of its own, and its last one lie further back.
        let began = tracks.iter().filter(|track| track.start.is_some());
        if from == shown || (began.clone().count() > 0 && began.clone().count() == ends.len()) {
            break;
        }
    }
    let length = finish(&tracks, &ends);
    Ok(length.map(|(duration, durations)| Fragmented { shown, size, duration, durations }))
}

/// The tracks, and where the first fragment begins, if nothing but a movie's description is before it.
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
            // Samples come first, or an index does, or it is no MP4.
            _ => return None,
        }
        at = at.checked_add(found.size)?;
    }
}

fn content(bytes: &[u8], found: Header) -> Option<&[u8]> {
    bytes.get(usize::try_from(found.length).ok()?..usize::try_from(found.size).ok()?)
}

/// Visits the first fragments for the times at which the tracks start. Gives the end of the last one.
async fn visit<S: RangeSource>(
    reader: &Reader<S>,
    first: u64,
    tracks: &mut [Track],
) -> Result<Option<u64>, Ended> {
    let size = reader.size();
    let (mut at, mut shown) = (first, None);
    for visited in 0..MAX_VISITED {
        // A track without a start after some fragments may have none at all.
        let known = visited >= MAX_VISITED / 6 || tracks.iter().all(|track| track.start.is_some());
        if at >= size || (known && shown.is_some_and(|end| end >= SHOWN)) {
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
            b"mdat" => shown = Some(end),
            kind if is_between(kind) => {}
            _ => return Ok(None),
        }
        at = end;
    }
    // A file that is shown whole needs nothing of this.
    Ok(shown.filter(|end| *end < size))
}

/// Boxes that may stand between fragments and after the last one.
fn is_between(kind: &[u8; 4]) -> bool {
    [b"styp", b"sidx", b"ssix", b"emsg", b"prft", b"free", b"skip", b"uuid", b"mfra"].contains(&kind)
}

/// When each track ends by the fragments in a file's `tail`: by those from which boxes follow each other to the very end.
pub(super) fn last_ends(tail: &[u8], tracks: &[Track]) -> Option<Vec<(u32, u64)>> {
    let places = tail.windows(4).enumerate().filter(|(_, word)| word == b"moof").map(|(at, _)| at);
    places.take(MAX_PLACES).filter_map(|at| chain(tail, at.checked_sub(4)?, tracks)).next()
}

fn chain(tail: &[u8], first: usize, tracks: &[Track]) -> Option<Vec<(u32, u64)>> {
    let mut ends: Vec<(u32, u64)> = Vec::new();
    let mut at = first;
    while at < tail.len() {
        let rest = &tail[at..];
        let room = rest.len() as u64;
        // Data that was still being written when the file ended may lack its end.
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

/// Seconds in all, and of each track.
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
    /// Whether the numbers are such that can be shown.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        let sound = |seconds: f64| seconds.is_finite();
        self.duration > 0.0 && sound(self.duration) && self.durations.iter().all(|(_, each)| sound(*each))
    }

    /// Puts what is true of the whole file in the place of what ffprobe says of its beginning.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bits a second"
    )]
    pub(crate) fn correct(&self, media: &mut Media) {
        let bit_rate = (self.size as f64 * 8.0 / self.duration) as u64;
        media.summary.duration = Some(self.duration);
        media.summary.duration_source = Some(DurationSource::Derived);
        media.summary.bit_rate = Some(bit_rate);
        media.forget_totals();
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
