//! Checks a report, whose sender may be compromised. Removes impossible values, limits texts to printable characters, and rejects
//! output that cannot be ffprobe's.

use files_domain::clean_content_type;
use media_facts::{AttachedPicture, Color, ProbeFacts, ProbeSummary};
use probe_protocol::{Found, MAX_FULL_BYTES, MediaFound, ProbeReport};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::poster::checked_poster;

/// The error of a request that `probe-file` never sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed: {0}")]
pub struct Malformed(pub(crate) &'static str);

/// Longest name of a codec, a layout or a container of ffprobe's, in bytes. Containers have several names.
const MAX_NAME_BYTES: usize = 128;
/// Longest reason why ffprobe could not read a file, in characters.
const MAX_REASON_CHARS: usize = 200;
/// Replaces an invalid reason.
const NO_REASON: &str = "ffprobe could not read the file";
/// Maximum number of languages, and of attached pictures, that are stored.
const MAX_LISTED: usize = 256;
/// The largest number: far above those of real files, and within the range of DynamoDB.
const MAX_NUMBER: f64 = 1e15;
/// The smallest positive number.
const MIN_NUMBER: f64 = 1e-9;

/// Checks a report and cleans its values.
///
/// # Errors
/// [`Malformed`]: a value cannot be from ffprobe.
pub(crate) fn checked(report: ProbeReport) -> Result<ProbeReport, Malformed> {
    Ok(ProbeReport {
        content_type: report.content_type.as_deref().and_then(clean_content_type),
        ffprobe: report.ffprobe.and_then(name),
        poster: report.poster.and_then(checked_poster),
        found: match report.found {
            Found::Media(media) => Found::Media(Box::new(media_found(*media)?)),
            Found::Unreadable(text) => Found::Unreadable(reason(&text)),
        },
        ..report
    })
}

fn media_found(media: MediaFound) -> Result<MediaFound, Malformed> {
    Ok(MediaFound {
        media_type: media.media_type,
        summary: summary(media.summary),
        facts: facts(media.facts),
        full: full(media.full)?,
        partial: media.partial.as_deref().map(reason),
    })
}

/// Returns ffprobe's output, reduced to its three parts.
fn full(value: Value) -> Result<Value, Malformed> {
    let Value::Object(mut parts) = value else { return Err(Malformed("full")) };
    let mut take = |part: &str| parts.remove(part).unwrap_or_default();
    let (format, streams, chapters) = (take("format"), take("streams"), take("chapters"));
    if !format.is_object() || !is_list_of_objects(&streams) || !is_list_of_objects(&chapters) {
        return Err(Malformed("full"));
    }
    let full = [("format", format), ("streams", streams), ("chapters", chapters)];
    let full = Value::Object(Map::from_iter(full.map(|(part, value)| (part.to_owned(), value))));
    // Serialization restores the length that the value had in the payload.
    if full.to_string().len() > MAX_FULL_BYTES {
        return Err(Malformed("full: too long"));
    }
    Ok(full)
}

fn is_list_of_objects(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_object))
}

fn summary(summary: ProbeSummary) -> ProbeSummary {
    let duration = summary.duration.and_then(number);
    ProbeSummary {
        width: summary.width.filter(|pixels| *pixels > 0),
        height: summary.height.filter(|pixels| *pixels > 0),
        duration,
        duration_source: summary.duration_source.filter(|_| duration.is_some()),
        format_name: name(summary.format_name).unwrap_or_default(),
        video_codec: summary.video_codec.and_then(name),
        audio_codec: summary.audio_codec.and_then(name),
        frame_rate: summary.frame_rate.and_then(number),
        bit_rate: summary.bit_rate,
        rotation: summary.rotation.filter(|degrees| (1..360).contains(degrees)),
    }
}

fn facts(facts: ProbeFacts) -> ProbeFacts {
    ProbeFacts {
        frame_rate_ratio: facts.frame_rate_ratio.and_then(name),
        hdr: facts.hdr,
        color: facts.color.map(color),
        channels: facts.channels,
        channel_layout: facts.channel_layout.and_then(name),
        sample_rate: facts.sample_rate,
        audio_languages: names(facts.audio_languages),
        subtitle_languages: names(facts.subtitle_languages),
        attached_pictures: facts.attached_pictures.into_iter().take(MAX_LISTED).map(picture).collect(),
        creation_time: facts.creation_time.filter(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok()),
    }
}

fn color(color: Color) -> Color {
    Color {
        pixel_format: color.pixel_format.and_then(name),
        bit_depth: color.bit_depth,
        range: color.range.and_then(name),
        space: color.space.and_then(name),
        primaries: color.primaries.and_then(name),
        transfer: color.transfer.and_then(name),
    }
}

fn picture(picture: AttachedPicture) -> AttachedPicture {
    AttachedPicture { codec: picture.codec.and_then(name), ..picture }
}

fn names(all: Vec<String>) -> Vec<String> {
    all.into_iter().filter_map(name).take(MAX_LISTED).collect()
}

/// Returns a name if it is short and printable ASCII, as ffprobe's names are.
fn name(text: String) -> Option<String> {
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    ((1..=MAX_NAME_BYTES).contains(&text.len()) && printable).then_some(text)
}

fn number(number: f64) -> Option<f64> {
    (MIN_NUMBER..=MAX_NUMBER).contains(&number).then_some(number)
}

/// Returns the reason if it is a sentence of plain characters, since clients see it.
fn reason(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ,.:;()'-".contains(c);
    let text = text.trim();
    let is_sentence = !text.is_empty() && text.len() <= MAX_REASON_CHARS && text.chars().all(plain);
    if is_sentence { text.to_owned() } else { NO_REASON.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_facts::{DurationSource, MediaType};
    use serde_json::json;

    fn report(found: Found) -> ProbeReport {
        ProbeReport {
            key: "files/o/i".to_owned(),
            etag: "\"e\"".to_owned(),
            content_type: Some("video/mp4".to_owned()),
            ffprobe: Some("7.1.5 (1f0c3a9e)".to_owned()),
            ends_upload: false,
            poster: None,
            found,
        }
    }

    fn found() -> MediaFound {
        let text = |text: &str| Some(text.to_owned());
        MediaFound {
            media_type: MediaType::Video,
            summary: ProbeSummary {
                width: Some(1920),
                height: Some(1080),
                duration: Some(12.5),
                duration_source: Some(DurationSource::Stated),
                format_name: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
                video_codec: text("h264"),
                audio_codec: text("aac"),
                frame_rate: Some(29.97),
                bit_rate: Some(5_000_000),
                rotation: Some(90),
            },
            facts: ProbeFacts {
                frame_rate_ratio: text("30000/1001"),
                channel_layout: text("5.1(side)"),
                audio_languages: vec!["deu".to_owned(), "pt-BR".to_owned()],
                attached_pictures: vec![AttachedPicture { codec: text("mjpeg"), ..Default::default() }],
                creation_time: text("2024-05-06T07:08:09Z"),
                color: Some(Color { pixel_format: text("yuv420p10le"), ..Default::default() }),
                ..Default::default()
            },
            full: json!({"format": {"tags": {"title": "\u{0}<b>ü🎬"}}, "streams": [{"index": 0}], "chapters": []}),
            partial: text("ffprobe would have to read more than 256 MiB of the file"),
        }
    }

    fn of_media(found: MediaFound) -> Result<MediaFound, Malformed> {
        match checked(report(Found::Media(Box::new(found))))?.found {
            Found::Media(media) => Ok(*media),
            Found::Unreadable(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn valid_values_are_kept_unchanged() {
        assert_eq!(of_media(found()), Ok(found()));
        let unreadable = report(Found::Unreadable("the file ends too early".to_owned()));
        assert_eq!(checked(unreadable.clone()), Ok(unreadable));
    }

    #[test]
    fn impossible_numbers_are_removed() {
        for wrong in [0.0, -1.0, 1e300, 1e-300, f64::NAN, f64::INFINITY] {
            let mut odd = found();
            (odd.summary.duration, odd.summary.frame_rate) = (Some(wrong), Some(wrong));
            let summary = of_media(odd).unwrap().summary;
            assert_eq!((summary.duration, summary.duration_source, summary.frame_rate), (None, None, None));
        }
        for (rotation, kept) in [(0, None), (-90, None), (360, None), (359, Some(359)), (i32::MIN, None)] {
            let mut odd = found();
            odd.summary.rotation = Some(rotation);
            assert_eq!(of_media(odd).unwrap().summary.rotation, kept);
        }
    }

    #[test]
    fn texts_that_ffprobe_does_not_write_are_removed() {
        for wrong in ["", "a\nb", "a\u{0}", "ü", "\u{202e}x", &"x".repeat(129)] {
            let mut odd = found();
            odd.summary.format_name = wrong.to_owned();
            odd.summary.video_codec = Some(wrong.to_owned());
            odd.facts.audio_languages.push(wrong.to_owned());
            odd.facts.creation_time = Some(wrong.to_owned());
            let clean = of_media(odd).unwrap();
            assert_eq!(
                (clean.summary.format_name.as_str(), clean.summary.video_codec),
                ("", None),
                "{wrong:?}"
            );
            assert_eq!(
                (clean.facts.audio_languages.len(), clean.facts.creation_time),
                (2, None),
                "{wrong:?}"
            );
            let odd = ProbeReport {
                content_type: Some(wrong.to_owned()),
                ffprobe: Some(wrong.to_owned()),
                ..report(Found::Unreadable(wrong.to_owned()))
            };
            let clean = checked(odd).unwrap();
            assert_eq!((clean.content_type, clean.ffprobe), (None, None), "{wrong:?}");
        }
        let many = vec!["deu".to_owned(); 10_000];
        assert_eq!(names(many).len(), MAX_LISTED);
    }

    #[test]
    fn a_reason_is_a_plain_sentence() {
        for wrong in ["", " ", "see https://evil.example/", "<script>", "a\nb", "ü", &"x".repeat(201)] {
            assert_eq!(reason(wrong), NO_REASON, "{wrong:?}");
        }
    }

    #[test]
    fn the_full_output_has_exactly_three_members() {
        let mut more = found();
        more.full["facts"] = json!({"hdr": "hdr10"});
        more.full["pk"] = json!("owner#other");
        assert_eq!(of_media(more), Ok(found()));
        for wrong in [
            json!(null),
            json!("text"),
            json!([]),
            json!({}),
            json!({"format": [], "streams": [], "chapters": []}),
            json!({"format": {}, "streams": {}, "chapters": []}),
            json!({"format": {}, "streams": [1], "chapters": []}),
            json!({"format": {}, "streams": [], "chapters": ["x"]}),
        ] {
            assert_eq!(
                of_media(MediaFound { full: wrong.clone(), ..found() }),
                Err(Malformed("full")),
                "{wrong}"
            );
        }
        let mut long = found();
        long.full["format"]["tags"]["title"] = json!("x".repeat(MAX_FULL_BYTES));
        assert_eq!(of_media(long), Err(Malformed("full: too long")));
    }
}
