//! The frame of a file that becomes its poster, and ffmpeg's filters for it.

use media_facts::MediaType;
use serde_json::Value;

use super::tiles::Tiles;
use crate::media::{FirstFrame, Media};
use crate::orientation::Orientation;

/// Longer side of a poster, in pixels.
const MAX_PIXELS: u32 = 640;
/// Part of the duration at which the search for a frame begins.
const POSITION: f64 = 0.1;
/// Mean luma, of 16 (black) to 235, below which a frame counts as black.
const MIN_LUMA: u32 = 24;

/// The frame of a file that becomes its poster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) source: Source,
    /// How a picture is displayed; `None`: ffmpeg knows, or nobody does.
    pub(super) orientation: Option<Orientation>,
}

/// What a frame is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// The picture in the stream of this index.
    Picture(u64),
    /// A key frame of the film in a stream of this index that is not black, from a time in seconds on.
    Film(u64, f64),
    /// The first frame of an animation, at its place.
    First(FirstFrame),
    /// The tiles of the item with this id, which are to be found.
    Item(u32),
    /// These tiles, side by side.
    Tiles(Tiles),
}

impl Frame {
    /// Chooses the frame: of a film near its beginning, otherwise the picture or the cover. `None`: there is no picture. Of a film that lacks an
    /// index, the search begins at the beginning: ffmpeg would read all before a later position.
    pub(super) fn of(media: &Media, lacks_index: bool) -> Option<Self> {
        let streams = media.full.get("streams")?.as_array()?;
        let is_cover = |stream: &Value| stream["disposition"]["attached_pic"] == 1;
        let is_wanted = |stream: &&Value| {
            stream["codec_type"] == "video" && is_cover(stream) == (media.media_type == MediaType::Audio)
        };
        let wanted: Vec<_> = streams.iter().filter(is_wanted).collect();
        let first = || wanted.first()?["index"].as_u64();
        let seconds = media.summary.duration.filter(|_| !lacks_index);
        let position = seconds.map_or(0.0, |seconds| seconds * POSITION);
        let source = match (media.media_type, &media.display.first, &media.display.items[..]) {
            (MediaType::Other, ..) => return None,
            (MediaType::Video, ..) => Source::Film(first()?, position),
            (_, Some(frame), _) => Source::First(frame.clone()),
            (_, None, []) => Source::Picture(first()?),
            (_, None, items) => match of_items(&wanted, items) {
                Some(stream) => Source::Picture(stream["index"].as_u64()?),
                None => Source::Item(*items.first()?),
            },
        };
        Some(Self { source, orientation: media.display.orientation })
    }

    /// Returns ffmpeg's arguments before the address.
    pub(super) fn input(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if self.orientation.is_some() {
            arguments.push("-noautorotate".to_owned());
        }
        if let Source::Film(_, at) = self.source {
            // Only key frames are decoded: the one before the position, and those after it while they are black.
            arguments.extend(["-skip_frame", "nokey"].map(str::to_owned));
            if at > 0.0 {
                arguments.extend(["-noaccurate_seek", "-ss", &format!("{at:.3}")].map(str::to_owned));
            }
        }
        arguments
    }

    /// Returns ffmpeg's arguments after the address that choose the streams, and the filters: the frame as displayed, no larger than allowed
    /// and never enlarged; of a film, the first frame that is not black.
    pub(super) fn output(&self) -> Vec<String> {
        let turn = self.orientation.map(Orientation::filters).unwrap_or_default();
        let scale = scale();
        let (stream, filters) = match &self.source {
            Source::Picture(stream) => (*stream, format!("{scale}{turn},format=yuvj420p")),
            Source::Film(stream, _) => {
                let filters = format!(
                    "{scale},format=yuv420p,signalstats,\
                     metadata=mode=select:key=lavfi.signalstats.YAVG:value={MIN_LUMA}:function=greater,format=yuvj420p"
                );
                (*stream, filters)
            }
            Source::First(frame) => (0, format!("{}{turn},format=yuvj420p", placed(frame))),
            Source::Tiles(tiles) => {
                let filters = format!("{}{scale}{turn},format=yuvj420p[poster]", tiles.filters());
                return ["-filter_complex", &filters, "-map", "[poster]"].map(str::to_owned).to_vec();
            }
            Source::Item(_) => return Vec::new(),
        };
        ["-map", &format!("0:{stream}"), "-vf", &filters].map(str::to_owned).to_vec()
    }
}

/// Returns the filters that scale the frame.
fn scale() -> String {
    let factor = format!("min(1,{MAX_PIXELS}/max(iw*sar,ih))");
    // JPEG has one matrix of colours, that of BT.601 (JFIF, ITU-T T.871).
    format!(
        "scale=w='max(1,round(iw*sar*{factor}))':h='max(1,round(ih*{factor}))':out_color_matrix=bt601,setsar=1"
    )
}

/// Returns the filters that scale a frame of an animation and put it on a black canvas. Colours of whole resolution allow odd places.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most the number that is scaled"
)]
fn placed(frame: &FirstFrame) -> String {
    let (width, height) = frame.canvas;
    let factor = (f64::from(MAX_PIXELS) / f64::from(width.max(height))).min(1.0);
    let scaled = |number: u32| (f64::from(number) * factor).round() as u32;
    let side = |canvas: u32, own: u32, offset: u32| {
        let canvas = scaled(canvas).max(1);
        let own = scaled(own).clamp(1, canvas);
        (canvas, own, scaled(offset).min(canvas - own))
    };
    let (width, own_width, x) = side(width, frame.size.0, frame.offset.0);
    let (height, own_height, y) = side(height, frame.size.1, frame.offset.1);
    format!(
        "scale={own_width}:{own_height}:out_color_matrix=bt601,setsar=1,format=yuv444p,pad={width}:{height}:{x}:{y}:black"
    )
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media_facts::ProbeSummary;
    use serde_json::json;

    use super::*;
    use crate::media::Display;
    use crate::reader::Excerpt;

    fn media(media_type: MediaType, duration: Option<f64>, streams: Value) -> Media {
        Media {
            summary: ProbeSummary { duration, ..Default::default() },
            media_type,
            facts: media_facts::ProbeFacts::default(),
            full: json!({"streams": streams}),
            partial: None,
            content_type: None,
            visible: None,
            display: Display::default(),
        }
    }

    fn source(media: &Media) -> Option<Source> {
        Frame::of(media, false).map(|frame| frame.source)
    }

    #[test]
    fn a_films_poster_is_not_its_cover() {
        let streams = json!([
            {"index": 0, "codec_type": "video", "disposition": {"attached_pic": 1}},
            {"index": 1, "codec_type": "audio", "disposition": {"attached_pic": 0}},
            {"index": 2, "codec_type": "video", "disposition": {"attached_pic": 0}},
        ]);
        let of = |kind| source(&media(kind, Some(20.0), streams.clone()));
        assert_eq!(of(MediaType::Video), Some(Source::Film(2, 2.0)));
        assert_eq!(of(MediaType::Audio), Some(Source::Picture(0)));
        assert_eq!(of(MediaType::Other), None);
    }

    #[test]
    fn a_film_without_an_index_is_searched_from_its_beginning() {
        let streams = json!([{"index": 0, "codec_type": "video"}]);
        let film = media(MediaType::Video, Some(20.0), streams);
        let input = |lacks_index| Frame::of(&film, lacks_index).unwrap().input();
        assert_eq!(input(false), ["-skip_frame", "nokey", "-noaccurate_seek", "-ss", "2.000"]);
        assert_eq!(input(true), ["-skip_frame", "nokey"]);
    }

    #[test]
    fn a_tile_is_no_poster() {
        let picture = |index: u32, id: &str, frames: &str| json!({"index": index, "id": id, "codec_type": "video", "nb_frames": frames});
        let of = |streams: Value, items: &[u32]| {
            let mut media = media(MediaType::Image, None, streams);
            media.display.items = items.to_vec();
            source(&media)
        };
        let tiles = json!([picture(0, "0x1", "1"), picture(1, "0x2", "1"), picture(2, "0x1f", "1")]);
        assert_eq!(of(tiles.clone(), &[30]), Some(Source::Item(30)));
        assert_eq!(of(tiles.clone(), &[30, 31]), Some(Source::Picture(2)), "its thumbnail");
        assert_eq!(of(tiles, &[2, 31]), Some(Source::Picture(1)));
        assert_eq!(of(json!([picture(0, "0x1", "12")]), &[30]), Some(Source::Picture(0)), "a sequence");
    }

    #[test]
    fn sound_alone_has_no_poster() {
        let sound = json!([{"index": 0, "codec_type": "audio", "disposition": {"attached_pic": 0}}]);
        assert_eq!(Frame::of(&media(MediaType::Audio, Some(9.0), sound), false), None);
        assert_eq!(Frame::of(&media(MediaType::Video, None, json!([])), false), None);
    }

    #[test]
    fn the_first_frame_of_an_animation_keeps_its_place() {
        let frame = |canvas, size, offset| FirstFrame {
            still: Excerpt { head: Bytes::new(), part: 0..1 },
            size,
            offset,
            canvas,
        };
        let scaled = |canvas, size, offset| {
            let filters = placed(&frame(canvas, size, offset));
            filters.replace("out_color_matrix=bt601,setsar=1,format=yuv444p,", "")
        };
        assert_eq!(scaled((64, 48), (64, 48), (0, 0)), "scale=64:48:pad=64:48:0:0:black");
        assert_eq!(scaled((65, 49), (5, 7), (60, 42)), "scale=5:7:pad=65:49:60:42:black");
        assert_eq!(scaled((1280, 1), (1, 1), (1278, 0)), "scale=1:1:pad=640:1:639:0:black");
        let most = 1 << 24;
        assert_eq!(scaled((most, most), (most, 2), (0, most - 2)), "scale=640:1:pad=640:640:0:639:black");
    }
}
