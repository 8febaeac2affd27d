//! Chooses file names.

use files_domain::FileName;
use safe_fetch::{Source, Url};

/// Extensions of programs and web pages in URLs. They do not describe the file in the response.
const PROGRAMS: [&str; 18] = [
    "php", "php5", "php7", "phtml", "asp", "aspx", "ashx", "jsp", "jspx", "do", "action", "cgi", "pl", "py",
    "rb", "cfm", "html", "htm",
];
/// File extensions by media type.
const EXTENSIONS: [(&str, &str); 34] = [
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
    ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/mp2t", "ts"),
    ("video/mpeg", "mpg"),
    ("video/ogg", "ogv"),
    ("video/x-msvideo", "avi"),
    ("video/x-flv", "flv"),
    ("video/3gpp", "3gp"),
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/x-m4a", "m4a"),
    ("audio/aac", "aac"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/flac", "flac"),
    ("audio/x-flac", "flac"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/ac3", "ac3"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/avif", "avif"),
    ("image/heic", "heic"),
    ("image/svg+xml", "svg"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/x-subrip", "srt"),
    ("text/vtt", "vtt"),
    ("text/csv", "csv"),
];

/// Returns the file extension for a media type.
pub(crate) fn extension_of(content_type: &str) -> Option<&'static str> {
    EXTENSIONS.iter().find(|(known, _)| *known == content_type).map(|(_, extension)| *extension)
}

/// Returns the file name of a response: from `Content-Disposition`, if that is a usable name, or else from the requested path, or else from the path of the
/// final URL. A name without an extension, or with that of a program, gets `extension`.
pub(crate) fn source_name(source: &Source, requested: &Url, extension: Option<&str>) -> Option<FileName> {
    let disposition = source.disposition_name.as_deref().map(|name| with_extension(name, extension));
    if let Some(name) = disposition.as_deref().and_then(FileName::clean) {
        return Some(name);
    }
    let names = [path_name(requested), path_name(&source.final_url)];
    let named = names.iter().flatten().find(|name| own_extension(name).is_some());
    let name = named.or(names[1].as_ref()).or(names[0].as_ref())?;
    FileName::clean(&with_extension(without_program(name), extension))
}

/// Replaces the extension of a name. An empty stem becomes `stream`.
pub(crate) fn with_new_extension(name: Option<&str>, extension: &str) -> Option<FileName> {
    let name = name.unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    FileName::clean(&format!("{}.{extension}", if stem.is_empty() { "stream" } else { stem }))
}

/// Returns the last segment of a path that is not empty, percent-decoded.
fn path_name(url: &Url) -> Option<String> {
    let segment = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    Some(safe_fetch::decode_path(segment))
}

/// Returns the extension of a path in lower case, unless it is that of a program.
pub(crate) fn path_extension(url: &Url) -> Option<String> {
    own_extension(&path_name(url)?).map(str::to_ascii_lowercase)
}

/// Returns the extension of a name, unless it is that of a program.
fn own_extension(name: &str) -> Option<&str> {
    extension(name).filter(|extension| !is_program(extension))
}

/// Returns the extension of a name: up to eight letters and digits with at least one letter, so that `v1.2` has none.
fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_word = (1..=8).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    let has_letter = extension.bytes().any(|b| b.is_ascii_alphabetic());
    (!stem.is_empty() && is_word && has_letter).then_some(extension)
}

fn is_program(extension: &str) -> bool {
    PROGRAMS.iter().any(|program| extension.eq_ignore_ascii_case(program))
}

/// Removes the extension of a program: the response to `download.php` is not PHP.
fn without_program(name: &str) -> &str {
    match extension(name).filter(|extension| is_program(extension)) {
        Some(extension) => &name[..name.len() - extension.len() - 1],
        None => name,
    }
}

fn with_extension(name: &str, of_type: Option<&str>) -> String {
    match of_type.filter(|_| extension(name).is_none()) {
        Some(of_type) => format!("{}.{of_type}", name.trim_end_matches('.')),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_words() {
        for (name, expected) in [
            ("a.mp4", Some("mp4")),
            ("a.MP4", Some("MP4")),
            ("a.b.c.srt", Some("srt")),
            ("v1.2", None),
            (".mp4", None),
            ("get", None),
            ("a.unknown_video", None),
            ("a.", None),
        ] {
            assert_eq!(extension(name), expected, "{name}");
        }
        assert_eq!((own_extension("download.PHP"), without_program("download.PHP")), (None, "download"));
        assert_eq!(
            (without_program("a.mp4"), with_extension("get", Some("mp4"))),
            ("a.mp4", "get.mp4".to_owned())
        );
        assert_eq!(with_extension("a.mov", Some("mp4")), "a.mov");
    }
}
