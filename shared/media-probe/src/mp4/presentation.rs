//! The presentation duration of a movie by its own tables, for edit lists that ffprobe ignores.

use std::ops::Range;

use media_facts::{DurationSource, MediaType};
use serde_json::Value;

use super::boxes::{number32, number64, version_and_flags};
use super::walk::{self, Place};
use crate::media::Media;
use crate::number::{float, positive};
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;
use crate::stream::{is, is_cover_art};

/// Longest table that is read, in bytes.
const MAX_TABLE: u64 = 64 * 1024;

/// Start time in seconds above which ffprobe may have misread the edit list.
const MAX_START_OFFSET: f64 = 0.1;

/// Returns whether ffprobe's duration of a movie may be wrong: a track has no duration, or starts late.
pub(crate) fn lacks_duration(media: &Media) -> bool {
    let is_movie = media.summary.format_name.starts_with("mov,")
        && matches!(media.media_type, MediaType::Video | MediaType::Audio)
        && media.summary.duration_source != Some(DurationSource::Derived);
    let streams = media.full.get("streams").and_then(Value::as_array).into_iter().flatten();
    let mut visible_size =
        streams.filter(|stream| (is(stream, "video") && !is_cover_art(stream)) || is(stream, "audio"));
    let is_odd = |stream: &Value| {
        positive(stream.get("duration")).is_none() || float(stream.get("start_time")) > Some(MAX_START_OFFSET)
    };
    is_movie && visible_size.any(is_odd)
}

/// Returns the time in seconds from the first to the last picture or sound of a movie; `None` if its tables do not state it. An empty
/// edit with which all tracks begin does not count, as in ffprobe's start times.
pub(crate) async fn presentation_duration<S: RangeSource>(
    reader: &Reader<S>,
) -> Result<Option<f64>, ReadAborted> {
    let Some(movie) = walk::find(reader, 0..reader.size(), b"moov").await? else { return Ok(None) };
    let movie = walk::children(reader, movie).await?;
    if walk::of_kind(&movie, b"mvex").is_some() {
        return Ok(None); // its tables describe at most the first fragment
    }
    let Some(header) = table(reader, &movie, b"mvhd").await? else { return Ok(None) };
    let Some((units, _)) = times(&header) else { return Ok(None) };
    let (mut first, mut last) = (f64::INFINITY, 0.0_f64);
    for place in movie.iter().filter(|place| &place.kind == b"trak") {
        if let Some(Span { start, end }) = track(reader, place.content.clone(), units).await? {
            (first, last) = (first.min(start), last.max(end));
        }
    }
    Ok((last > first).then_some(last - first))
}

/// When the first and the last sample of a track are presented, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) start: f64,
    pub(super) end: f64,
}

async fn track<S: RangeSource>(
    reader: &Reader<S>,
    within: Range<u64>,
    movie_units: u32,
) -> Result<Option<Span>, ReadAborted> {
    let parts = walk::children(reader, within).await?;
    let Some(media) = walk::of_kind(&parts, b"mdia") else { return Ok(None) };
    let media = walk::children(reader, media).await?;
    let handler = table(reader, &media, b"hdlr").await?;
    let is_shown = handler.is_some_and(|handler| matches!(handler.get(8..12), Some(b"vide" | b"soun")));
    let Some(header) = table(reader, &media, b"mdhd").await?.filter(|_| is_shown) else { return Ok(None) };
    let edits = match walk::of_kind(&parts, b"edts") {
        Some(edits) => table(reader, &walk::children(reader, edits).await?, b"elst").await?,
        None => None,
    };
    Ok(presented(&header, edits.as_deref(), movie_units))
}

async fn table<S: RangeSource>(
    reader: &Reader<S>,
    places: &[Place],
    kind: &[u8; 4],
) -> Result<Option<Vec<u8>>, ReadAborted> {
    match walk::of_kind(places, kind) {
        Some(place) if place.end - place.start <= MAX_TABLE => Ok(Some(reader.bytes(place).await?)),
        _ => Ok(None),
    }
}

/// Returns the units per second and their number, of `mvhd` or `mdhd`. An unknown number is 0.
fn times(header: &[u8]) -> Option<(u32, u64)> {
    let (units, number) = match version_and_flags(header)?.0 {
        1 => (number32(header, 20)?, number64(header, 24)?),
        _ => (number32(header, 12)?, u64::from(number32(header, 16)?)),
    };
    let is_unknown = number == u64::MAX || number == u64::from(u32::MAX);
    (units > 0).then_some((units, if is_unknown { 0 } else { number }))
}

/// Returns the span of a track by its edits; without edits, that of the media. An edit of duration 0 extends to the end of the media. A
/// list of nothing but empty edits is presented as it stands.
#[allow(clippy::cast_precision_loss, reason = "53 bits of time are enough")]
pub(super) fn presented(media_header: &[u8], edits: Option<&[u8]>, movie_units: u32) -> Option<Span> {
    let (units, number) = times(media_header)?;
    let media = number as f64 / f64::from(units);
    let edits = edits.and_then(entries).unwrap_or_default();
    let (mut start, mut end) = (None, 0.0);
    for (length, from) in &edits {
        let from = u64::try_from(*from).ok();
        if from.is_some() {
            start.get_or_insert(end);
        }
        end += match (*length, from) {
            (0, Some(from)) => (media - from as f64 / f64::from(units)).max(0.0),
            (length, _) => length as f64 / f64::from(movie_units),
        };
    }
    let start = start.unwrap_or(0.0);
    let end = if edits.is_empty() { media } else { end };
    (end.is_finite() && end > start).then_some(Span { start, end })
}

/// Returns the durations of an edit list's entries, in units of the movie, and their media times; -1 is an empty edit.
fn entries(list: &[u8]) -> Option<Vec<(u64, i64)>> {
    let is_wide = version_and_flags(list)?.0 == 1;
    let entries = list.get(8..)?.chunks_exact(if is_wide { 20 } else { 12 });
    let count = usize::try_from(number32(list, 4)?).ok()?;
    let entry = |entry: &[u8]| {
        if is_wide {
            return Some((number64(entry, 0)?, number64(entry, 8)?.cast_signed()));
        }
        Some((u64::from(number32(entry, 0)?), i64::from(number32(entry, 4)?.cast_signed())))
    };
    entries.take(count).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn edits_determine_the_duration_and_the_media_is_the_fallback() {
        const NOTHING: u32 = u32::MAX;
        let header = words(&[0, 0, 0, 1000, 5000, 0]);
        let span = |found: Option<Span>| found.map(|found| (found.start, found.end));
        let of = |edits: &[u32]| span(presented(&header, Some(&words(edits)), 600));
        let from_0 = |end: f64| Some((0.0, end));
        assert_eq!(span(presented(&header, None, 600)), from_0(5.0));
        assert_eq!(of(&[0, 0]), from_0(5.0), "a list without entries");
        assert_eq!(of(&[0, 1, 1800, 0, 0x10000]), from_0(3.0));
        assert_eq!(of(&[0, 1, 0, 500, 0x10000]), from_0(4.5), "to the end");
        assert_eq!(
            of(&[0, 2, 600, NOTHING, 0x10000, 1800, 0, 0x10000]),
            Some((1.0, 4.0)),
            "after an empty edit"
        );
        assert_eq!(of(&[0, 1, 600, NOTHING, 0x10000]), from_0(1.0), "an empty edit only");
        assert_eq!(
            of(&[0, 3, 600, NOTHING, 0x10000, 600, 0, 0x10000, 600, NOTHING, 0x10000]),
            Some((1.0, 3.0)),
            "a later one counts"
        );
        assert_eq!(of(&[0, 1, 0, NOTHING, 0x10000]), None);
        assert_eq!(of(&[0, 1, 0, 9000, 0x10000]), None, "beyond the media");
        assert_eq!(of(&[0x0100_0000, 1, 0, 1800, 0, 0, 0x10000]), from_0(3.0));
        for odd in [&[0, 0, 0, 0, 5000, 0][..], &[0, 0, 0, 1000, NOTHING], &[0, 0], &[]] {
            assert_eq!(presented(&words(odd), None, 600), None, "{odd:?}");
        }
    }
}
