//! What media type a file has by its bytes, when it does not have the one it was given.

use media_facts::MediaType;
use serde_json::Value;

use crate::media::Media;
use crate::probe::Outcome;

const ANY_BYTES: &str = "application/octet-stream";

/// Types that a container is known by, the usual one of each kind first. By the first of ffprobe's names for it.
const CONTAINERS: &[(&str, &[&str])] = &[
    (
        "mov",
        &[
            "video/mp4",
            "audio/mp4",
            "image/heif",
            "video/quicktime",
            "video/x-m4v",
            "video/3gpp",
            "video/3gpp2",
            "video/mj2",
            "audio/x-m4a",
            "audio/m4a",
            "audio/3gpp",
            "audio/3gpp2",
            "audio/aac",
            "image/heic",
            "image/avif",
            "image/heif-sequence",
            "image/heic-sequence",
            "application/mp4",
        ],
    ),
    (
        "matroska",
        &[
            "video/x-matroska",
            "audio/x-matroska",
            "video/matroska",
            "audio/matroska",
            "video/webm",
            "audio/webm",
        ],
    ),
    ("avi", &["video/x-msvideo", "video/vnd.avi", "video/avi", "video/msvideo"]),
    ("flv", &["video/x-flv", "audio/x-flv", "video/flv"]),
    ("asf", &["video/x-ms-wmv", "audio/x-ms-wma", "video/x-ms-asf", "application/vnd.ms-asf"]),
    ("mpegts", &["video/mp2t", "audio/mp2t", "video/vnd.dlna.mpeg-tts"]),
    ("mpeg", &["video/mpeg", "audio/mpeg", "video/mp2p"]),
    ("mpegvideo", &["video/mpeg"]),
    ("mxf", &["application/mxf", "video/mxf"]),
    ("ogg", &["video/ogg", "audio/ogg", "audio/opus", "audio/vorbis", "audio/speex", "application/ogg"]),
    ("rm", &["application/vnd.rn-realmedia", "audio/x-pn-realaudio", "audio/vnd.rn-realaudio"]),
    ("dv", &["video/dv", "video/x-dv"]),
    ("wav", &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/vnd.dts"]),
    ("aiff", &["audio/aiff", "audio/x-aiff"]),
    ("caf", &["audio/x-caf"]),
    ("au", &["audio/basic", "audio/x-au"]),
    ("mp3", &["audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg", "audio/x-mp3", "audio/mpa"]),
    ("aac", &["audio/aac", "audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts", "audio/vnd.dlna.adts"]),
    ("ac3", &["audio/ac3", "audio/x-ac3"]),
    ("eac3", &["audio/eac3", "audio/x-eac3"]),
    ("flac", &["audio/flac", "audio/x-flac"]),
    ("amr", &["audio/amr", "audio/amr-wb"]),
    ("gif", &["image/gif"]),
    ("apng", &["image/apng", "image/png", "image/vnd.mozilla.apng"]),
    ("png_pipe", &["image/png", "image/apng"]),
    ("jpeg_pipe", &["image/jpeg", "image/jpg", "image/pjpeg"]),
    ("webp_pipe", &["image/webp"]),
    ("bmp_pipe", &["image/bmp", "image/x-ms-bmp", "image/x-bmp"]),
    ("tiff_pipe", &["image/tiff", "image/x-adobe-dng", "image/dng"]),
    ("ico", &["image/x-icon", "image/vnd.microsoft.icon"]),
    ("jpegxl_pipe", &["image/jxl"]),
    ("jpegxl_anim", &["image/jxl"]),
    ("j2k_pipe", &["image/jp2", "image/jpx", "image/j2c", "image/x-jp2"]),
    ("psd_pipe", &["image/vnd.adobe.photoshop", "image/x-photoshop", "application/x-photoshop"]),
];

/// The media type to give a file, if the one it has (`stated`) is missing or is not what its bytes are; `head` is the
/// beginning of them. A type of pictures, sound or video stays only with bytes that are such: browsers show those in place.
#[must_use]
pub fn true_content_type(stated: Option<&str>, head: &[u8], outcome: &Outcome) -> Option<String> {
    let stated = stated.unwrap_or(ANY_BYTES);
    let by_bytes = infer::get(head).map(|found| found.mime_type());
    let found = match outcome {
        Outcome::Media(media) => of_media(stated, by_bytes, media),
        Outcome::Unreadable(_) => of_other(stated, by_bytes),
    };
    (found != stated).then(|| found.to_owned())
}

fn of_media<'a>(stated: &'a str, by_bytes: Option<&'static str>, media: &Media) -> &'a str {
    let format = media.summary.format_name.split(',').next().unwrap_or_default();
    let kind = format!("{}/", media.media_type.as_str());
    let known = CONTAINERS.iter().find(|(name, _)| *name == format).map(|(_, types)| *types);
    let fits = match known {
        // A type for video is often given to sound in the same container; not the other way round.
        Some(types) => {
            types.contains(&stated) && (stated.starts_with(&kind) || !shown_as(stated, media.media_type))
        }
        None => stated.starts_with(&kind),
    };
    if fits {
        return stated;
    }
    let usual = || known?.iter().copied().find(|name| name.starts_with(&kind) || !is_media(name));
    let exact =
        by_bytes.filter(|found| found.starts_with(&kind) && known.is_none_or(|types| types.contains(found)));
    by_brand(media).or(exact).or_else(usual).unwrap_or_else(|| of_other(stated, None))
}

/// Whether a type says of the file what it is not: moving pictures of a still, sound of a film.
fn shown_as(stated: &str, media_type: MediaType) -> bool {
    let video_of_sound = media_type == MediaType::Audio && stated.starts_with("video/");
    is_media(stated) && !video_of_sound
}

fn by_brand(media: &Media) -> Option<&'static str> {
    let brand = media.full.get("format")?.get("tags")?.get("major_brand").and_then(Value::as_str)?.trim();
    match (media.media_type, brand) {
        (MediaType::Image, "avif" | "avis") => Some("image/avif"),
        (MediaType::Image, "heic" | "heix") => Some("image/heic"),
        (MediaType::Video, "qt") => Some("video/quicktime"),
        (MediaType::Video, brand) if brand.starts_with("3gp") => Some("video/3gpp"),
        _ => None,
    }
}

/// Of what is no media that ffprobe can read: media types are not believed, others are.
fn of_other<'a>(stated: &'a str, by_bytes: Option<&'static str>) -> &'a str {
    let same_kind = |found: &str| found.split('/').next() == stated.split('/').next();
    match by_bytes {
        Some(found) if is_media(stated) && !same_kind(found) => found,
        None if is_media(stated) => ANY_BYTES,
        Some(found) if stated == ANY_BYTES => found,
        _ => stated,
    }
}

/// SVG is text, and never shown in place.
fn is_media(content_type: &str) -> bool {
    ["video/", "audio/", "image/"].iter().any(|kind| content_type.starts_with(kind))
        && content_type != "image/svg+xml"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const HTML: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";
    const PDF: &[u8] = b"%PDF-1.7\n";

    fn media(format: &str, brand: &str, streams: &str) -> Outcome {
        let text = format!(
            r#"{{"format":{{"format_name":"{format}","tags":{{"major_brand":"{brand}"}}}},"streams":[{streams}]}}"#
        );
        Outcome::Media(Box::new(parse::media(text.as_bytes()).unwrap()))
    }

    fn unreadable() -> Outcome {
        Outcome::Unreadable("not media".to_owned())
    }

    const PICTURE: &str = r#"{"codec_type":"video","codec_name":"x"}"#;
    const SOUND: &str = r#"{"codec_type":"audio","codec_name":"x"}"#;

    #[test]
    fn what_fits_stays_and_what_does_not_is_replaced() {
        let cases = [
            ("mov,mp4,m4a", "isom", PICTURE, "video/mp4", None),
            ("mov,mp4,m4a", "isom", PICTURE, "video/quicktime", None),
            ("mov,mp4,m4a", "isom", PICTURE, "audio/mp4", Some("video/mp4")),
            ("mov,mp4,m4a", "isom", SOUND, "video/mp4", None),
            ("mov,mp4,m4a", "qt  ", PICTURE, "video/webm", Some("video/quicktime")),
            ("mov,mp4,m4a", "M4A ", SOUND, "application/octet-stream", Some("audio/mp4")),
            ("mov,mp4,m4a", "avif", PICTURE, "video/mp4", Some("image/avif")),
            ("matroska,webm", "", PICTURE, "video/webm", None),
            ("matroska,webm", "", PICTURE, "video/mp4", Some("video/x-matroska")),
            ("mxf", "", PICTURE, "application/mxf", None),
            ("mxf", "", PICTURE, "text/plain", Some("application/mxf")),
            ("wav", "", SOUND, "audio/x-wav", None),
            ("wav", "", SOUND, "text/html", Some("audio/wav")),
            ("png_pipe", "", PICTURE, "image/svg+xml", Some("image/png")),
            ("ivf", "", PICTURE, "video/x-ivf", None),
            ("ivf", "", PICTURE, "image/png", Some("application/octet-stream")),
            ("ivf", "", PICTURE, "application/octet-stream", None),
        ];
        for (format, brand, streams, stated, expected) in cases {
            let found = true_content_type(Some(stated), b"", &media(format, brand, streams));
            assert_eq!(found.as_deref(), expected, "{stated} of {format} {brand}");
        }
        let mut webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm".to_vec();
        webm.resize(300, 0); // the crate looks at no less
        let found = true_content_type(None, &webm, &media("matroska,webm", "", PICTURE));
        assert_eq!(found.as_deref(), Some("video/webm"));
    }

    #[test]
    fn what_is_no_media_is_never_called_media() {
        let cases: [(&str, &[u8], Option<&str>); 9] = [
            ("image/png", HTML, Some("text/html")),
            ("video/mp4", b"<svg onload=alert(1)>", Some("application/octet-stream")),
            ("image/svg+xml", b"<svg onload=alert(1)>", None),
            ("audio/mpeg", PDF, Some("application/pdf")),
            ("image/jpeg", PNG, None),
            ("application/octet-stream", PDF, Some("application/pdf")),
            ("application/octet-stream", b"words", None),
            ("application/x-subrip", b"1\n00:00", None),
            ("font/ttf", PDF, None),
        ];
        for (stated, head, expected) in cases {
            let found = true_content_type(Some(stated), head, &unreadable());
            assert_eq!(found.as_deref(), expected, "{stated}");
        }
        assert_eq!(true_content_type(None, PDF, &unreadable()).as_deref(), Some("application/pdf"));
        assert_eq!(true_content_type(None, b"", &unreadable()), None);
    }
}
