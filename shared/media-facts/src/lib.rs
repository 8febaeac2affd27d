//! What a probe tells about a media file: plain data, as ffprobe's output is summarised, sent between functions, stored and
//! shown. A value that is `None` is what the file does not tell.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a stored file is, by its streams; the name's extension plays no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// Moving pictures, with or without sound.
    Video,
    /// Sound without moving pictures; cover art does not count.
    Audio,
    /// A picture, animated or not.
    Image,
    /// Neither picture nor sound.
    Other,
}

impl MediaType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Video, Self::Audio, Self::Image, Self::Other];

    /// The lower-case word for it.
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

/// How a duration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationSource {
    /// From the file's header, index or time stamps.
    Stated,
    /// From the file's size and the bit rate of its beginning: sound without a header, such as MP3 and ADTS AAC. It may be
    /// off by much if the bit rate varies.
    Estimated,
    /// From the time stamps of the last fragment of a fragmented MP4 that has no index.
    Derived,
}

/// The few facts most users want. Numbers are finite and positive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// Width in pixels as shown, so after rotation; of the first picture that is no cover art.
    pub width: Option<u32>,
    /// Height in pixels as shown, so after rotation.
    pub height: Option<u32>,
    /// Length in seconds: the container's, else the longest stream's. None for still images.
    pub duration: Option<f64>,
    /// How the length is known. None without one.
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
    /// Average pictures per second. None for still images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
    /// Bits per second of the whole file. None for still images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
    /// Degrees (1–359) clockwise by which a player turns the stored picture. None when it is shown as stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<i32>,
}

/// What else is often asked for. It is stored beside ffprobe's complete output and shown of one file only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeFacts {
    /// Average pictures per second as a fraction, such as `30000/1001`.
    pub frame_rate_ratio: Option<String>,
    /// Which kind of high dynamic range the first picture stream has.
    pub hdr: Option<Hdr>,
    /// The colours of the first picture stream.
    pub color: Option<Color>,
    /// Sound channels of the first audio stream.
    pub channels: Option<u64>,
    /// ffprobe's name of their layout, such as `stereo` or `5.1(side)`.
    pub channel_layout: Option<String>,
    /// Samples per second of the first audio stream.
    pub sample_rate: Option<u64>,
    /// Languages of the sound, each once, as the file names them (mostly ISO 639-2).
    pub audio_languages: Vec<String>,
    /// Languages of the subtitles, likewise.
    pub subtitle_languages: Vec<String>,
    /// Cover art: pictures that belong to the file and are not its video.
    pub attached_pictures: Vec<AttachedPicture>,
    /// When it was made, by the file's own word, in UTC (RFC 3339).
    pub creation_time: Option<String>,
}

/// A kind of high dynamic range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hdr {
    /// SMPTE ST 2084 (PQ), whatever the primaries.
    Hdr10,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// A Dolby Vision configuration; the base layer may be playable as another kind.
    DolbyVision,
}

/// Colours, by ffprobe's names (those of ITU-T H.273).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Color {
    /// Such as `yuv420p10le`.
    pub pixel_format: Option<String>,
    /// Bits of one component.
    pub bit_depth: Option<u64>,
    /// `tv` (limited) or `pc` (full).
    pub range: Option<String>,
    /// The matrix, such as `bt709`.
    pub space: Option<String>,
    /// Such as `bt2020`.
    pub primaries: Option<String>,
    /// The transfer function, such as `smpte2084`.
    pub transfer: Option<String>,
}

/// A picture that is attached to a file.
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
