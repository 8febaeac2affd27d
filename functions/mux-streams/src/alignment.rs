//! How the clocks of a picture and a sound relate, and the codec of the picture: from what ffmpeg shows of its inputs.
//!
//! ffmpeg lets every input start at 0, which loses the distance between their starts. A delay of the later one restores it.

use std::time::Duration;

/// The distance of starts from which the clocks are taken for unrelated.
const MAX_DISTANCE: i64 = 10_000_000;
/// The distance of starts up to which nothing is delayed: the samples that encoders put before a sound, less than a frame.
const MIN_DISTANCE: i64 = 10_000;
/// The microseconds after which a timestamp of 33 bits and 90 kHz starts again.
const WRAP: i64 = (1_i64 << 33) * 100 / 9;

/// The inputs as ffmpeg shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Described {
    picture: Input,
    sound: Input,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Input {
    /// The names of the demuxer.
    demuxer: String,
    /// The start of the used streams in microseconds.
    start: Option<i64>,
    /// The codec of the first picture, and its tag in the container.
    picture: Option<(String, String)>,
}

/// How ffmpeg is to join two inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alignment {
    /// The delay of the picture.
    pub(crate) picture_delay: Duration,
    /// The delay of the sound.
    pub(crate) sound_delay: Duration,
    /// Whether the picture is HEVC without Dolby Vision's tags.
    pub(crate) is_plain_hevc: bool,
}

impl Described {
    /// Parses the verbose messages of a run.
    pub(crate) fn parse(messages: &str) -> Self {
        let mut inputs = [Input::default(), Input::default()];
        let mut current = None;
        for line in messages.lines() {
            if let Some((index, demuxer)) = input(line) {
                current = (index < inputs.len()).then_some(index);
                if let Some(index) = current {
                    inputs[index].demuxer = demuxer.to_owned();
                }
            } else if let Some((index, by)) = correction(line) {
                let start = inputs.get_mut(index).and_then(|input| input.start.as_mut());
                start.into_iter().for_each(|start| *start = start.saturating_add(by));
            } else if let Some(input) = current.and_then(|index| inputs.get_mut(index)) {
                input.start = input.start.or_else(|| start(line));
                input.picture = input.picture.take().or_else(|| picture(line));
            }
        }
        let [picture, sound] = inputs;
        Self { picture, sound }
    }

    /// Returns how the inputs are to be joined. `packed` is the timestamp of packed audio in units of 90 kHz.
    pub(crate) fn align(&self, packed: Option<u64>) -> Alignment {
        let distance = self.distance(packed).filter(|distance| {
            (MIN_DISTANCE..=MAX_DISTANCE).contains(&distance.abs()) // else the clocks are as good as equal, or unrelated
        });
        let delay = |distance: i64| Duration::from_micros(u64::try_from(distance).unwrap_or_default());
        let distance = distance.unwrap_or_default();
        Alignment {
            picture_delay: delay(-distance),
            sound_delay: delay(distance),
            is_plain_hevc: self.picture.picture.as_ref().is_some_and(is_plain_hevc),
        }
    }

    /// Returns the microseconds from the start of the picture to that of the sound; `None` if they have no common clock: those of
    /// transport streams start anywhere, those of files at 0.
    fn distance(&self, packed: Option<u64>) -> Option<i64> {
        let Self { picture, sound } = self;
        let packed = packed.and_then(|ticks| i64::try_from(ticks).ok()).map(|ticks| ticks * 100 / 9);
        let is_common = picture.is_transport_stream() == sound.is_transport_stream();
        let start = packed.or_else(|| sound.clock().filter(|_| is_common))?;
        let distance = start.checked_sub(picture.clock()?)?;
        let wraps = packed.is_some() || picture.is_transport_stream();
        Some(if wraps { (distance + WRAP / 2).rem_euclid(WRAP) - WRAP / 2 } else { distance })
    }
}

impl Input {
    fn is_transport_stream(&self) -> bool {
        self.demuxer == "mpegts"
    }

    /// Returns the start, if the container has timestamps. ffmpeg lets elementary streams start at 0.
    fn clock(&self) -> Option<i64> {
        let has_timestamps =
            self.demuxer.split(',').any(|name| ["mpegts", "mov", "matroska"].contains(&name));
        self.start.filter(|_| has_timestamps)
    }
}

/// HEVC may have the tags `hev1` and `hvc1`, of which Apple's players accept the second. Those of Dolby Vision stay.
fn is_plain_hevc((codec, tag): &(String, String)) -> bool {
    codec == "hevc" && !tag.starts_with("dv")
}

/// Parses `Input #0, mpegts, from '…':`.
fn input(line: &str) -> Option<(usize, &str)> {
    let (index, rest) = line.strip_prefix("Input #")?.split_once(", ")?;
    Some((index.parse().ok()?, rest.split_once(", from ")?.0))
}

/// Parses `  Duration: 00:00:08.00, start: 1.480000, bitrate: …`.
fn start(line: &str) -> Option<i64> {
    let (_, rest) = line.strip_prefix("  Duration: ")?.split_once(", start: ")?;
    microseconds(rest.split(',').next()?)
}

/// Parses `Correcting start time of Input #0 by 23222 us.`: ffmpeg does not use the stream that starts first.
fn correction(line: &str) -> Option<(usize, i64)> {
    let (index, by) = line.strip_prefix("Correcting start time of Input #")?.split_once(" by ")?;
    Some((index.parse().ok()?, by.strip_suffix(" us.")?.parse().ok()?))
}

/// Parses `  Stream #0:0[0x1](und): Video: hevc (Main), 1 reference frame (hev1 / 0x31766568), yuv420p…`.
fn picture(line: &str) -> Option<(String, String)> {
    let (_, rest) = line.strip_prefix("  Stream #")?.split_once(": Video: ")?;
    let codec = rest.split([' ', ',']).next()?;
    let tag = rest.split_once(" / 0x").and_then(|(before, _)| before.rsplit('(').next());
    Some((codec.to_owned(), tag.unwrap_or_default().to_owned()))
}

/// Parses seconds with six decimals.
fn microseconds(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.')?;
    let (whole, fraction): (i64, i64) =
        (seconds.parse().ok()?, fraction.parse().ok().filter(|_| fraction.len() == 6)?);
    let sign = if seconds.starts_with('-') { -1 } else { 1 };
    whole.checked_mul(1_000_000)?.checked_add(sign * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(index: usize, demuxer: &str, start: &str, streams: &str) -> String {
        format!(
            "[tcp @ 0x1] Starting\nInput #{index}, {demuxer}, from 'http://127.0.0.1:1/x':\n  Metadata:\n    Input #1, mpegts, from : x\n    \
             title           : Duration: 1, start: 99.000000, x\n  Duration: 00:00:08.02{start}, bitrate: 726 kb/s\n{streams}"
        )
    }

    fn at(picture: (&str, &str), sound: (&str, &str), packed: Option<u64>) -> (u128, u128) {
        let text = shown(0, picture.0, picture.1, "") + &shown(1, sound.0, sound.1, "");
        let found = Described::parse(&text).align(packed);
        (found.picture_delay.as_micros(), found.sound_delay.as_micros())
    }

    const MP4: &str = "mov,mp4,m4a,3gp,3g2,mj2";

    #[test]
    fn the_later_start_is_delayed() {
        let ts = |start| ("mpegts", start);
        assert_eq!(at(ts(", start: 1.480000"), ts(", start: 1.400000"), None), (80_000, 0));
        assert_eq!(at(ts(", start: 1.400000"), ts(", start: 1.456778"), None), (0, 56_778));
        assert_eq!(
            at((MP4, ", start: 3.000000"), ("matroska,webm", ", start: -0.007000"), None),
            (3_007_000, 0)
        );
        // The delay of an encoder, no clock, and clocks that are unrelated.
        assert_eq!(at((MP4, ", start: 0.000000"), ("matroska,webm", ", start: -0.007000"), None), (0, 0));
        for sound in [("aac", ""), ("mp3", ", start: 0.025057"), ("ac3", ", start: 0.000000"), ("mpegts", "")]
        {
            assert_eq!(at(ts(", start: 1.480000"), sound, None), (0, 0), "{sound:?}");
        }
        assert_eq!(at(ts(", start: 1.480000"), (MP4, ", start: 0.000000"), None), (0, 0));
        assert_eq!(at((MP4, ", start: 1.480000"), (MP4, ", start: 12.000000"), None), (0, 0));
        assert_eq!(Described::parse("no such file").align(None), Alignment::default());
    }

    #[test]
    fn timestamps_of_33_bits_wrap() {
        let ts = |start| ("mpegts", start);
        assert_eq!(at(ts(", start: 1.000000"), ts(", start: 95442.717688"), None), (2_000_000, 0));
        assert_eq!(at(ts(", start: -1.000000"), ts(", start: 2.000000"), None), (0, 3_000_000));
        assert_eq!(at((MP4, ", start: 1.000000"), (MP4, ", start: 95442.717688"), None), (0, 0));
        let packed = Some(90_000 * 3);
        assert_eq!(at(ts(", start: 1.480000"), ("aac", ""), packed), (0, 1_520_000));
        assert_eq!(at((MP4, ", start: 95443.717688"), ("aac", ""), packed), (0, 3_000_000));
        assert_eq!(at(ts(", start: 100.000000"), ("aac", ""), packed), (0, 0));
    }

    #[test]
    fn a_start_of_an_unused_stream_is_corrected() {
        let ts = |index| shown(index, "mpegts", ", start: 1.456778", "");
        let text = ts(0) + &ts(1) + "Correcting start time of Input #0 by 23222 us.\n";
        assert_eq!(Described::parse(&text).align(None).picture_delay, Duration::from_micros(23_222));
    }

    #[test]
    fn hevc_is_tagged_but_for_dolby_vision() {
        let of = |stream: &str| Described::parse(&shown(0, MP4, "", stream)).align(None).is_plain_hevc;
        let video =
            |text: &str| of(&format!("  Stream #0:0[0x1](und): Video: {text}, yuv420p(tv), 320x180\n"));
        assert!(video("hevc (Main), 1 reference frame (hev1 / 0x31766568)"));
        assert!(
            video("hevc (Main) (HEVC / 0x43564548)")
                && video("hevc")
                && video("hevc (Main) ([36][0][0][0] / 0x0024)")
        );
        assert!(!video("hevc (Main 10) (dvh1 / 0x31687664)") && !video("hevc (Main 10) (dvhe / 0x65687664)"));
        assert!(!video("h264 (Main) (avc1 / 0x31637661)") && !of("  Stream #0:0: Audio: hevc\n"));
    }

    #[test]
    fn seconds_have_six_decimals() {
        assert_eq!(microseconds("1.480000"), Some(1_480_000));
        assert_eq!(microseconds("-0.007000"), Some(-7_000));
        assert_eq!(microseconds("-3.500000"), Some(-3_500_000));
        for text in ["1", "1.5", "x.000000", "99999999999999.000000", "1.00000x", ""] {
            assert_eq!(microseconds(text), None, "{text}");
        }
    }
}
