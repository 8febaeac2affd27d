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

/// The flat part of what ffprobe says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// Pixels as shown, after rotation.
    pub width: Option<u32>,
    /// Pixels as shown, after rotation.
    pub height: Option<u32>,
    /// Seconds.
    pub duration: Option<f64>,
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

/// How probing ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// ffprobe read it.
    Media {
        /// What it is.
        media_type: MediaType,
        /// The flat part.
        summary: ProbeSummary,
    },
    /// ffprobe could not, for the reason given in plain words. The file is good all the same.
    Unreadable(String),
}
