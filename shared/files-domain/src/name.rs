use std::fmt;

use icu_normalizer::ComposingNormalizer;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize};

/// The name of a file: 1 to 255 bytes of UTF-8 without control, bidirectional or path characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FileName(String);

/// The media type of unknown bytes (RFC 2046, section 4.5.1).
const OCTET_STREAM: &str = "application/octet-stream";
/// Longest name, in bytes: the limit of common file systems.
const MAX_BYTES: usize = 255;
/// Longest extension, including its dot, that is kept when a long name is truncated, in bytes.
const MAX_EXTENSION_BYTES: usize = 32;

impl FileName {
    /// Returns the sanitized name: the last path segment of `raw`, without control and bidirectional characters and outer spaces,
    /// truncated to 255 bytes before its extension. `None` if the result is empty or invisible.
    #[must_use]
    pub fn clean(raw: &str) -> Option<Self> {
        let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
        let kept: String = last.chars().filter(|c| !is_unwanted(*c)).collect();
        let kept = kept.trim();
        if kept.trim_matches('.').is_empty() || kept.chars().all(is_invisible) {
            return None;
        }
        Some(Self(shorten(kept)))
    }

    /// Returns the name for a file without a valid name.
    #[must_use]
    pub fn fallback() -> Self {
        Self("file".to_owned())
    }

    /// Returns the media type of the extension; `application/octet-stream` if it is unknown.
    #[must_use]
    pub fn usual_content_type(&self) -> &'static str {
        mime_guess::from_path(&self.0).first_raw().unwrap_or(OCTET_STREAM)
    }

    /// Returns the announced media type, or that of the extension if the announced one is generic.
    #[must_use]
    pub fn content_type(&self, announced: Option<&str>) -> String {
        let says_something =
            |announced: &&str| !matches!(*announced, "" | OCTET_STREAM | "binary/octet-stream");
        announced.filter(says_something).unwrap_or_else(|| self.usual_content_type()).to_owned()
    }

    /// Returns the form in which names are compared, see [`spelling`].
    #[must_use]
    pub fn spelling(&self) -> String {
        spelling(&self.0)
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the form in which names are compared: percent-decoded twice, truncated at a question mark, and composed (Unicode, annex
/// 15). A name reaches the function in different spellings: gateways decode a path once or twice, HTTP APIs truncate it at a
/// question mark that appears after the first decoding, and clients compose or decompose characters.
#[must_use]
pub fn spelling(name: &str) -> String {
    let decode = |name: &str| percent_decode_str(name).decode_utf8_lossy().into_owned();
    let decoded = decode(&decode(name));
    let cut = decoded.split('?').next().unwrap_or_default();
    ComposingNormalizer::new_nfc().normalize(cut).into_owned()
}

/// Reads a name that was stored.
impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::clean(&String::deserialize(deserializer)?).unwrap_or_else(Self::fallback))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a character is removed: control characters, line and paragraph separators, the byte order mark, and
/// bidirectional controls (so that `gpj.exe` cannot be displayed as `exe.jpg`).
pub(crate) fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// Returns whether a character is invisible (Unicode, property `Default_Ignorable_Code_Point`, and blanks). Such characters are
/// kept within a name, where they join emoji or shape letters, but a name of them alone is invisible.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{ffa0}'
        )
        || ('\u{180b}'..='\u{180f}').contains(&c)
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || ('\u{fe00}'..='\u{fe0f}').contains(&c)
        || ('\u{e0000}'..='\u{e0fff}').contains(&c)
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let extension =
        name.rfind('.').map(|dot| &name[dot..]).filter(|e| e.len() <= MAX_EXTENSION_BYTES).unwrap_or("");
    let mut end = MAX_BYTES - extension.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", name[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(raw: &str) -> Option<String> {
        FileName::clean(raw).map(|name| name.to_string())
    }

    #[test]
    fn unicode_is_kept_and_paths_and_controls_are_removed() {
        for (raw, name) in [
            ("clip.mp4", "clip.mp4"),
            ("Ünïcödé 🎬.mp4", "Ünïcödé 🎬.mp4"),
            ("../../etc/passwd", "passwd"),
            ("C:\\media\\clip.mp4", "clip.mp4"),
            ("a\0b\r\nSet-Cookie: x.mp4", "abSet-Cookie: x.mp4"),
            ("  spaced out.mp4 ", "spaced out.mp4"),
            ("exe.\u{202e}gpj.exe", "exe.gpj.exe"),
            (".hidden", ".hidden"),
            ("parts", "parts"),
        ] {
            assert_eq!(clean(raw).as_deref(), Some(name), "{raw:?}");
        }
    }

    #[test]
    fn some_names_are_empty_after_cleaning() {
        for raw in [
            "",
            " ",
            ".",
            "..",
            "...",
            "/",
            "a/",
            "\0\r\n",
            "../..",
            "\u{200b}",
            "\u{2060}\u{ad}",
            "\u{3164}",
        ] {
            assert_eq!(clean(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn a_generic_type_is_replaced_by_that_of_the_extension() {
        let clip = FileName::clean("Clip.MP4").unwrap();
        assert_eq!(clip.content_type(None), "video/mp4");
        assert_eq!(clip.content_type(Some("application/octet-stream")), "video/mp4");
        assert_eq!(clip.content_type(Some("video/quicktime")), "video/quicktime");
        assert_eq!(FileName::clean("x.cube").unwrap().content_type(None), "application/octet-stream");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = clean(&format!("{}.mp4", "x".repeat(300))).unwrap();
        assert_eq!(name.len(), 255);
        assert!(name.ends_with("x.mp4"));
        let emoji = clean(&"🎬".repeat(300)).unwrap();
        assert_eq!(emoji.len(), 252);
        assert_eq!(clean(&"y".repeat(255)).unwrap().len(), 255);
        assert_eq!(clean(&"y".repeat(256)).unwrap().len(), 255);
    }
}
