//! Detects the media type of a file from its bytes, and corrects the declared one.

mod signature;
mod table;
mod text;

use media_facts::MediaType;
use serde_json::Value;

use self::signature::Found;
pub(crate) use self::signature::{is_camera_raw, is_targa_header, kind};
use self::table::{CONTAINERS, Container};
use crate::media::Media;
use crate::probe::Outcome;

const OCTET_STREAM: &str = "application/octet-stream";

/// Video types of containers for which sound alone has no other type in use, or which name the container whatever it holds.
const GENERAL_VIDEO: [&str; 7] = [
    "video/x-ms-asf",
    "video/ogg",
    "video/quicktime",
    "video/mpeg",
    "video/mp2t",
    "video/mp2p",
    "video/vnd.dlna.mpeg-tts",
];

/// Picture formats whose headers this crate reads without ffprobe.
const PICTURE_FORMATS: [(&str, &str); 3] =
    [("tga", "image/x-tga"), ("icns", "image/icns"), ("cur", "image/x-win-bitmap")];

/// Returns the media type of a file if the `stated` one is missing or contradicts its bytes. `head` is the beginning of the
/// bytes; `extension`, in lower case, distinguishes text formats. A type of images, audio or video is kept only for bytes that
/// match it, since browsers render those inline.
#[must_use]
pub fn corrected_content_type(
    stated: Option<&str>,
    extension: Option<&str>,
    head: &[u8],
    outcome: &Outcome,
) -> Option<String> {
    let stated = stated.unwrap_or(OCTET_STREAM);
    let found = match outcome {
        Outcome::Media(media) => of_media(stated, head, media),
        Outcome::Unreadable(_) => of_other(stated, head, extension),
    };
    (found != stated).then(|| found.to_owned())
}

fn of_media<'a>(stated: &'a str, head: &[u8], media: &Media) -> &'a str {
    let kind = format!("{}/", media.media_type.as_str());
    let format = media.summary.format_name.split(',').next().unwrap_or_default();
    let Some(container) = Container::named(format) else {
        let usual = PICTURE_FORMATS.iter().find(|(name, _)| *name == format).map(|(_, found)| *found);
        if let Some(usual) = usual {
            return if is_same(stated, usual) { stated } else { usual };
        }
        return if stated.starts_with(&kind) { stated } else { OCTET_STREAM };
    };
    let is_general = media.media_type == MediaType::Audio && GENERAL_VIDEO.contains(&stated);
    let fits = stated.starts_with(&kind) || !is_media(stated) || is_general;
    if container.types.contains(&stated) && fits && !contradicts_brand(stated, media) {
        return stated;
    }
    let exact = media.content_type.or_else(|| by_brand(media)).or_else(|| web_media(head, media.media_type));
    let exact = exact.or_else(|| rare_kind(head));
    exact
        .and_then(|name| container.of_kind(name, &kind))
        .or_else(|| container.usual(&kind))
        .unwrap_or(OCTET_STREAM)
}

/// Returns whether a declared type of a picture names another format than its brand does. `image/heif` names all of them.
fn contradicts_brand(stated: &str, media: &Media) -> bool {
    let format = |name: &str| name.trim_end_matches("-sequence").to_owned();
    let differs = |found: &str| {
        let (stated, found) = (format(stated), format(found));
        stated != found && stated != "image/heif" && found != "image/heif"
    };
    media.media_type == MediaType::Image && by_brand(media).is_some_and(differs)
}

/// Returns the media type by the brands of an ISO base media file: the major one, and for a picture with a general major brand
/// also the compatible ones.
fn by_brand(media: &Media) -> Option<&'static str> {
    let tags = media.full.get("format")?.get("tags")?;
    let major = tags.get("major_brand").and_then(Value::as_str)?;
    let others = tags.get("compatible_brands").and_then(Value::as_str).unwrap_or_default().as_bytes();
    let is_codec = |name: &&[u8]| name.starts_with(b"hei") || name.starts_with(b"avif");
    let codec = || others.chunks(4).find(is_codec);
    let general = media.media_type == MediaType::Image && matches!(major.trim(), "mif1" | "mif2" | "miaf");
    let specific = general.then(codec).flatten().and_then(|name| std::str::from_utf8(name).ok());
    specific.and_then(signature::brand).or_else(|| signature::brand(major))
}

/// Returns the media type of a TIFF variant that has its own signature.
fn rare_kind(head: &[u8]) -> Option<&'static str> {
    match signature::find(head, None) {
        Some(Found::Type(name)) => Some(name),
        _ => None,
    }
}

/// Returns the media type of WebM, which is Matroska with its own document type (RFC 8794, 11.2.7).
fn web_media(head: &[u8], media_type: MediaType) -> Option<&'static str> {
    let header = &head[..head.len().min(64)];
    let at = header.windows(2).position(|id| id == b"\x42\x82")?;
    let is_web = header.get(at + 3..).is_some_and(|name| name.starts_with(b"webm"));
    is_web.then_some(if media_type == MediaType::Audio { "audio/webm" } else { "video/webm" })
}

/// Returns the media type of a file that ffprobe cannot read. A stated type of media, or a generic one, is replaced; any other
/// is kept.
fn of_other<'a>(stated: &'a str, head: &[u8], extension: Option<&str>) -> &'a str {
    let Some(found) = signature::find(head, extension) else {
        return if is_media(stated) { OCTET_STREAM } else { stated };
    };
    let is_open = is_media(stated) || matches!(stated, OCTET_STREAM | "binary/octet-stream" | "text/html");
    match found {
        _ if !is_open => stated,
        Found::Container(container) if container.types.contains(&stated) => stated,
        Found::Container(container) => {
            let by_others = infer::get(head).map_or("", |found| found.mime_type());
            let kind = by_others.split_inclusive('/').next().filter(|_| container.types.contains(&by_others));
            container.usual(kind.unwrap_or_default()).unwrap_or(OCTET_STREAM)
        }
        Found::Type(name) if is_same(stated, name) => stated,
        Found::Type(name) => name,
    }
}

/// Returns whether both types name the same format, or are unregistered types (`x-`) of the same kind.
fn is_same(stated: &str, found: &str) -> bool {
    let rare =
        |name: &str| is_media(name) && name.split_once('/').is_some_and(|(_, name)| name.starts_with("x-"));
    let same_kind = stated.split('/').next() == found.split('/').next();
    let one_container =
        |container: &Container| container.types.contains(&stated) && container.types.contains(&found);
    stated == found || (rare(stated) && rare(found) && same_kind) || CONTAINERS.iter().any(one_container)
}

/// Returns whether a media type is one of images, audio or video. SVG does not count: it is text and never rendered inline.
fn is_media(content_type: &str) -> bool {
    ["video/", "audio/", "image/"].iter().any(|kind| content_type.starts_with(kind))
        && content_type != "image/svg+xml"
}

#[cfg(test)]
mod tests;
