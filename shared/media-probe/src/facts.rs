//! Further facts about media: colour, sound, languages, cover art, time of creation.

use media_facts::{AttachedPicture, Color, Hdr, ProbeFacts};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::{Iso8601, Rfc3339};

use crate::number::count;
use crate::stream::{codec, is, is_cover_art};

/// Gathers the facts from ffprobe's `format` and `streams`.
pub(crate) fn gather(
    format: &Map<String, Value>,
    streams: &[Value],
    picture: Option<&Value>,
    sound: Option<&Value>,
    frame_rate_ratio: Option<String>,
) -> ProbeFacts {
    let color = picture.map(color).filter(|color| *color != Color::default());
    ProbeFacts {
        frame_rate_ratio,
        hdr: picture.and_then(|picture| hdr(picture, color.as_ref())),
        color,
        channels: sound.and_then(|sound| count(sound.get("channels"))),
        channel_layout: sound.and_then(|sound| word(sound, "channel_layout")),
        sample_rate: sound.and_then(sample_rate),
        audio_languages: languages(streams, "audio"),
        subtitle_languages: languages(streams, "subtitle"),
        attached_pictures: streams.iter().filter(|stream| is_cover_art(stream)).map(attached).collect(),
        creation_time: creation_time(format, streams),
    }
}

/// Returns a string of ffprobe's, unless it stands for an unknown value.
fn word(stream: &Value, name: &str) -> Option<String> {
    let word = stream.get(name).and_then(Value::as_str)?;
    (!["", "unknown", "unspecified", "reserved", "none"].contains(&word)).then(|| word.to_owned())
}

fn color(picture: &Value) -> Color {
    let pixel_format = word(picture, "pix_fmt");
    let stated = count(picture.get("bits_per_raw_sample"));
    Color {
        bit_depth: stated.or_else(|| pixel_format.as_deref().and_then(bit_depth)),
        pixel_format,
        range: word(picture, "color_range"),
        space: word(picture, "color_space"),
        primaries: word(picture, "color_primaries"),
        transfer: word(picture, "color_transfer"),
    }
}

/// Returns the bits per component by the name of a pixel format. Names of planar formats end with `p`, and the bits unless they
/// are 8.
fn bit_depth(pixel_format: &str) -> Option<u64> {
    let name = pixel_format.trim_end_matches("le").trim_end_matches("be");
    let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    match (&name[..digits], &name[digits..]) {
        ("rgba" | "bgra" | "argb" | "abgr" | "ya", "") | ("rgb" | "bgr", "24") | ("ya", "8") | ("nv", _) => {
            Some(8)
        }
        ("rgb" | "bgr", "48") | ("rgba" | "bgra", "64") => Some(16),
        (planes, "") if planes.ends_with('p') || planes == "gray" => Some(8),
        (planes, bits) if planes.ends_with('p') || planes == "gray" => bits.parse().ok(),
        _ => None,
    }
}

fn hdr(picture: &Value, color: Option<&Color>) -> Option<Hdr> {
    let side_data = picture.get("side_data_list").and_then(Value::as_array).into_iter().flatten();
    let dolby = |data: &Value| {
        data.get("side_data_type").and_then(Value::as_str) == Some("DOVI configuration record")
    };
    if side_data.into_iter().any(dolby) {
        return Some(Hdr::DolbyVision);
    }
    let color = color?;
    match color.transfer.as_deref() {
        Some("smpte2084") => Some(Hdr::Hdr10),
        Some("arib-std-b67") => Some(Hdr::Hlg),
        _ => None,
    }
}

/// Returns the sample rate. For DSD, ffprobe reports bytes of eight samples per second.
fn sample_rate(sound: &Value) -> Option<u64> {
    let rate = count(sound.get("sample_rate"))?;
    let is_dsd = codec(sound).is_some_and(|name| name.starts_with("dsd_"));
    Some(if is_dsd { rate.saturating_mul(8) } else { rate })
}

/// Returns the languages of streams of one kind. A language consists of letters, digits and hyphens (BCP 47, ISO 639); any other
/// text is left out.
fn languages(streams: &[Value], kind: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for stream in streams.iter().filter(|stream| is(stream, kind)) {
        let name = stream.get("tags").and_then(|tags| tags.get("language")).and_then(Value::as_str);
        let Some(name) = name.filter(|name| is_language(name)) else { continue };
        if !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found
}

fn is_language(name: &str) -> bool {
    (2..=35).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && name != "und"
}

fn attached(stream: &Value) -> AttachedPicture {
    AttachedPicture {
        codec: codec(stream),
        width: count(stream.get("width")),
        height: count(stream.get("height")),
    }
}

/// The latest year that a camera without a clock writes.
const NO_CLOCK: i32 = 1970;

/// Returns the time of creation. Apple's cameras also write the local time with its zone, which is the same moment.
fn creation_time(format: &Map<String, Value>, streams: &[Value]) -> Option<String> {
    let in_tags = |tags: Option<&Value>, name: &str| moment(tags?.get(name)?.as_str()?);
    let format = format.get("tags");
    in_tags(format, "creation_time")
        .or_else(|| in_tags(format, "com.apple.quicktime.creationdate"))
        .or_else(|| streams.iter().find_map(|stream| in_tags(stream.get("tags"), "creation_time")))
}

fn moment(text: &str) -> Option<String> {
    let parsed = OffsetDateTime::parse(text.trim(), &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text.trim(), &Iso8601::PARSING));
    let moment = parsed.ok()?.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).ok()?;
    (moment.year() > NO_CLOCK).then(|| moment.format(&Rfc3339).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pixel_format_determines_the_bit_depth() {
        for (name, bits) in [
            ("yuv420p", Some(8)),
            ("yuvj444p", Some(8)),
            ("yuv420p10le", Some(10)),
            ("gbrp12be", Some(12)),
            ("gray", Some(8)),
            ("gray16be", Some(16)),
            ("rgb24", Some(8)),
            ("rgba", Some(8)),
            ("rgba64be", Some(16)),
            ("rgb48le", Some(16)),
            ("nv12", Some(8)),
            ("p010le", Some(10)),
            ("pal8", None),
            ("p", Some(8)),
            ("", None),
        ] {
            assert_eq!(bit_depth(name), bits, "{name}");
        }
    }

    #[test]
    fn hdr_formats_are_distinguished() {
        let of = |stream: Value| hdr(&stream, Some(&color(&stream)));
        let stream = |transfer: &str, primaries: &str| json!({"color_transfer": transfer, "color_primaries": primaries});
        assert_eq!(of(stream("smpte2084", "bt2020")), Some(Hdr::Hdr10));
        assert_eq!(of(stream("smpte2084", "smpte432")), Some(Hdr::Hdr10));
        assert_eq!(of(stream("arib-std-b67", "bt2020")), Some(Hdr::Hlg));
        assert_eq!(of(stream("bt709", "bt709")), None);
        let mut dolby = stream("smpte2084", "bt2020");
        dolby["side_data_list"] = json!([{"side_data_type": "DOVI configuration record", "dv_profile": 8}]);
        assert_eq!(of(dolby), Some(Hdr::DolbyVision));
    }

    #[test]
    fn dsd_has_eight_samples_per_byte() {
        let rate = |codec: &str, rate: &str| sample_rate(&json!({"codec_name": codec, "sample_rate": rate}));
        assert_eq!(rate("dsd_lsbf_planar", "352800"), Some(2_822_400));
        assert_eq!(rate("pcm_s16le", "44100"), Some(44_100));
    }

    #[test]
    fn only_language_tags_are_languages() {
        let stream = |language: Value| json!({"codec_type": "audio", "tags": {"language": language}});
        let languages = languages(
            &["deu", "und", "deu", "pt-BR", "a\u{0}b", "x", "<script>", ""].map(|name| stream(json!(name))),
            "audio",
        );
        assert_eq!(languages, ["deu", "pt-BR"]);
        assert!(super::languages(&[stream(json!(7)), json!(null)], "audio").is_empty());
    }

    #[test]
    fn moments_are_in_utc() {
        let expected = Some("2024-05-06T07:08:09Z".to_owned());
        for text in ["2024-05-06T07:08:09.000000Z", "2024-05-06T09:08:09+0200", "2024-05-06T09:08:09+02:00"] {
            assert_eq!(moment(text), expected, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2024-13-01T00:00:00Z",
            "2024-05-06",
            "99999-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1904-01-01T00:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
