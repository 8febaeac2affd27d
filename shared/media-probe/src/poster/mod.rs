//! The poster of a file: a small JPEG that ffmpeg makes of one frame, read through the same loopback server as the probe.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use media_facts::MediaType;
use media_process::{Group, ProcessLimits};
use serde_json::Value;
use tokio::process::Child;
use tokio::time::Instant;

use crate::command::reading;
use crate::limits::Limits;
use crate::media::Media;
use crate::orientation::Orientation;
use crate::probe::{End, Probe};
use crate::source::RangeSource;

/// Longer side of a poster, in pixels.
const MAX_PIXELS: u32 = 640;

/// How long ffmpeg may take.
const WALL_CLOCK: Duration = Duration::from_secs(10);
/// Processor time of ffmpeg.
const CPU: Duration = Duration::from_secs(8);
/// Bytes that are read for the poster, beyond those that the probe has read.
const MAX_READ_BYTES: u64 = 16 * 1024 * 1024;
/// Part of the duration at which the search for a frame begins.
const POSITION: f64 = 0.1;
/// Mean luma, of 16 (black) to 235, below which a frame counts as black.
const MIN_LUMA: u32 = 24;

/// The frame of a file that becomes its poster.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frame {
    /// Index of the stream.
    stream: u64,
    /// Time in seconds of a film's frame; `None` for a picture.
    at: Option<f64>,
    /// How a picture is displayed; `None`: ffmpeg knows, or nobody does.
    orientation: Option<Orientation>,
}

impl Frame {
    /// Chooses the frame: of a film near its beginning, otherwise the picture or the cover. `None`: there is no picture.
    fn of(media: &Media) -> Option<Self> {
        let streams = media.full.get("streams")?.as_array()?;
        let is_cover = |stream: &Value| stream["disposition"]["attached_pic"] == 1;
        let is_wanted = |stream: &&Value| {
            stream["codec_type"] == "video" && is_cover(stream) == (media.media_type == MediaType::Audio)
        };
        let streams = streams.iter().filter(is_wanted);
        let stream = match &media.display.items[..] {
            [] => streams.into_iter().next()?,
            items => of_items(&streams.collect::<Vec<_>>(), items)?,
        };
        let stream = stream["index"].as_u64()?;
        let at = (media.media_type == MediaType::Video)
            .then(|| media.summary.duration.map_or(0.0, |seconds| seconds * POSITION));
        let orientation = media.display.orientation;
        (media.media_type != MediaType::Other).then_some(Self { stream, at, orientation })
    }

    /// Returns ffmpeg's arguments before the address.
    fn input(self) -> Vec<String> {
        if self.orientation.is_some() {
            return vec!["-noautorotate".to_owned()];
        }
        let Some(at) = self.at else { return Vec::new() };
        // Only key frames are decoded: the one before the position, and those after it while they are black.
        let arguments = ["-noaccurate_seek", "-ss", &format!("{at:.3}"), "-skip_frame", "nokey"];
        arguments.map(str::to_owned).to_vec()
    }

    /// Returns the filters: the frame as displayed, no larger than allowed and never enlarged; of a film, the first frame that is
    /// not black.
    fn filters(self) -> String {
        let factor = format!("min(1,{MAX_PIXELS}/max(iw*sar,ih))");
        // JPEG has one matrix of colours, that of BT.601 (JFIF, ITU-T T.871).
        let scale = format!(
            "scale=w='max(1,round(iw*sar*{factor}))':h='max(1,round(ih*{factor}))':out_color_matrix=bt601,setsar=1"
        );
        match self.at {
            None => {
                let turn = self.orientation.map(Orientation::filters).unwrap_or_default();
                format!("{scale}{turn},format=yuvj420p")
            }
            Some(_) => format!(
                "{scale},format=yuv420p,signalstats,\
                 metadata=mode=select:key=lavfi.signalstats.YAVG:value={MIN_LUMA}:function=greater,format=yuvj420p"
            ),
        }
    }
}

/// Chooses the first of these items that is a stream, whose id ffprobe reports. A sequence of pictures has tracks instead, with several
/// frames.
fn of_items<'a>(streams: &[&'a Value], items: &[u32]) -> Option<&'a Value> {
    let id = |stream: &Value| u32::from_str_radix(stream["id"].as_str()?.strip_prefix("0x")?, 16).ok();
    let is_track = |stream: &&Value| {
        stream["nb_frames"]
            .as_str()
            .and_then(|frames| frames.parse::<u64>().ok())
            .is_some_and(|frames| frames > 1)
    };
    let of = |item: u32| streams.iter().copied().find(|stream| id(stream) == Some(item));
    items.iter().find_map(|item| of(*item)).or_else(|| streams.iter().copied().find(is_track))
}

impl<S: RangeSource> Probe<'_, S> {
    /// Makes the poster of a file that ffprobe has read. Returns `None` if the file has no picture, or ffmpeg made none of it: a
    /// poster is never worth an error.
    pub(crate) async fn poster(
        &self,
        program: &Path,
        media: &Media,
        serving: Pin<&mut impl Future<Output = std::convert::Infallible>>,
    ) -> Option<Vec<u8>> {
        let frame = Frame::of(media)?;
        let limits = self.ffprobe.limits.clone();
        let limits = Limits { cpu: CPU, max_output_bytes: limits.max_poster_bytes, ..limits };
        self.reader.truncate(self.reader.size());
        self.reader.allow(MAX_READ_BYTES);
        let deadline = self.deadline.min(Instant::now() + WALL_CLOCK);
        let spawned = spawn(program, &limits, frame, &self.url);
        let (child, group) =
            spawned.inspect_err(|error| tracing::warn!(%error, "ffmpeg could not be started")).ok()?;
        match self.ended(child, group, &limits, deadline, serving).await {
            End::Ran(Ok(printed)) if printed.status.success() && !printed.output.is_empty() => {
                Some(printed.output)
            }
            End::Ran(Ok(printed)) => {
                let errors = crate::reason::for_log(&printed.errors, &self.url);
                tracing::info!(status = %printed.status, errors, "ffmpeg made no poster");
                None
            }
            ended => {
                tracing::info!(limit = ended.limit(), "ffmpeg made no poster within its limits");
                None
            }
        }
    }
}

/// Starts ffmpeg on `url` within `limits`, in a process group of its own that ends with the second value.
fn spawn(program: &Path, limits: &Limits, frame: Frame, url: &str) -> io::Result<(Child, Group)> {
    let mut arguments = reading(limits, &["-v", "error", "-hide_banner", "-nostdin"]);
    arguments.extend(frame.input());
    let (stream, filters) = (format!("0:{}", frame.stream), frame.filters());
    // Key frames before the position have negative times, which other modes than passthrough drop.
    let output = [
        "-i",
        url,
        "-map",
        &stream,
        "-frames:v",
        "1",
        "-fps_mode",
        "passthrough",
        "-vf",
        &filters,
        "-map_metadata",
        "-1",
        "-c:v",
        "mjpeg",
        "-q:v",
        "4",
        "-f",
        "image2pipe",
        "pipe:1",
    ];
    arguments.extend(output.map(str::to_owned));
    let limits = ProcessLimits { address_space: limits.address_space, cpu: limits.cpu, threads: true };
    media_process::spawn(program, arguments, Stdio::piped(), &limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Display;
    use media_facts::ProbeSummary;
    use serde_json::json;

    fn media(media_type: MediaType, duration: Option<f64>, streams: Value) -> Media {
        Media {
            summary: ProbeSummary { duration, ..Default::default() },
            media_type,
            facts: media_facts::ProbeFacts::default(),
            full: json!({"streams": streams}),
            partial: None,
            content_type: None,
            display: Display::default(),
        }
    }

    #[test]
    fn a_films_poster_is_not_its_cover() {
        let streams = json!([
            {"index": 0, "codec_type": "video", "disposition": {"attached_pic": 1}},
            {"index": 1, "codec_type": "audio", "disposition": {"attached_pic": 0}},
            {"index": 2, "codec_type": "video", "disposition": {"attached_pic": 0}},
        ]);
        let of = |kind| Frame::of(&media(kind, Some(20.0), streams.clone()));
        assert_eq!(of(MediaType::Video), Some(Frame { stream: 2, at: Some(2.0), orientation: None }));
        assert_eq!(of(MediaType::Audio), Some(Frame { stream: 0, at: None, orientation: None }));
        assert_eq!(of(MediaType::Other), None);
    }

    #[test]
    fn a_tile_is_no_poster() {
        let picture = |index: u32, id: &str, frames: &str| json!({"index": index, "id": id, "codec_type": "video", "nb_frames": frames});
        let of = |streams: Value, items: &[u32]| {
            let mut media = media(MediaType::Image, None, streams);
            media.display.items = items.to_vec();
            Frame::of(&media).map(|frame| frame.stream)
        };
        let tiles = json!([picture(0, "0x1", "1"), picture(1, "0x2", "1"), picture(2, "0x1f", "1")]);
        assert_eq!(of(tiles.clone(), &[30]), None);
        assert_eq!(of(tiles.clone(), &[30, 31]), Some(2), "its thumbnail");
        assert_eq!(of(tiles, &[2, 31]), Some(1));
        assert_eq!(of(json!([picture(0, "0x1", "12")]), &[30]), Some(0), "a sequence");
    }

    #[test]
    fn sound_alone_has_no_poster() {
        let sound = json!([{"index": 0, "codec_type": "audio", "disposition": {"attached_pic": 0}}]);
        assert_eq!(Frame::of(&media(MediaType::Audio, Some(9.0), sound)), None);
        assert_eq!(Frame::of(&media(MediaType::Video, None, json!([]))), None);
    }
}
