use std::fmt;

use serde::{Deserialize, Serialize};

/// What a stored file turned out to be, by its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// Moving pictures.
    Video,
    /// Sound without moving pictures.
    Audio,
    /// One picture.
    Image,
    /// None of these.
    Other,
}

impl MediaType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Video, Self::Audio, Self::Image, Self::Other];
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Other => "other",
        })
    }
}

/// How a duration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationSource {
    /// The file's header, index or time stamps.
    Stated,
    /// Size and bit rate: it may be wrong.
    Estimated,
    /// The time stamps of the last fragment.
    Derived,
}

/// The flat part of what ffprobe says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// Pixels as shown, after rotation.
    pub width: Option<u32>,
    /// Pixels as shown, after rotation.
    pub height: Option<u32>,
    /// Seconds.
    pub duration: Option<f64>,
    /// How the duration is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_source: Option<DurationSource>,
    /// ffprobe's name of the container.
    pub format_name: String,
    /// Codec of the first video stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// Codec of the first audio stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// Frames per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
    /// Bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
    /// Degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<i32>,
}

/// Where [`ProbeFacts`] are in the stored JSON, beside `format`, `streams` and `chapters`.
pub const PROBE_FACTS: &str = "facts";

/// More of what ffprobe says, as plain facts. They stand beside its complete output and are shown of one file only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeFacts {
    /// Frames per second as a fraction.
    pub frame_rate_ratio: Option<String>,
    /// `hdr10`, `hlg` or `dolby_vision`.
    pub hdr: Option<String>,
    /// Of the first video stream.
    pub color: Option<ColorFacts>,
    /// Of the first audio stream.
    pub channels: Option<u64>,
    /// ffprobe's name of it.
    pub channel_layout: Option<String>,
    /// Samples per second.
    pub sample_rate: Option<u64>,
    /// Each once.
    pub audio_languages: Vec<String>,
    /// Each once.
    pub subtitle_languages: Vec<String>,
    /// Cover art.
    pub attached_pictures: Vec<AttachedPicture>,
    /// By the file's own word; RFC 3339, UTC.
    pub creation_time: Option<String>,
}

/// Colours, by ffprobe's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColorFacts {
    /// Such as `yuv420p10le`.
    pub pixel_format: Option<String>,
    /// Bits of one component.
    pub bit_depth: Option<u64>,
    /// `tv` or `pc`.
    pub range: Option<String>,
    /// The matrix.
    pub space: Option<String>,
    /// The primaries.
    pub primaries: Option<String>,
    /// The transfer function.
    pub transfer: Option<String>,
}

/// A picture attached to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachedPicture {
    /// ffprobe's name of its codec.
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u64>,
    /// Pixels.
    pub height: Option<u64>,
}

/// How probing ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// ffprobe read it.
    Media {
        /// What it is.
        media_type: MediaType,
        /// The flat part.
        summary: ProbeSummary,
        /// Why it read only a part of the file, in plain words: what depends on the whole is then absent.
        partial: Option<String>,
    },
    /// ffprobe could not, for the reason given in plain words. The file is good all the same.
    Unreadable(String),
}
