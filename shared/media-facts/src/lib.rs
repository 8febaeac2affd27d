//! The results of a probe as plain data, which functions send, store and return. A value is `None` if the file does not state it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a stored file by its streams, regardless of its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// Video, with or without audio.
    Video,
    /// Audio without video. Cover art does not count as video.
    Audio,
    /// An image, still or animated.
    Image,
    /// Neither video, audio nor image.
    Other,
}

impl MediaType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Video, Self::Audio, Self::Image, Self::Other];

    /// Returns the lower-case word for the type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The source of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationSource {
    /// The file's header, index or time stamps.
    Stated,
    /// The file's size and the bit rate of its beginning, for audio without a header, such as MP3 and ADTS AAC. Inaccurate if the bit
    /// rate varies.
    Estimated,
    /// The time stamps of the last fragments of a fragmented MP4 without an index.
    Derived,
}

/// The values that most clients need. Numbers are finite and positive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// Width in pixels after rotation, of the first video stream that is not cover art.
    pub width: Option<u32>,
    /// Height in pixels after rotation.
    pub height: Option<u32>,
    /// Duration in seconds by the container, otherwise by the longest stream. `None` for still images.
    pub duration: Option<f64>,
    /// The source of the duration; `None` without a duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_source: Option<DurationSource>,
    /// ffprobe's name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format_name: String,
    /// ffprobe's name of the first video stream's codec, such as `h264`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// ffprobe's name of the first audio stream's codec, such as `aac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// Average frames per second. `None` for still images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
    /// Bits per second of the whole file. `None` for still images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
    /// Rotation (1–359) in degrees clockwise that a player applies. `None` without a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<i32>,
}

/// Further facts. They are stored with ffprobe's complete output, and returned for single files only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeFacts {
    /// Average frames per second as a fraction, such as `30000/1001`.
    pub frame_rate_ratio: Option<String>,
    /// The HDR format of the first video stream.
    pub hdr: Option<Hdr>,
    /// The colour properties of the first video stream.
    pub color: Option<Color>,
    /// Number of channels of the first audio stream.
    pub channels: Option<u64>,
    /// ffprobe's name of the channel layout, such as `stereo` or `5.1(side)`.
    pub channel_layout: Option<String>,
    /// Samples per second of the first audio stream.
    pub sample_rate: Option<u64>,
    /// Languages of the audio streams, without duplicates, as in the file (mostly ISO 639-2).
    pub audio_languages: Vec<String>,
    /// Languages of the subtitle streams, without duplicates.
    pub subtitle_languages: Vec<String>,
    /// Attached pictures, such as cover art.
    pub attached_pictures: Vec<AttachedPicture>,
    /// Time of creation that the file states, in UTC (RFC 3339).
    pub creation_time: Option<String>,
}

/// An HDR format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hdr {
    /// SMPTE ST 2084 (PQ), with any primaries.
    Hdr10,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// A Dolby Vision configuration. The base layer may be compatible with another format.
    DolbyVision,
}

/// Colour properties, by ffprobe's names (those of ITU-T H.273).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Color {
    /// The pixel format, such as `yuv420p10le`.
    pub pixel_format: Option<String>,
    /// Bits per component.
    pub bit_depth: Option<u64>,
    /// The range: `tv` (limited) or `pc` (full).
    pub range: Option<String>,
    /// The matrix, such as `bt709`.
    pub space: Option<String>,
    /// The primaries, such as `bt2020`.
    pub primaries: Option<String>,
    /// The transfer function, such as `smpte2084`.
    pub transfer: Option<String>,
}

/// A picture attached to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachedPicture {
    /// ffprobe's name of its codec, such as `mjpeg` or `png`.
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u64>,
    /// Pixels.
    pub height: Option<u64>,
}
