//! Times in `moov` and `moof`.

use super::boxes::{child, children, number32, number64, version_and_flags};

/// Maximum number of tracks of a file that are read.
const MAX_TRACKS: usize = 64;

/// A track of a fragmented file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) id: u32,
    /// Units per second.
    pub(super) timescale: u32,
    /// Duration of a sample whose fragment does not state one.
    pub(super) default_duration: u32,
    /// Start of its first sample, in units: 0 if the movie box itself describes samples.
    pub(super) start: Option<u64>,
}

/// Returns the tracks of a `moov`, if it announces fragments.
pub(super) fn tracks(moov: &[u8]) -> Option<Vec<Track>> {
    let extends = child(moov, b"mvex")?;
    let default_duration = |id| {
        let of_track =
            children(extends).find(|(kind, trex)| kind == b"trex" && number32(trex, 4) == Some(id));
        of_track.and_then(|(_, trex)| number32(trex, 12)).unwrap_or(0)
    };
    let found = children(moov).filter(|(kind, _)| kind == b"trak").take(MAX_TRACKS);
    let tracks: Vec<_> = found.filter_map(|(_, content)| track(content, default_duration)).collect();
    (!tracks.is_empty()).then_some(tracks)
}

fn track(content: &[u8], default_duration: impl Fn(u32) -> u32) -> Option<Track> {
    let word = |content: &[u8]| number32(content, if version_and_flags(content)?.0 == 1 { 20 } else { 12 });
    let id = word(child(content, b"tkhd")?)?;
    let media = child(content, b"mdia")?;
    let timescale = word(child(media, b"mdhd")?).filter(|units| *units > 0)?;
    let table =
        child(media, b"minf").and_then(|info| child(info, b"stbl")).and_then(|table| child(table, b"stts"));
    let has_samples = table.and_then(|times| number32(times, 4)).is_some_and(|count| count > 0);
    Some(Track { id, timescale, default_duration: default_duration(id), start: has_samples.then_some(0) })
}

/// The time span of one track in a fragment, in the track's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) track: u32,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Returns the spans in a `moof`. Tracks without times are left out.
pub(super) fn spans(moof: &[u8], tracks: &[Track]) -> Vec<Span> {
    let found = children(moof).filter(|(kind, _)| kind == b"traf").take(MAX_TRACKS);
    found.filter_map(|(_, content)| span(content, tracks)).collect()
}

fn span(traf: &[u8], tracks: &[Track]) -> Option<Span> {
    let head = child(traf, b"tfhd")?;
    let (_, flags) = version_and_flags(head)?;
    let id = number32(head, 4)?;
    let track = tracks.iter().find(|track| track.id == id)?;
    // Before the duration: the offset of the data (8 bytes), the sample description (4).
    let at = 8 + if flags & 0x1 == 0 { 0 } else { 8 } + if flags & 0x2 == 0 { 0 } else { 4 };
    let default = if flags & 0x8 == 0 { track.default_duration } else { number32(head, at)? };
    let time = child(traf, b"tfdt")?;
    let start = match version_and_flags(time)?.0 {
        1 => number64(time, 4)?,
        _ => u64::from(number32(time, 4)?),
    };
    let mut end = start;
    for (_, run) in children(traf).filter(|(kind, _)| kind == b"trun") {
        end = end.checked_add(run_duration(run, default)?)?;
    }
    Some(Span { track: id, start, end })
}

/// Returns the sum of a run's sample durations.
fn run_duration(run: &[u8], default: u32) -> Option<u64> {
    let (_, flags) = version_and_flags(run)?;
    let samples = number32(run, 4)?;
    if flags & 0x100 == 0 {
        return Some(u64::from(samples) * u64::from(default));
    }
    // Before the samples: the offset of the data, the flags of the first sample. The duration is a sample's first field.
    let first = 8 + 4 * (flags & 0x5).count_ones() as usize;
    let each = 4 * (flags & 0xF00).count_ones() as usize;
    let length = usize::try_from(samples).ok()?.checked_mul(each)?;
    let fields = run.get(first..first.checked_add(length)?)?;
    Some(fields.chunks_exact(each).filter_map(|sample| number32(sample, 0)).map(u64::from).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes(), &kind[..], content].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn traf(head: &[u32], time: &[u32], runs: &[&[u32]]) -> Vec<u8> {
        let mut content = boxed(b"tfhd", &words(head));
        content.extend(boxed(b"tfdt", &words(time)));
        content.extend(runs.iter().flat_map(|run| boxed(b"trun", &words(run))));
        boxed(b"traf", &content)
    }

    fn known() -> Vec<Track> {
        vec![Track { id: 7, timescale: 1000, default_duration: 40, start: None }]
    }

    #[test]
    fn durations_come_from_the_run_the_fragment_or_the_movie() {
        let cases: [(Vec<u8>, u64, u64); 5] = [
            (traf(&[0, 7], &[0, 500], &[&[0, 3]]), 500, 620), // the movie's default
            (traf(&[0x8, 7, 10], &[0, 500], &[&[0, 3]]), 500, 530), // the fragment's
            (traf(&[0xB, 7, 0, 0, 1, 10], &[0, 500], &[&[0, 3], &[0, 1]]), 500, 540), // after two other fields
            (
                traf(&[0, 7], &[0x0100_0000, 1, 0], &[&[0x305, 2, 9, 9, 5, 100, 6, 100]]),
                1 << 32,
                (1 << 32) + 11,
            ),
            (traf(&[0, 7], &[0, 500], &[]), 500, 500),
        ];
        for (moof, start, end) in cases {
            assert_eq!(spans(&moof, &known()), [Span { track: 7, start, end }], "{moof:?}");
        }
    }

    #[test]
    fn invalid_spans_are_left_out() {
        for moof in [
            traf(&[0, 8], &[0, 500], &[&[0, 3]]),   // another track
            traf(&[0x8, 7], &[0, 500], &[&[0, 3]]), // cut short
            traf(&[0, 7], &[0x0100_0000, 1], &[&[0, 3]]),
            traf(&[0, 7], &[0, 500], &[&[0x100, u32::MAX, 1]]), // more samples than there are
            traf(&[0, 7], &[0x0100_0000, u32::MAX, u32::MAX], &[&[0, 3]]), // overflow
            boxed(b"traf", b""),
        ] {
            assert!(spans(&moof, &known()).is_empty(), "{moof:?}");
        }
    }

    #[test]
    fn a_movie_without_fragments_is_rejected() {
        let track = |id, samples| {
            let table = boxed(b"stbl", &boxed(b"stts", &words(&[0, samples])));
            let media = [boxed(b"mdhd", &words(&[0, 0, 0, 1000])), boxed(b"minf", &table)].concat();
            boxed(b"trak", &[boxed(b"tkhd", &words(&[0, 0, 0, id])), boxed(b"mdia", &media)].concat())
        };
        let mut movie = track(7, 0);
        movie.extend(track(8, 2));
        assert_eq!(tracks(&movie), None);
        movie.extend(boxed(b"mvex", &boxed(b"trex", &words(&[0, 7, 1, 40]))));
        let second = Track { id: 8, timescale: 1000, default_duration: 0, start: Some(0) };
        assert_eq!(tracks(&movie), Some(vec![known().remove(0), second]));
    }
}
