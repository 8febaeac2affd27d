use files_domain::{FileName, clean_content_type};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The requested disposition of a download.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// Display in the browser, if the type is safe.
    Inline,
    /// Save as a file.
    #[default]
    Attachment,
}

/// The response headers of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadHeaders {
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Disposition` (RFC 6266).
    pub content_disposition: String,
}

/// Returns whether bytes of this type can be displayed without running scripts. SVG images can contain scripts.
fn is_media(content_type: &str) -> bool {
    const RASTER: [&str; 14] = [
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "image/tiff",
        "image/heic",
        "image/apng",
        "image/heif",
        "image/heic-sequence",
        "image/heif-sequence",
        "image/jxl",
        "image/jp2",
    ];
    content_type.starts_with("audio/") || content_type.starts_with("video/") || RASTER.contains(&content_type)
}

impl DownloadHeaders {
    /// Returns the headers for a poster.
    #[must_use]
    pub fn poster() -> Self {
        Self { content_type: "image/jpeg".to_owned(), content_disposition: "inline".to_owned() }
    }

    /// Returns the headers for a file. Media keep their type and are inline if requested; any other file is an attachment of type
    /// `application/octet-stream`.
    #[must_use]
    pub fn new(name: &FileName, content_type: Option<&str>, wanted: Disposition) -> Self {
        let content_type = content_type.and_then(clean_content_type);
        let media = content_type.as_deref().filter(|content_type| is_media(content_type));
        let kind = if media.is_some() && wanted == Disposition::Inline { "inline" } else { "attachment" };
        Self {
            content_type: media.unwrap_or("application/octet-stream").to_owned(),
            content_disposition: format!("{kind}; {}", filename_parameters(name.as_str())),
        }
    }
}

/// The characters of an extended parameter that are encoded: all except `attr-char` (RFC 8187, section 3.2.1).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

fn filename_parameters(name: &str) -> String {
    let plain = |c: char| {
        if (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%') { c } else { '_' }
    };
    let fallback: String = name.chars().map(plain).collect();
    format!("filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR_CHAR))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, content_type: Option<&str>, wanted: Disposition) -> (String, String) {
        let headers = DownloadHeaders::new(&FileName::clean(name).unwrap(), content_type, wanted);
        (headers.content_type, headers.content_disposition)
    }

    #[test]
    fn only_types_without_scripts_are_inline() {
        for (content_type, shown) in [
            ("video/mp4", true),
            ("AUDIO/MPEG; x=y", true),
            ("image/png", true),
            ("image/heif", true),
            ("image/jxl", true),
            ("image/jp2", true),
            ("image/x-tga", false),
            ("video/mp4,text/html", false),
            ("image/svg+xml", false),
            ("text/html", false),
            ("application/pdf", false),
        ] {
            let (as_type, disposition) = headers("a", Some(content_type), Disposition::Inline);
            assert_eq!(disposition.starts_with("inline; "), shown, "{content_type}");
            assert_eq!(as_type == "application/octet-stream", !shown, "{content_type}");
        }
        assert_eq!(headers("a", None, Disposition::Inline).0, "application/octet-stream");
    }

    #[test]
    fn names_are_encoded_for_every_browser_and_cannot_inject_headers() {
        let (_, disposition) = headers("né \"x\"; 🎬.mp4", Some("video/mp4"), Disposition::Attachment);
        assert_eq!(
            disposition,
            "attachment; filename=\"n_ _x_; _.mp4\"; filename*=UTF-8''n%C3%A9%20%22x%22%3B%20%F0%9F%8E%AC.mp4"
        );
    }
}
