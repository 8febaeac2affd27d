//! Classifies a response by its first bytes, its media type and the extension of its path.
//!
//! Media types are often wrong: PHP's `readfile` sends any file as `text/html`, S3 sends playlists as
//! `application/octet-stream`, and a login page replaces a video under `video/mp4`. The first bytes therefore come first, in the
//! order of the WHATWG's MIME sniffing: <https://mimesniff.spec.whatwg.org/>.

use hls_stream::is_playlist;

/// The number of bytes to look at.
pub(crate) const HEAD_BYTES: usize = 4096;

/// The kind of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// A file, stored as it is.
    File,
    /// A web page, which may embed media.
    Page,
    /// An HLS playlist.
    Playlist,
    /// An MPEG-DASH manifest.
    Dash,
    /// A Microsoft Smooth Streaming manifest.
    SmoothStreaming,
    /// An Adobe HTTP Dynamic Streaming manifest (F4M).
    Hds,
}

/// What the headers and the URL declare about a body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Declared<'a> {
    /// The media type: lower case, without parameters.
    pub(crate) content_type: Option<&'a str>,
    /// The extensions of the final path and of the requested path: lower case.
    pub(crate) extensions: [Option<&'a str>; 2],
    /// Whether `Content-Disposition` is `attachment`.
    pub(crate) is_attachment: bool,
}

impl Declared<'_> {
    fn has_extension(&self, of: &[&str]) -> bool {
        self.extensions.iter().flatten().any(|own| of.contains(own))
    }

    fn has_type(&self, of: &[&str]) -> bool {
        self.content_type.is_some_and(|content_type| of.contains(&content_type))
    }
}

/// Extensions of media files.
const MEDIA: [&str; 26] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "m2ts", "mpg", "mpeg", "wmv", "flv", "3gp", "mp3",
    "m4a", "aac", "ogg", "opus", "flac", "wav", "jpg", "jpeg", "png", "gif", "webp", "heic",
];
/// Extensions of text formats.
const TEXTS: [&str; 15] = [
    "srt", "vtt", "ass", "ssa", "sub", "lrc", "txt", "csv", "json", "xml", "svg", "cube", "md", "ttml",
    "yaml",
];
/// The tags that web pages begin with, as in the WHATWG's table. Only web pages begin with one of the first three.
const PAGE_TAGS: [&str; 22] = [
    "!doctype html",
    "html",
    "head",
    "title",
    "meta",
    "link",
    "script",
    "style",
    "base",
    "body",
    "div",
    "p",
    "h1",
    "a",
    "b",
    "br",
    "table",
    "font",
    "iframe",
    "video",
    "audio",
    "center",
];
/// The media types of MPEG-DASH manifests.
const DASH: [&str; 2] = ["application/dash+xml", "video/vnd.mpeg.dash.mpd"];
/// The media type of Smooth Streaming manifests.
const SMOOTH_STREAMING: [&str; 1] = ["application/vnd.ms-sstr+xml"];

/// The media type of Adobe's manifests.
const HDS: [&str; 1] = ["application/f4m+xml"];

/// Classifies a body that begins with `head`: its first [`HEAD_BYTES`] bytes, or all of it.
pub(crate) fn classify(head: &[u8], declared: Declared<'_>) -> ContentKind {
    let text = text_of(head);
    let may_be_playlist = declared.content_type.is_some_and(is_playlist) || declared.has_extension(&["m3u8"]);
    let is_gzip = head.starts_with(&[0x1f, 0x8b]);
    if text.starts_with("#EXTM3U") || (may_be_playlist && is_gzip) {
        return ContentKind::Playlist;
    }
    if is_gzip && (declared.has_type(&DASH) || declared.has_extension(&["mpd"])) {
        return ContentKind::Dash;
    }
    if head.is_empty() || (is_binary(head) && !begins_page(&text, 3)) {
        return ContentKind::File;
    }
    if let Some(manifest) = manifest(&text, declared) {
        return manifest;
    }
    if declared.content_type.is_some_and(is_playlist) {
        return ContentKind::Playlist; // the playlist parser refuses it with a reason
    }
    if is_page(&text, declared) { ContentKind::Page } else { ContentKind::File }
}

/// Returns the type of a binary file by its signature.
pub(crate) fn sniffed_type(head: &[u8]) -> Option<infer::Type> {
    infer::get(head).filter(|found| found.matcher_type() != infer::MatcherType::Text)
}

/// Decodes the head as text, without byte order mark and leading white space. Of UTF-16, only ASCII characters survive.
fn text_of(head: &[u8]) -> String {
    let head = match head {
        [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] => {
            rest.iter().copied().filter(|byte| *byte != 0).collect::<Vec<_>>()
        }
        _ => head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).to_vec(),
    };
    String::from_utf8_lossy(head.trim_ascii_start()).into_owned()
}

/// Returns whether the head contains control characters that do not occur in text, or begins with a binary signature.
fn is_binary(head: &[u8]) -> bool {
    let is_utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let control = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    // Some signatures have only two letters (BM, MZ), with which a text may begin too.
    let is_signed =
        ["%PDF-", "%!PS", "{\\rtf"].iter().any(|signature| head.starts_with(signature.as_bytes()))
            || (head.first().is_some_and(|first| *first >= 0x80) && sniffed_type(head).is_some());
    !is_utf16 && (is_signed || head.iter().any(control))
}

fn manifest(text: &str, declared: Declared<'_>) -> Option<ContentKind> {
    if declared.has_type(&DASH) {
        return Some(ContentKind::Dash);
    }
    if declared.has_type(&SMOOTH_STREAMING) {
        return Some(ContentKind::SmoothStreaming);
    }
    if !text.starts_with('<') || begins_page(text, 2) {
        return None;
    }
    match root_element(text) {
        Some("MPD") => Some(ContentKind::Dash),
        Some("SmoothStreamingMedia") => Some(ContentKind::SmoothStreaming),
        Some("manifest") if declared.has_type(&HDS) || text.contains("ns.adobe.com/f4m") => {
            Some(ContentKind::Hds)
        }
        _ => declared.has_extension(&["mpd"]).then_some(ContentKind::Dash),
    }
}

/// Returns the name of the root element of an XML text, without its namespace prefix. `None` if the text ends before it.
fn root_element(text: &str) -> Option<&str> {
    let tag = after_prolog(text)?.strip_prefix('<')?;
    let name = tag.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
    Some(name.rsplit_once(':').map_or(name, |(_, local)| local))
}

/// Returns a text from its first element on: without XML declaration, processing instructions, comments and document type (XML 1.0,
/// section 2.8). `None` if one of these does not end.
fn after_prolog(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        let end = if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!DOCTYPE") && !rest.contains('[') {
            ">"
        } else {
            return Some(rest);
        };
        rest = rest.split_once(end)?.1.trim_start();
    }
}

/// Returns whether a text is a web page. A text declared as HTML is one, unless it is in another text format. A text declared as
/// media, or without a media type, is one if it begins with a tag that only web pages begin with.
fn is_page(text: &str, declared: Declared<'_>) -> bool {
    if declared.has_type(&["text/html", "application/xhtml+xml"]) {
        return is_declared_page(text, declared);
    }
    let is_media = declared.content_type.is_some_and(|content_type| {
        ["video/", "audio/", "image/"].iter().any(|kind| content_type.starts_with(kind))
    });
    let is_undeclared = declared.content_type.is_none() && !declared.has_extension(&["html", "htm", "xhtml"]);
    begins_page(text, 3)
        && (is_media || declared.has_extension(&MEDIA) || (is_undeclared && !declared.is_attachment))
}

fn is_declared_page(text: &str, declared: Declared<'_>) -> bool {
    if begins_page(text, PAGE_TAGS.len()) {
        return !declared.is_attachment || declared.has_extension(&MEDIA);
    }
    let is_other =
        ["WEBVTT", "[Script Info]", "{", "[", "<svg", "<tt"].iter().any(|start| text.starts_with(start))
            || is_subrip(text)
            || (text.starts_with("<?xml") && !text.contains("<html") && !text.contains("<rss"));
    let is_file = declared.is_attachment || declared.has_extension(&TEXTS);
    !is_other && (!is_file || text.contains("</"))
}

/// Returns whether a text begins with one of the first `known` tags of [`PAGE_TAGS`], after comments and an XML declaration.
fn begins_page(text: &str, known: usize) -> bool {
    let rest = text.trim_start();
    let rest = if rest.starts_with("<!DOCTYPE") { Some(rest) } else { after_prolog(rest) };
    let Some(tag) = rest.and_then(|rest| rest.strip_prefix('<')) else { return false };
    PAGE_TAGS.iter().take(known).any(|name| {
        let is_it = tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        is_it && tag[name.len()..].chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '>' | '/'))
    })
}

/// Returns whether a text begins as SubRip subtitles do: a line with a number, then one with two times.
fn is_subrip(text: &str) -> bool {
    let mut lines = text.lines();
    let number =
        lines.next().is_some_and(|line| !line.is_empty() && line.trim().bytes().all(|b| b.is_ascii_digit()));
    number && lines.next().is_some_and(|line| line.contains("-->"))
}

#[cfg(test)]
#[path = "kind_tests.rs"]
mod tests;
