//! The chapters and subtitles of media, as a web page lists them.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::claimed::{MAX_NAME_CHARS, one_line, seconds, web_address};
use crate::language::{UNKNOWN_LANGUAGE, language_tag};

/// Most chapters.
pub(crate) const MAX_CHAPTERS: usize = 200;
/// Longest title of a chapter, in characters.
pub(crate) const MAX_TITLE_CHARS: usize = 200;
/// Most subtitles.
pub(crate) const MAX_SUBTITLES: usize = 100;

/// The text formats of subtitles that are listed. `m3u8` is an HLS playlist of WebVTT segments; `json3`, `srv1`, `srv2` and `srv3` are
/// those of YouTube.
const FORMATS: [&str; 13] =
    ["vtt", "srt", "ttml", "ass", "ssa", "sbv", "lrc", "sami", "m3u8", "json3", "srv3", "srv2", "srv1"];

/// The unchecked claim of a web page about a chapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChapterClaim {
    /// Begin in seconds.
    pub start: Option<f64>,
    /// End in seconds.
    pub end: Option<f64>,
    /// Title.
    pub title: Option<String>,
}

/// The unchecked claim of a web page about subtitles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubtitleClaim {
    /// Language: a tag, or a name.
    pub language: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Format: a file extension.
    pub format: Option<String>,
    /// URL.
    pub url: Option<String>,
    /// Whether a program made them.
    pub automatic: bool,
}

/// A chapter of media.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chapter {
    /// Begin in seconds, rounded to milliseconds.
    start: f64,
    /// End in seconds, after the begin.
    end: Option<f64>,
    title: Option<String>,
}

/// Subtitles of media at another server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subtitle {
    /// Language: a well-formed BCP 47 tag.
    language: String,
    name: Option<String>,
    /// One of [`FORMATS`].
    format: String,
    url: String,
    automatic: bool,
}

/// Reads a list, and drops the items that cannot be read. What is not a list is an empty one.
pub(crate) fn readable<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

/// Sanitizes chapters, and sorts them by their begin. Returns the first [`MAX_CHAPTERS`].
pub(crate) fn clean_chapters(claims: &[ChapterClaim]) -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = claims.iter().filter_map(clean_chapter).collect();
    chapters.sort_by(|one, other| one.start.total_cmp(&other.start));
    chapters.truncate(MAX_CHAPTERS);
    chapters
}

fn clean_chapter(claim: &ChapterClaim) -> Option<Chapter> {
    let start = seconds(claim.start?)?;
    Some(Chapter {
        start,
        end: claim.end.and_then(seconds).filter(|end| *end > start),
        title: claim.title.as_deref().and_then(|title| one_line(title, MAX_TITLE_CHARS)),
    })
}

/// Sanitizes subtitles, and moves the automatic ones behind the others. Drops those whose URL is listed already. Returns the first
/// [`MAX_SUBTITLES`].
pub(crate) fn clean_subtitles(claims: &[SubtitleClaim]) -> Vec<Subtitle> {
    let mut subtitles: Vec<Subtitle> = claims.iter().filter_map(clean_subtitle).collect();
    subtitles.sort_by_key(|subtitle| subtitle.automatic);
    let mut seen = HashSet::new();
    subtitles.retain(|subtitle| seen.insert(subtitle.url.clone()));
    subtitles.truncate(MAX_SUBTITLES);
    subtitles
}

fn clean_subtitle(claim: &SubtitleClaim) -> Option<Subtitle> {
    let format = FORMATS.into_iter().find(|format| claim.format.as_deref() == Some(format))?;
    let language = claim.language.as_deref().unwrap_or_default();
    let tag = language_tag(language);
    // A page that has no tag often names the language.
    let name = claim.name.as_deref().unwrap_or(if tag.is_none() { language } else { "" });
    Some(Subtitle {
        language: tag.unwrap_or_else(|| UNKNOWN_LANGUAGE.to_owned()),
        name: one_line(name, MAX_NAME_CHARS),
        format: format.to_owned(),
        url: web_address(claim.url.as_deref()?)?,
        automatic: claim.automatic,
    })
}

#[cfg(test)]
#[path = "tracks_tests.rs"]
mod tests;
