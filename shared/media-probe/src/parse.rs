//! From ffprobe's JSON to [`Media`].

use media_facts::{DurationSource, MediaType, ProbeSummary};
use serde_json::{Map, Value, json};

use crate::facts;
use crate::media::Media;
use crate::number::{count, float, integer, positive, ratio};
use crate::stream::{codec, is, is_cover_art};

/// Demuxers of pictures beside those whose name ends with `_pipe`.
const IMAGE_FORMATS: [&str; 6] = ["gif", "apng", "ico", "image2", "image2pipe", "jpegxl_anim"];
/// Those of them that move.
const ANIMATED_FORMATS: [&str; 3] = ["gif", "apng", "jpegxl_anim"];
/// Pictures in an MP4-like container, by its brand: stills, then sequences.
const STILL_BRANDS: [&str; 5] = ["avif", "heic", "heix", "mif1", "heim"];
const SEQUENCE_BRANDS: [&str; 2] = ["avis", "msf1"];

/// What ffprobe printed is no description of a file.
#[derive(Debug)]
pub(crate) struct NotDescribed;

/// Reads what ffprobe printed about a file it could open.
pub(crate) fn media(output: &[u8]) -> Result<Media, NotDescribed> {
    let mut root = object(output).ok_or(NotDescribed)?;
    let Some(Value::Object(mut format)) = root.remove("format") else {
        return Err(NotDescribed);
    };
    // The loopback address, which means nothing to anyone.
    format.remove("filename");
    let streams = list(&mut root, "streams");
    let chapters = list(&mut root, "chapters");
    let picture = streams.iter().find(|stream| is(stream, "video") && !is_cover_art(stream));
    let sound = streams.iter().find(|stream| is(stream, "audio"));
    let media_type = media_type(&format, picture, sound);
    let still = media_type == MediaType::Image && is_still(&format, picture);
    let frame_rate = picture.and_then(frame_rate).filter(|_| !still);
    let facts = facts::gather(&format, &streams, picture, sound, frame_rate.clone());
    let summary = summarise(&format, &streams, picture, sound, frame_rate, still);
    let full = json!({ "format": format, "streams": streams, "chapters": chapters });
    Ok(Media { summary, media_type, facts, full, partial: None })
}

/// The code and ffprobe's text of the error it printed, if it did.
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

/// Whether an image does not move. Of a still, ffprobe tells the length and the rate that it would have as a video.
fn is_still(format: &Map<String, Value>, picture: Option<&Value>) -> bool {
    Container::of(format) == Container::Still
        || picture.is_some_and(|stream| count(stream.get("nb_frames")) == Some(1))
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
        format_name: format.get("format_name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        video_codec: picture.and_then(codec),
        audio_codec: sound.and_then(codec),
        frame_rate: frame_rate.and_then(|text| ratio(Some(&text.into()))),
        bit_rate: count(format.get("bit_rate")).filter(|_| !still),
        rotation,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Still,
    Animated,
    Timed,
}

impl Container {
    fn of(format: &Map<String, Value>) -> Self {
        let names = format.get("format_name").and_then(Value::as_str).unwrap_or_default();
        let brand = format.get("tags").and_then(|tags| tags.get("major_brand")).and_then(Value::as_str);
        let brand = brand.map(str::trim).unwrap_or_default();
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

/// The display matrix tells degrees against the clock; the older `rotate` tag tells them with it.
fn rotation(stream: &Value) -> Option<i32> {
    let matrices = stream.get("side_data_list").and_then(Value::as_array).into_iter().flatten();
    let matrix = matrices.filter_map(|data| float(data.get("rotation"))).map(|degrees| -degrees).next();
    let tag = || float(stream.get("tags").and_then(|tags| tags.get("rotate")));
    let degrees = matrix.or_else(tag).filter(|degrees| degrees.abs() <= 360.0)?;
    #[allow(clippy::cast_possible_truncation, reason = "at most 360, checked above")]
    let clockwise = (degrees.round() as i32).rem_euclid(360);
    (clockwise != 0).then_some(clockwise)
}

/// No camera is faster: what is above is a time base.
const MOST_FRAMES: f64 = 1000.0;

/// The average rate as ffprobe's fraction; the base rate where there is none (IVF), or it is the time base of the container
/// (raw DV).
fn frame_rate(stream: &Value) -> Option<String> {
    let text = |name: &str| stream.get(name).and_then(Value::as_str).map(str::trim);
    let usable = |name: &str| text(name).filter(|_| ratio(stream.get(name)).is_some());
    let ticks = text("time_base")
        .and_then(|base| base.split_once('/'))
        .map(|(above, below)| format!("{below}/{above}"));
    let average = usable("avg_frame_rate").filter(|average| Some(*average) != ticks.as_deref());
    let base = || usable("r_frame_rate").filter(|_| ratio(stream.get("r_frame_rate")) <= Some(MOST_FRAMES));
    average.or_else(base).or_else(|| usable("avg_frame_rate")).map(str::to_owned)
}

fn duration(format: &Map<String, Value>, streams: &[Value]) -> Option<f64> {
    let longest = || streams.iter().filter_map(|stream| positive(stream.get("duration"))).reduce(f64::max);
    positive(format.get("duration")).or_else(longest)
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
    fn swaps_the_sides_of_what_is_turned() {
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
    fn the_loopback_address_is_not_passed_on() {
        let media = parsed(&video(json!({})));
        assert!(!media.full.to_string().contains("127.0.0.1"), "{}", media.full);
        assert_eq!(media.full["chapters"], json!([]));
    }

    #[test]
    fn numbers_without_sense_are_absent() {
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
    fn a_time_base_is_no_frame_rate() {
        let rate = |extra: Value| {
            let media = parsed(&video(extra));
            (media.facts.frame_rate_ratio, media.summary.frame_rate)
        };
        let dv = json!({"avg_frame_rate": "60000/1", "r_frame_rate": "25/1", "time_base": "1/60000"});
        assert_eq!(rate(dv), (Some("25/1".to_owned()), Some(25.0)));
        let film = json!({"avg_frame_rate": "24000/1001", "r_frame_rate": "24/1", "time_base": "1/24000"});
        assert_eq!(rate(film), (Some("24000/1001".to_owned()), Some(24_000.0 / 1001.0)));
        let alone = json!({"avg_frame_rate": "25/1", "r_frame_rate": "0/0", "time_base": "1/25"});
        assert_eq!(rate(alone), (Some("25/1".to_owned()), Some(25.0)));
    }

    #[test]
    fn the_longest_stream_stands_in_for_the_container() {
        let mut root = video(json!({ "duration": "4.5" }));
        let sound = json!({ "codec_type": "audio", "codec_name": "aac", "duration": "5.25" });
        root["streams"].as_array_mut().unwrap().push(sound);
        assert_eq!(parsed(&root).summary.duration, Some(5.25));
        root["format"]["duration"] = json!("4.75");
        assert_eq!(parsed(&root).summary.duration, Some(4.75));
    }

    #[test]
    fn tells_kinds_by_streams() {
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
    fn what_is_no_description_is_refused() {
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
    fn reads_the_error_code() {
        assert_eq!(
            error_code(br#"{"error":{"code":-1094995529,"string":"Invalid data"}}"#),
            Some(-1_094_995_529)
        );
        assert_eq!(error_code(b"{}"), None);
        assert_eq!(error_code(b""), None);
    }
}
