use serde::{Deserialize, Serialize};
use time::{Date, Month};

use crate::claimed::{self, one_line, seconds, web_address};
use crate::tracks::{
    self, Chapter, ChapterClaim, Subtitle, SubtitleClaim, clean_chapters, clean_subtitles, readable,
};

/// Unchecked claims of a web page about its media: texts of any length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageClaims {
    /// Title.
    pub title: Option<String>,
    /// Publisher.
    pub uploader: Option<String>,
    /// URL of the web page.
    pub page_url: Option<String>,
    /// Duration in seconds.
    pub duration: Option<f64>,
    /// Name of the site.
    pub site: Option<String>,
    /// URL of a picture.
    pub thumbnail_url: Option<String>,
    /// Day of publication: `20260131` or `2026-01-31`.
    pub upload_date: Option<String>,
    /// Chapters. Items that cannot be read are dropped.
    #[serde(deserialize_with = "readable")]
    pub chapters: Vec<ChapterClaim>,
    /// Subtitles, the best first. Items that cannot be read are dropped.
    #[serde(deserialize_with = "readable")]
    pub subtitles: Vec<SubtitleClaim>,
}

/// The sanitized claims of a web page about the imported media. Texts are short single lines without control and bidirectional
/// characters; URLs are http or https. The claims are not verified.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    title: Option<String>,
    uploader: Option<String>,
    page_url: Option<String>,
    duration: Option<f64>,
    site: Option<String>,
    thumbnail_url: Option<String>,
    upload_date: Option<String>,
    chapters: Vec<Chapter>,
    subtitles: Vec<Subtitle>,
}

impl Origin {
    /// Longest title, in characters.
    pub const MAX_TITLE_CHARS: usize = 300;
    /// Longest name of an uploader or a site, in characters.
    pub const MAX_NAME_CHARS: usize = claimed::MAX_NAME_CHARS;
    /// Longest URL, in bytes.
    pub const MAX_URL_BYTES: usize = claimed::MAX_URL_BYTES;
    /// Most chapters. The first ones are kept.
    pub const MAX_CHAPTERS: usize = tracks::MAX_CHAPTERS;
    /// Most subtitles. The first ones are kept, and none that a program made before those that a person made.
    pub const MAX_SUBTITLES: usize = tracks::MAX_SUBTITLES;
    /// Most bytes of everything as JSON, because the origin is a part of the file's record. While there are more, the last subtitles
    /// are dropped, then the last chapters.
    pub const MAX_BYTES: usize = 32 * 1024;

    /// Sanitizes a page's claims. Returns `None` if all of them are empty or invalid.
    #[must_use]
    pub fn clean(claims: &PageClaims) -> Option<Self> {
        let line = |text: &Option<String>, most: usize| text.as_deref().and_then(|text| one_line(text, most));
        let mut origin = Self {
            title: line(&claims.title, Self::MAX_TITLE_CHARS),
            uploader: line(&claims.uploader, Self::MAX_NAME_CHARS),
            page_url: claims.page_url.as_deref().and_then(web_address),
            duration: claims.duration.and_then(seconds),
            site: line(&claims.site, Self::MAX_NAME_CHARS),
            thumbnail_url: claims.thumbnail_url.as_deref().and_then(web_address),
            upload_date: claims.upload_date.as_deref().and_then(date),
            chapters: clean_chapters(&claims.chapters),
            subtitles: clean_subtitles(&claims.subtitles),
        };
        origin.shorten();
        (origin != Self::default()).then_some(origin)
    }

    /// Title.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Drops the last subtitles, then the last chapters, while there are more than [`Self::MAX_BYTES`].
    fn shorten(&mut self) {
        let mut bytes = json_bytes(self);
        while bytes > Self::MAX_BYTES {
            let subtitle = self.subtitles.pop().as_ref().map(json_bytes);
            let Some(dropped) = subtitle.or_else(|| self.chapters.pop().as_ref().map(json_bytes)) else {
                return;
            };
            bytes = bytes.saturating_sub(dropped);
        }
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

fn date(text: &str) -> Option<String> {
    let digits: String = text.trim().split('-').collect();
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) =
        (digits[..4].parse().ok()?, digits[4..6].parse::<u8>().ok()?, digits[6..].parse().ok()?);
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn clean(claims: Value) -> Value {
        let claims: PageClaims = serde_json::from_value(claims).unwrap();
        serde_json::to_value(Origin::clean(&claims)).unwrap()
    }

    #[test]
    fn valid_claims_are_kept_and_missing_ones_are_null() {
        let origin = clean(json!({
            "title": "Ein Film 🎬", "uploader": "press", "page_url": "https://video.example/watch?v=1",
            "duration": 12.5, "site": "Example", "upload_date": "20260131",
        }));
        let expected = json!({
            "title": "Ein Film 🎬", "uploader": "press", "page_url": "https://video.example/watch?v=1",
            "duration": 12.5, "site": "Example", "thumbnail_url": null, "upload_date": "2026-01-31",
            "chapters": [], "subtitles": [],
        });
        assert_eq!(origin, expected);
        assert_eq!(serde_json::from_value::<Origin>(origin).unwrap().title(), Some("Ein Film 🎬"));
        assert_eq!(clean(json!({})), Value::Null);
    }

    #[test]
    fn texts_are_one_short_line() {
        for (text, title) in [
            (" a\r\nb\u{2028}c\t d ", "a b c d"),
            ("a\u{202e}gpj.exe\u{0}\u{1b}[2J", "agpj.exe[2J"),
            (&"ä".repeat(300), &"ä".repeat(300)),
            (&"ä".repeat(301), &format!("{}…", "ä".repeat(299))),
        ] {
            assert_eq!(clean(json!({ "title": text }))["title"], title, "{text:?}");
        }
        for empty in ["", " ", "\r\n", "\u{202e}"] {
            assert_eq!(clean(json!({ "title": empty })), Value::Null, "{empty:?}");
        }
    }

    #[test]
    fn only_http_and_https_urls_are_kept() {
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//a.example/x",
            "watch?v=1",
            "",
            "https://user:password@a.example/",
            "https://",
        ] {
            assert_eq!(clean(json!({ "page_url": bad, "thumbnail_url": bad })), Value::Null, "{bad}");
        }
        let long = format!("https://a.example/{}", "x".repeat(Origin::MAX_URL_BYTES));
        assert_eq!(clean(json!({ "page_url": long })), Value::Null);
        let odd = clean(json!({ "thumbnail_url": " HTTPS://A.example/<b>\"x\" " }));
        assert_eq!(odd["thumbnail_url"], "https://a.example/%3Cb%3E%22x%22");
    }

    #[test]
    fn invalid_dates_and_durations_are_removed() {
        for (text, day) in [("2024-02-29", json!("2024-02-29")), ("20240229", json!("2024-02-29"))] {
            assert_eq!(clean(json!({ "upload_date": text }))["upload_date"], day);
        }
        for bad in ["20230229", "2024", "20241301", "2024022٩", "yesterday", "99999999"] {
            assert_eq!(clean(json!({ "upload_date": bad })), Value::Null, "{bad}");
        }
        for bad in [json!(-1), json!(1e300)] {
            assert_eq!(clean(json!({ "duration": bad })), Value::Null, "{bad}");
        }
        for (stated, rounded) in [(1e-300, 0.0), (-0.0, 0.0), (1.000_49, 1.0), (12.345, 12.345)] {
            let duration = clean(json!({ "duration": stated }))["duration"].to_string();
            assert_eq!(duration, format!("{rounded:?}"), "{stated}");
        }
    }
}
