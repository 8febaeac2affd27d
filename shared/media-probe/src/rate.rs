//! Determines the frame rate: stated by the container, by a raw stream itself, or derived from presentation times.

use media_facts::MediaType;
use serde_json::Value;

use crate::media::Media;
use crate::number::{count, float, ratio, reduced};
use crate::stream::{is, is_cover_art};

/// Formats of raw streams, whose demuxers assume a rate regardless of the stream.
const RAW: [&str; 8] = ["h264", "hevc", "m4v", "mpegvideo", "obu", "vc1", "dirac", "mjpeg"];
/// A higher rate is a time base, unless it is an average of counted frames.
const MAX_FRAME_RATE: f64 = 960.0;
/// An assumed rate that no stream has, so that any other rate in the output is the stream's own.
pub(crate) const ASSUMED: &str = "997";
/// Packets whose times are read, and the number of last ones that are discarded because an earlier picture may follow them.
pub(crate) const PACKETS: usize = 64;
const REORDERED: usize = 8;
/// The time base of containers that count milliseconds.
const MILLISECOND_TIME_BASE: &str = "1/1000";
/// Largest rounding error of a time, in seconds.
const MAX_ROUNDING: f64 = 0.001;

/// Relative difference below which a fraction is another form of a rate.
const SAME_RATE: f64 = 1e-6;

/// Common rates, to which rates nearby are rounded.
const COMMON_RATES: [(u64, u64); 16] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (10, 1),
    (12, 1),
    (15, 1),
    (48, 1),
    (90, 1),
    (100, 1),
    (120, 1),
    (240, 1),
];

/// Returns whether a container is a raw stream.
pub(crate) fn is_raw(format_name: &str) -> bool {
    RAW.contains(&format_name)
}

/// Returns the rate that the container states, as ffprobe's fraction: the average or, if that is the time base, the base rate.
/// Without an average, the base rate is a guess, unless the container's clock counts pictures (IVF).
pub(crate) fn stated(format_name: &str, stream: &Value) -> Option<String> {
    if is_raw(format_name) {
        return None;
    }
    let text = |name: &str| stream.get(name).and_then(Value::as_str).map(str::trim);
    let rate = |name: &str| Some((text(name)?, ratio(stream.get(name))?));
    let clock = text("time_base")
        .and_then(|base| base.split_once('/'))
        .map(|(above, below)| format!("{below}/{above}"));
    let is_clock = |rate: &str| Some(rate) == clock.as_deref();
    let base = rate("r_frame_rate").filter(|(_, number)| *number <= MAX_FRAME_RATE).map(|(base, _)| base);
    let found = match rate("avg_frame_rate") {
        Some((average, _)) if !is_clock(average) => Some(average),
        Some((average, number)) => base.or_else(|| (number <= MAX_FRAME_RATE).then_some(average)),
        None => base.filter(|base| is_clock(base)),
    };
    found.map(|rate| common(rate).unwrap_or_else(|| rate.to_owned()))
}

/// Returns the common rate that a fraction such as `19001/317` approximates: Matroska counts nanoseconds.
fn common(rate: &str) -> Option<String> {
    let number = ratio(Some(&Value::from(rate)))?;
    let is_near = |(above, below): &&(u64, u64)| (quotient(*above, *below) / number - 1.0).abs() < SAME_RATE;
    COMMON_RATES.iter().find(is_near).and_then(|(above, below)| reduced(*above, *below))
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn quotient(above: u64, below: u64) -> f64 {
    above as f64 / below as f64
}

/// The source of a frame rate that the container does not state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RateSource {
    /// The header of a raw MPEG stream.
    Header,
    /// The rate that the stream itself states.
    Own,
    /// The presentation times of the stream with this index.
    Times(u64),
}

/// Returns the source for the frame rate of a video, if the rate is unknown or derived from rounded times.
pub(crate) fn rate_source(media: &Media) -> Option<RateSource> {
    if media.media_type != MediaType::Video {
        return None;
    }
    match media.summary.format_name.as_str() {
        "mpegvideo" => return Some(RateSource::Header),
        "h264" | "hevc" | "m4v" | "obu" => return Some(RateSource::Own),
        format if is_raw(format) => return None,
        _ => {}
    }
    let streams = media.full.get("streams")?.as_array()?;
    let stream = streams.iter().find(|stream| is(stream, "video") && !is_cover_art(stream))?;
    let index = stream.get("index").and_then(Value::as_u64)?;
    let (average, base) = (ratio(stream.get("avg_frame_rate")), ratio(stream.get("r_frame_rate")));
    let is_coarse = stream.get("time_base").and_then(Value::as_str) == Some(MILLISECOND_TIME_BASE);
    let differ =
        matches!((average, base), (Some(average), Some(base)) if (average / base - 1.0).abs() > 0.002);
    // The index of an MP4 counts all pictures, whose distances may vary.
    let is_exact = media.summary.format_name.starts_with("mov,") && count(stream.get("nb_frames")) > Some(1);
    (media.summary.frame_rate.is_none() || (is_coarse && differ && !is_exact))
        .then_some(RateSource::Times(index))
}

/// Returns the rate in a sequence header of MPEG-1 or MPEG-2 (ISO/IEC 13818-2, 6.2.2).
pub(crate) fn in_header(head: &[u8]) -> Option<String> {
    let at = head.windows(4).position(|code| code == b"\0\0\x01\xb3")?;
    let (above, below) = match head.get(at + 7)? & 0x0F {
        1 => (24_000, 1001),
        2 => (24, 1),
        3 => (25, 1),
        4 => (30_000, 1001),
        5 => (30, 1),
        6 => (50, 1),
        7 => (60_000, 1001),
        8 => (60, 1),
        _ => return None,
    };
    let rest = &head[at + 8..];
    let extension = rest.windows(5).find(|code| code.starts_with(b"\0\0\x01\xb5") && code[4] >> 4 == 1);
    let place = extension.and_then(|found| rest.windows(5).position(|code| code == found));
    let byte = place.and_then(|place| rest.get(place + 9)).copied().unwrap_or(0);
    let (more, less) = (u64::from(byte >> 5 & 3) + 1, u64::from(byte & 0x1F) + 1);
    reduced(above * more, below * less)
}

/// Returns the rate that a raw stream states, by ffprobe's output with [`ASSUMED`]. For H.264 the output counts fields.
pub(crate) fn own(output: &[u8]) -> Option<String> {
    let root: Value = serde_json::from_slice(output).ok()?;
    let stream = root.get("streams")?.as_array()?.iter().find(|stream| is(stream, "video"))?;
    let (above, below) = stream.get("r_frame_rate")?.as_str()?.split_once('/')?;
    let (above, below) = (above.parse::<u64>().ok()?, below.parse::<u64>().ok()?);
    let fields = if stream.get("codec_name")?.as_str()? == "h264" { 2 } else { 1 };
    let rate = reduced(above, below.checked_mul(fields)?)?;
    let number = ratio(Some(&Value::from(rate.as_str())))?;
    (number <= MAX_FRAME_RATE / 2.0).then_some(rate)
}

/// Returns the rate of the first pictures by their times in ffprobe's output.
pub(crate) fn by_times(output: &[u8]) -> Option<String> {
    let root: Value = serde_json::from_slice(output).ok()?;
    let packets = root.get("packets")?.as_array()?;
    let mut times: Vec<f64> = packets.iter().filter_map(|packet| float(packet.get("pts_time"))).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    if packets.len() >= PACKETS {
        times.truncate(times.len().saturating_sub(REORDERED));
    }
    let (first, last) = (*times.first()?, *times.last()?);
    let distances = u32::try_from(times.len()).ok()?.checked_sub(1)?;
    (distances >= 2).then(|| of_distances(distances, last - first)).flatten()
}

/// Returns the nearest common rate if the rounding of times explains the difference, otherwise the exact rate.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds above zero"
)]
fn of_distances(distances: u32, seconds: f64) -> Option<String> {
    let rate = f64::from(distances) / seconds;
    if !rate.is_finite() || rate <= 0.0 || rate > MAX_FRAME_RATE {
        return None;
    }
    let off = |(above, below): &(u64, u64)| (quotient(*above, *below) / rate - 1.0).abs();
    let nearest = COMMON_RATES.iter().min_by(|one, other| off(one).total_cmp(&off(other)));
    match nearest.filter(|usual| off(usual) <= MAX_ROUNDING / seconds) {
        Some((above, below)) => reduced(*above, *below),
        None => reduced(u64::from(distances) * 1000, (seconds * 1000.0).round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_time_base_is_not_a_frame_rate() {
        let of = |average: &str, base: &str, clock: &str| {
            stated("x", &json!({"avg_frame_rate": average, "r_frame_rate": base, "time_base": clock}))
        };
        for (average, base, clock, expected) in [
            ("60000/1", "25/1", "1/60000", Some("25/1")),
            ("24000/1001", "24/1", "1/24000", Some("24000/1001")),
            ("19001/317", "19001/317", "1/1000", Some("60000/1001")),
            ("96000/4003", "24000/1001", "1/1000", Some("96000/4003")),
            ("25/1", "0/0", "1/25", Some("25/1")),
            ("25/1", "25/1", "1/25", Some("25/1")),
            ("1000/1", "1000/1", "1/16000", Some("1000/1")),
            ("50/1", "25/1", "1/50", Some("25/1")),
            ("0/0", "25/1", "1/25", Some("25/1")),
            ("0/0", "60/1", "1/1000", None),
            ("0/0", "1000/1", "1/1000", None),
            ("1000/1", "1000/1", "1/1000", None),
        ] {
            assert_eq!(of(average, base, clock).as_deref(), expected, "{average} {base} {clock}");
        }
        let raw = json!({"avg_frame_rate": "25/1", "r_frame_rate": "25/1", "time_base": "1/1200000"});
        assert_eq!(stated("h264", &raw), None);
    }

    #[test]
    fn rates_derived_from_times_are_rounded_to_common_ones() {
        let of = |times: &[f64]| {
            let packets: Vec<_> =
                times.iter().map(|time| json!({"pts_time": format!("{time:.6}")})).collect();
            by_times(json!({"packets": packets}).to_string().as_bytes())
        };
        let rounded = |rate: f64, count: u32| -> Vec<f64> {
            (0..count).map(|number| (f64::from(number) * 1000.0 / rate).round() / 1000.0).collect()
        };
        for (rate, expected) in
            [(30.0, "30/1"), (30_000.0 / 1001.0, "30000/1001"), (24.0, "24/1"), (50.0, "50/1")]
        {
            assert_eq!(of(&rounded(rate, 64)).as_deref(), Some(expected));
        }
        assert_eq!(of(&rounded(7.0, 64)).as_deref(), Some("55000/7857"));
        // Reordered pictures leave a gap among the last ones.
        let mut reordered = rounded(25.0, 70);
        reordered.drain(62..68);
        assert_eq!(of(&reordered[..64]).as_deref(), Some("25/1"));
        assert_eq!((of(&[]), of(&[1.0]), of(&[0.0, 0.04]), of(&[3.0; 5])), (None, None, None, None));
        assert_eq!((by_times(b"{}"), by_times(b"")), (None, None));
    }

    #[test]
    fn a_sequence_header_states_the_rate() {
        let of = |code: u8, extension: &[u8]| {
            in_header(&[&[9, 0, 0, 1, 0xB3, 0x14, 0, 0xB4, 0x10 | code][..], extension].concat())
        };
        assert_eq!(of(4, &[]).as_deref(), Some("30000/1001"));
        assert_eq!(of(3, &[0; 12]).as_deref(), Some("25/1"));
        assert_eq!(of(3, &[0, 0, 0, 1, 0xB5, 0x14, 0, 0, 0, 0, 0b0010_0001]).as_deref(), Some("25/1"));
        assert_eq!(of(3, &[0, 0, 0, 1, 0xB5, 0x14, 0, 0, 0, 0, 0b0010_0000]).as_deref(), Some("50/1"));
        assert_eq!((of(0, &[]), of(15, &[]), in_header(b"\0\0\x01\xb3")), (None, None, None));
    }

    #[test]
    fn the_rate_of_a_raw_stream_is_not_the_assumed_one() {
        let of = |codec: &str, base: &str| {
            own(json!({"streams": [{"codec_type": "video", "codec_name": codec, "r_frame_rate": base}]})
                .to_string()
                .as_bytes())
        };
        assert_eq!(of("h264", "60000/1001").as_deref(), Some("30000/1001"));
        assert_eq!(of("hevc", "30/1").as_deref(), Some("30/1"));
        for assumed in ["997/1", "1994/1", "1200000/1", "0/0", "x"] {
            assert_eq!((of("h264", assumed), of("hevc", assumed)), (None, None), "{assumed}");
        }
        assert_eq!(own(b"{}"), None);
    }
}
