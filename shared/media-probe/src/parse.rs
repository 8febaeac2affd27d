//! Parses ffprobe's JSON into [`Media`].

use media_facts::{DurationSource, MediaType, ProbeSummary};
use serde_json::{Map, Value, json};

use crate::facts;
use crate::media::{Display, Media};
use crate::number::{count, float, integer, positive, ratio};
use crate::rate;
use crate::stream::{codec, is, is_cover_art};

/// Demuxers of images in addition to those whose name ends with `_pipe`.
const IMAGE_FORMATS: [&str; 8] = ["gif", "apng", "ico", "image2", "image2pipe", "jpegxl_anim", "fits", "iff"];
/// The demuxers among them for animations.
const ANIMATED_FORMATS: [&str; 3] = ["gif", "apng", "jpegxl_anim"];
/// Brands of ISO base media files that hold still images; after them, those of image sequences.
const STILL_BRANDS: [&str; 12] =
    ["avif", "heic", "heix", "heim", "heis", "avci", "jpeg", "j2ki", "mif1", "mif2", "miaf", RAW_BRAND];
const SEQUENCE_BRANDS: [&str; 8] = ["avis", "avcs", "jpgs", "msf1", "hevc", "hevx", "hevm", "hevs"];
/// The brand of Canon's raw files (CR3), which hold a preview and the sensor's image.
const RAW_BRAND: &str = "crx";

/// The output is not a description of a file.
#[derive(Debug)]
pub(crate) struct NotDescribed;

/// Parses ffprobe's output for a file that it could open.
pub(crate) fn media(output: &[u8]) -> Result<Media, NotDescribed> {
    let mut root = object(output).ok_or(NotDescribed)?;
    let Some(Value::Object(mut format)) = root.remove("format") else {
        return Err(NotDescribed);
    };
    // The loopback URL.
    format.remove("filename");
    let streams = list(&mut root, "streams");
    let chapters = list(&mut root, "chapters");
    let picture = picture(&format, &streams);
    let sound = streams.iter().find(|stream| is(stream, "audio"));
    let media_type = media_type(&format, picture, sound);
    let still = media_type == MediaType::Image && is_still(&format, picture);
    let frame_rate = picture.and_then(|stream| rate::stated(names(&format), stream)).filter(|_| !still);
    let facts = facts::gather(&format, &streams, picture, sound, frame_rate.clone());
    let summary = summarise(&format, &streams, picture, sound, frame_rate, still);
    let full = json!({ "format": format, "streams": streams, "chapters": chapters });
    Ok(Media {
        summary,
        media_type,
        facts,
        full,
        partial: None,
        content_type: None,
        visible: None,
        display: Display::default(),
    })
}

/// Returns the stream that represents the pictures: the first one that is not cover art; for an image sequence, the first with
/// several frames; for a camera's raw file, the largest.
fn picture<'a>(format: &Map<String, Value>, streams: &'a [Value]) -> Option<&'a Value> {
    let all = || streams.iter().filter(|stream| is(stream, "video") && !is_cover_art(stream));
    let area =
        |stream: &&Value| Some(count(stream.get("width"))?.saturating_mul(count(stream.get("height"))?));
    match brand(format) {
        brand if SEQUENCE_BRANDS.contains(&brand) => {
            all().find(|stream| count(stream.get("nb_frames")) > Some(1)).or_else(|| all().next())
        }
        RAW_BRAND => all().rev().max_by_key(area),
        _ => all().next(),
    }
}

/// Returns the error code that ffprobe printed, if any.
pub(crate) fn error_code(output: &[u8]) -> Option<i64> {
    integer(object(output)?.get("error")?.get("code"))
}

fn object(output: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(output).or_else(|_| serde_json::from_str(&String::from_utf8_lossy(output))).ok()
}

fn list(root: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match root.remove(name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn media_type(format: &Map<String, Value>, picture: Option<&Value>, sound: Option<&Value>) -> MediaType {
    match (picture, sound) {
        (Some(_), _) if Container::of(format).is_image() => MediaType::Image,
        (Some(_), _) => MediaType::Video,
        (None, Some(_)) => MediaType::Audio,
        (None, None) => MediaType::Other,
    }
}

/// Returns whether an image is still. ffprobe reports the duration and the frame rate that a still would have as a video.
fn is_still(format: &Map<String, Value>, picture: Option<&Value>) -> bool {
    Container::of(format) == Container::Still
        || picture.is_some_and(|stream| count(stream.get("nb_frames")) == Some(1))
}

fn names(format: &Map<String, Value>) -> &str {
    format.get("format_name").and_then(Value::as_str).unwrap_or_default()
}

fn summarise(
    format: &Map<String, Value>,
    streams: &[Value],
    picture: Option<&Value>,
    sound: Option<&Value>,
    frame_rate: Option<String>,
    still: bool,
) -> ProbeSummary {
    let rotation = picture.and_then(rotation);
    let (width, height) = picture.map_or((None, None), |stream| size(stream, rotation));
    let duration = duration(format, streams).filter(|_| !still);
    ProbeSummary {
        width,
        height,
        duration,
        duration_source: duration.map(|_| DurationSource::Stated),
        format_name: names(format).to_owned(),
        video_codec: picture.and_then(codec),
        audio_codec: sound.and_then(codec),
        frame_rate: frame_rate.and_then(|text| ratio(Some(&text.into()))),
        bit_rate: count(format.get("bit_rate")).filter(|_| !still),
        rotation,
    }
}

fn brand(format: &Map<String, Value>) -> &str {
    let brand = format.get("tags").and_then(|tags| tags.get("major_brand")).and_then(Value::as_str);
    brand.map(str::trim).unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Still,
    Animated,
    Timed,
}

impl Container {
    fn of(format: &Map<String, Value>) -> Self {
        let names = names(format);
        let brand = brand(format);
        let any = |known: &[&str]| names.split(',').any(|name| known.contains(&name));
        if any(&ANIMATED_FORMATS) || SEQUENCE_BRANDS.contains(&brand) {
            Self::Animated
        } else if any(&IMAGE_FORMATS) || names.ends_with("_pipe") || STILL_BRANDS.contains(&brand) {
            Self::Still
        } else {
            Self::Timed
        }
    }

    fn is_image(self) -> bool {
        self != Self::Timed
    }
}

fn size(stream: &Value, rotation: Option<i32>) -> (Option<u32>, Option<u32>) {
    let side = |name: &str| count(stream.get(name)).and_then(|pixels| u32::try_from(pixels).ok());
    match rotation {
        Some(90 | 270) => (side("height"), side("width")),
        _ => (side("width"), side("height")),
    }
}

/// Returns the rotation in degrees clockwise. The display matrix counts degrees counterclockwise, the older `rotate` tag
/// clockwise. A mirroring matrix rotates and then flips vertically; the result follows EXIF, which first flips horizontally.
fn rotation(stream: &Value) -> Option<i32> {
    let side_data = stream.get("side_data_list").and_then(Value::as_array).into_iter().flatten();
    let matrix = side_data.into_iter().find(|data| float(data.get("rotation")).is_some());
    let tag = || float(stream.get("tags").and_then(|tags| tags.get("rotate")));
    let degrees = matrix.and_then(|data| float(data.get("rotation"))).map(|degrees| -degrees).or_else(tag);
    let degrees = degrees.filter(|degrees| degrees.abs() <= 360.0)?;
    #[allow(clippy::cast_possible_truncation, reason = "at most 360, checked above")]
    let clockwise = (degrees.round() as i32).rem_euclid(360);
    let visible_size = match clockwise {
        0 | 180 if matrix.is_some_and(is_mirrored) => 0,
        degrees if matrix.is_some_and(is_mirrored) => 360 - degrees,
        degrees => degrees,
    };
    (visible_size != 0).then_some(visible_size)
}

/// Returns whether a display matrix mirrors. ffprobe prints it in three lines, each after an address.
fn is_mirrored(side_data: &Value) -> bool {
    let text = side_data.get("displaymatrix").and_then(Value::as_str).unwrap_or_default();
    let row = |line: &str| {
        let mut numbers =
            line.split_once(':')?.1.split_whitespace().map_while(|number| number.parse::<f64>().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    let mut rows = text.lines().filter_map(row);
    let (Some((a, b)), Some((c, d))) = (rows.next(), rows.next()) else { return false };
    a * d - b * c < 0.0
}

/// Returns the duration of video and audio by the container, otherwise by the longest stream. A data track, such as a camera's,
/// may be longer and does not count.
fn duration(format: &Map<String, Value>, streams: &[Value]) -> Option<f64> {
    let stated = positive(format.get("duration"));
    let is_shown = |stream: &&Value| (is(stream, "video") && !is_cover_art(stream)) || is(stream, "audio");
    let is_movie = names(format).starts_with("mov,");
    let longest = |streams: &mut dyn Iterator<Item = &Value>| {
        streams.filter_map(|stream| positive(stream.get("duration"))).reduce(f64::max)
    };
    if is_movie && streams.iter().any(|stream| !is_shown(&stream)) {
        let visible_size = presented(streams.iter().filter(is_shown));
        if let Some(visible_size) =
            visible_size.filter(|visible_size| stated.is_none_or(|stated| *visible_size < stated))
        {
            return Some(visible_size);
        }
    }
    stated.or_else(|| longest(&mut streams.iter().filter(is_shown))).or_else(|| longest(&mut streams.iter()))
}

/// Returns the time from the first start to the last end of the streams.
fn presented<'a>(streams: impl Iterator<Item = &'a Value>) -> Option<f64> {
    let times = streams.filter_map(|stream| {
        let start = float(stream.get("start_time")).unwrap_or(0.0);
        Some((start, start + positive(stream.get("duration"))?))
    });
    let (first, last) = times.reduce(|(first, last), (start, end)| (first.min(start), last.max(end)))?;
    (last > first).then_some(last - first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(root: &Value) -> Media {
        media(root.to_string().as_bytes()).expect("a description")
    }

    fn video(extra: Value) -> Value {
        let mut stream = json!({ "codec_type": "video", "codec_name": "h264", "width": 640, "height": 360 });
        stream.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "format": { "filename": "http://127.0.0.1:1/x", "format_name": "mov,mp4" }, "streams": [stream] })
    }

    #[test]
    fn rotation_by_90_degrees_swaps_width_and_height() {
        let matrix = |degrees: Value| json!({ "side_data_list": [{ "side_data_type": "x" }, { "rotation": degrees }] });
        let cases = [
            (matrix(json!(-90)), (360, 640), Some(90)),
            (matrix(json!(90)), (360, 640), Some(270)),
            (matrix(json!(180)), (640, 360), Some(180)),
            (matrix(json!(-180)), (640, 360), Some(180)),
            (matrix(json!(0)), (640, 360), None),
            (matrix(json!(-2_147_483_648_i64)), (640, 360), None),
            (matrix(json!("nan")), (640, 360), None),
            (json!({ "tags": { "rotate": "90" } }), (360, 640), Some(90)),
            (json!({ "tags": { "rotate": "270" } }), (360, 640), Some(270)),
            (json!({ "tags": { "rotate": "sideways" } }), (640, 360), None),
        ];
        for (extra, (width, height), rotation) in cases {
            let summary = parsed(&video(extra.clone())).summary;
            assert_eq!((summary.width, summary.height), (Some(width), Some(height)), "{extra}");
            assert_eq!(summary.rotation, rotation, "{extra}");
        }
    }

    #[test]
    fn the_rotation_of_a_mirrored_picture_follows_exif() {
        let rows = |a: i32, b: i32, c: i32, d: i32| {
            format!("\n00000000: {a:>10} {b:>10} 0\n00000001: {c:>10} {d:>10} 0\n00000002: 0 0 1073741824\n")
        };
        for (degrees, matrix, rotation) in [
            (180, rows(-65536, 0, 0, 65536), None),
            (0, rows(65536, 0, 0, -65536), None),
            (-90, rows(0, 65536, 65536, 0), Some(270)),
            (90, rows(0, -65536, -65536, 0), Some(90)),
            (-90, rows(0, 65536, -65536, 0), Some(90)),
            (-90, String::new(), Some(90)),
        ] {
            let data = json!({ "side_data_list": [{ "displaymatrix": matrix, "rotation": degrees }] });
            assert_eq!(parsed(&video(data)).summary.rotation, rotation, "{matrix}");
        }
    }

    #[test]
    fn the_loopback_url_is_removed() {
        let media = parsed(&video(json!({})));
        assert!(!media.full.to_string().contains("127.0.0.1"), "{}", media.full);
        assert_eq!(media.full["chapters"], json!([]));
    }

    #[test]
    fn invalid_numbers_are_absent() {
        let mut root = video(json!({ "width": -5, "height": 0, "avg_frame_rate": "0/0", "duration": "nan" }));
        root["format"]["duration"] = json!("N/A");
        root["format"]["bit_rate"] = json!("-7");
        let expected = ProbeSummary {
            format_name: "mov,mp4".to_owned(),
            video_codec: Some("h264".to_owned()),
            ..ProbeSummary::default()
        };
        assert_eq!(parsed(&root).summary, expected);
    }

    #[test]
    fn data_tracks_do_not_count_for_the_duration() {
        let mut root = video(json!({ "duration": "12.079", "start_time": "0.0" }));
        root["format"]["duration"] = json!("13.013");
        assert_eq!(parsed(&root).summary.duration, Some(13.013));
        let data = json!({ "codec_type": "data", "duration": "13.013" });
        root["streams"].as_array_mut().unwrap().push(data);
        assert_eq!(parsed(&root).summary.duration, Some(12.079));
        let sound = json!({ "codec_type": "audio", "duration": "12.0", "start_time": "0.5" });
        root["streams"].as_array_mut().unwrap().push(sound);
        assert_eq!(parsed(&root).summary.duration, Some(12.5));
        root["format"]["format_name"] = json!("matroska,webm");
        assert_eq!(parsed(&root).summary.duration, Some(13.013));
    }

    #[test]
    fn the_longest_stream_is_the_fallback_for_the_duration() {
        let mut root = video(json!({ "duration": "4.5" }));
        let sound = json!({ "codec_type": "audio", "codec_name": "aac", "duration": "5.25" });
        root["streams"].as_array_mut().unwrap().push(sound);
        assert_eq!(parsed(&root).summary.duration, Some(5.25));
        root["format"]["duration"] = json!("4.75");
        assert_eq!(parsed(&root).summary.duration, Some(4.75));
    }

    #[test]
    fn streams_determine_the_kind_of_media() {
        let kind = |format: &str, brand: &str, streams: Value| {
            let format = json!({ "format_name": format, "tags": { "major_brand": brand } });
            parsed(&json!({ "format": format, "streams": streams })).media_type
        };
        let cover =
            json!({ "codec_type": "video", "codec_name": "png", "disposition": { "attached_pic": 1 } });
        let picture = json!({ "codec_type": "video", "codec_name": "png" });
        let sound = json!({ "codec_type": "audio", "codec_name": "flac" });
        assert_eq!(kind("flac", "", json!([sound, cover])), MediaType::Audio);
        assert_eq!(kind("mp3", "", json!([cover])), MediaType::Other);
        assert_eq!(kind("png_pipe", "", json!([picture])), MediaType::Image);
        assert_eq!(kind("mov,mp4", "avif", json!([picture])), MediaType::Image);
        assert_eq!(kind("mov,mp4", "isom", json!([picture, sound])), MediaType::Video);
        assert_eq!(kind("mov,mp4", "isom", json!([{ "codec_type": "data" }])), MediaType::Other);
        assert_eq!(kind("mov,mp4", "isom", json!([])), MediaType::Other);
    }

    #[test]
    fn other_output_is_rejected() {
        for output in ["", "{}", "[]", "null", "{\"format\": 1}", "{\"format\": {", "\u{0}"] {
            assert!(media(output.as_bytes()).is_err(), "{output:?}");
        }
        let odd = media(br#"{"format":{"format_name":7},"streams":[1,null,{"codec_type":[]}],"chapters":5}"#)
            .unwrap();
        assert_eq!((odd.media_type, odd.summary), (MediaType::Other, ProbeSummary::default()));
        let latin1 = media(b"{\"format\":{\"tags\":{\"title\":\"caf\xe9\"}}}").unwrap();
        assert_eq!(latin1.full["format"]["tags"]["title"], "caf\u{fffd}");
    }

    #[test]
    fn the_error_code_is_read() {
        assert_eq!(
            error_code(br#"{"error":{"code":-1094995529,"string":"Invalid data"}}"#),
            Some(-1_094_995_529)
        );
        assert_eq!(error_code(b"{}"), None);
        assert_eq!(error_code(b""), None);
    }
}
