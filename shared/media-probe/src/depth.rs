//! How much of a file ffprobe analyses: little at first, and more when that left something open.

use media_facts::MediaType;
use serde_json::Value;

use crate::media::Media;
use crate::number::{positive, ratio};
use crate::rate;
use crate::stream::{is, is_cover_art};

/// How far into a file ffprobe looks before it takes what it has; its index is read whole in any case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    /// Bytes of packets, to find out what the container does not say (`-probesize`).
    pub(crate) analysed: &'static str,
    /// Bytes from which the container is recognised (`-formatprobesize`).
    pub(crate) detected: &'static str,
}

/// One after the other, until nothing is open. The last one analyses as much as ffprobe does by itself. What one has
/// read is in the cache for the next.
pub(crate) const DEPTHS: [Depth; 3] = [
    Depth { analysed: "230000", detected: "131072" },
    Depth { analysed: "1000000", detected: "1048576" },
    Depth { analysed: "5000000", detected: "4194304" },
];

/// What ffprobe writes about a container that it hardly recognises: a long tag may lie before the file proper.
const HARDLY_RECOGNISED: &str = "detected only with low score";

/// Whether a look at `DEPTHS[step]` told all that a deeper one might.
pub(crate) fn is_enough(step: usize, media: &Media, errors: &str) -> bool {
    if step + 1 >= DEPTHS.len() {
        return true;
    }
    let streams = media.full.get("streams").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // ffprobe reads no pixels of a moving WebP, however much of it.
    let is_webp = media.summary.format_name == "webp_pipe";
    let described = !errors.contains(HARDLY_RECOGNISED) && (is_webp || streams.iter().all(is_described));
    // Worth one deeper look only: more of a file need not settle these.
    let settled = || step > 0 || is_webp || streams.iter().all(|stream| is_settled(stream, media));
    described && settled()
}

/// Whether what every stream of its kind has is known.
fn is_described(stream: &Value) -> bool {
    if is(stream, "video") {
        positive(stream.get("width")).is_some()
    } else if is(stream, "audio") {
        positive(stream.get("sample_rate")).is_some() && positive(stream.get("channels")).is_some()
    } else {
        true
    }
}

/// Whether the pixel format is known, and the frame rate more than a guess from few frames. The index of an MP4 tells
/// the rate of all frames, however few of them are read.
fn is_settled(stream: &Value, media: &Media) -> bool {
    if !is(stream, "video") || is_cover_art(stream) {
        return true;
    }
    let rates = (ratio(stream.get("avg_frame_rate")), ratio(stream.get("r_frame_rate")));
    let agree = matches!(rates, (Some(average), Some(base)) if (average / base - 1.0).abs() < 0.01);
    let indexed = media.summary.format_name.starts_with("mov,") && rates.0.is_some();
    let is_raw = rate::is_raw(&media.summary.format_name);
    stream.get("pix_fmt").is_some() && (agree || indexed || is_raw || media.media_type == MediaType::Image)
}
