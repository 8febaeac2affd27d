//! What a media file is.

use media_facts::{MediaType, ProbeFacts, ProbeSummary};

/// What ffprobe could tell about a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The few facts most users want.
    pub summary: ProbeSummary,
    /// What it is.
    pub media_type: MediaType,
    /// What else is often asked for.
    pub facts: ProbeFacts,
    /// ffprobe's own words: an object with `format`, `streams` and `chapters`, without `format.filename`.
    pub full: serde_json::Value,
    /// Why ffprobe saw only a part of the file, in plain words. What depends on the whole (duration, bit rates, counts) is
    /// then absent, from [`Media::full`] too.
    pub partial: Option<String>,
    /// The media type, where the bytes tell more than the container's name: a camera's raw file.
    pub content_type: Option<&'static str>,
}
