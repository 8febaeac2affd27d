//! How much of a file ffprobe analyses: little at first, and more if values are missing.

use media_facts::MediaType;
use serde_json::Value;

use crate::media::Media;
use crate::number::{positive, ratio};
use crate::rate;
use crate::stream::{is, is_cover_art};

/// How much of a file ffprobe analyses. It always reads the whole index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    /// Bytes of packets that are analysed for values that the container does not state (`-probesize`).
    pub(crate) probe_size: &'static str,
    /// Bytes that are examined to recognise the container (`-formatprobesize`).
    pub(crate) format_probe_size: &'static str,
}

/// The depths in the order in which they are tried, until no value is missing. The last one is ffprobe's default. The bytes that
/// one run has read are cached for the next.
pub(crate) const DEPTHS: [Depth; 3] = [
    Depth { probe_size: "230000", format_probe_size: "131072" },
    Depth { probe_size: "1000000", format_probe_size: "1048576" },
    Depth { probe_size: "5000000", format_probe_size: "4194304" },
];

/// The warning that ffprobe prints about a container that it recognises with low confidence, for example after a long tag.
const LOW_SCORE_WARNING: &str = "detected only with low score";

/// Returns whether the analysis at `DEPTHS[step]` suffices.
pub(crate) fn is_enough(step: usize, media: &Media, errors: &str) -> bool {
    if step + 1 >= DEPTHS.len() {
        return true;
    }
    let streams = media.full.get("streams").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // ffprobe decodes no pixels of an animated WebP, whatever the depth.
    let is_webp = media.summary.format_name == "webp_pipe";
    let described = !errors.contains(LOW_SCORE_WARNING) && (is_webp || streams.iter().all(is_described));
    // One deeper analysis only: more bytes need not determine these values.
    let settled = || step > 0 || is_webp || streams.iter().all(|stream| is_frame_rate_known(stream, media));
    described && settled()
}

/// Returns whether the values that every stream of its kind has are known.
fn is_described(stream: &Value) -> bool {
    if is(stream, "video") {
        positive(stream.get("width")).is_some()
    } else if is(stream, "audio") {
        positive(stream.get("sample_rate")).is_some() && positive(stream.get("channels")).is_some()
    } else {
        true
    }
}

/// Returns whether the pixel format is known, and the frame rate is not estimated from few frames. The index of an MP4 gives the
/// rate of all frames, however few of them are read.
fn is_frame_rate_known(stream: &Value, media: &Media) -> bool {
    if !is(stream, "video") || is_cover_art(stream) {
        return true;
    }
    let rates = (ratio(stream.get("avg_frame_rate")), ratio(stream.get("r_frame_rate")));
    let agree = matches!(rates, (Some(average), Some(base)) if (average / base - 1.0).abs() < 0.01);
    let indexed = media.summary.format_name.starts_with("mov,") && rates.0.is_some();
    let is_raw = rate::is_raw(&media.summary.format_name);
    stream.get("pix_fmt").is_some() && (agree || indexed || is_raw || media.media_type == MediaType::Image)
}
