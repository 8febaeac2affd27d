//! What a media file is.

use serde::Serialize;

use crate::facts::Facts;

/// What ffprobe could tell about a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The few facts most users want.
    pub summary: Summary,
    /// What sort of file it is, by its streams; the name's extension plays no part.
    pub kind: Kind,
    /// What else is often asked for.
    pub facts: Facts,
    /// ffprobe's own words: an object with `format`, `streams` and `chapters`, without `format.filename`.
    pub full: serde_json::Value,
    /// Why ffprobe saw only a part of the file, in plain words. What depends on the whole (duration, bit rates, counts) is
    /// then absent, from [`Media::full`] too.
    pub partial: Option<String>,
}

/// What sort of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Moving pictures, with or without sound.
    Video,
    /// Sound without moving pictures; cover art does not count.
    Audio,
    /// A picture, animated or not.
    Image,
    /// Readable, but neither picture nor sound.
    Other,
}

impl Kind {
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

/// How a length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DurationSource {
    /// From the file's header, index or time stamps.
    Stated,
    /// From the file's size and the bit rate of its beginning: sound without a header, such as MP3 and ADTS AAC. It may be
    /// off by much if the bit rate varies.
    Estimated,
    /// From the time stamps of the last fragment of a fragmented MP4 that has no index.
    Derived,
}

/// The few facts most users want. Absent is what the file does not tell, or tells as no finite positive number.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// Width in pixels as shown, so after rotation; of the first picture that is no cover art.
    pub width: Option<u32>,
    /// Height in pixels as shown, so after rotation.
    pub height: Option<u32>,
    /// Length in seconds: the container's, else the longest stream's. None for still images.
    pub duration: Option<f64>,
    /// How the length is known. None without one.
    pub duration_source: Option<DurationSource>,
    /// ffprobe's name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format_name: String,
    /// ffprobe's name of the first video stream's codec, such as `h264`.
    pub video_codec: Option<String>,
    /// ffprobe's name of the first audio stream's codec, such as `aac`.
    pub audio_codec: Option<String>,
    /// Average pictures per second. None for still images.
    pub frame_rate: Option<f64>,
    /// The same as a fraction, such as `30000/1001`.
    pub frame_rate_ratio: Option<String>,
    /// Bits per second of the whole file. None for still images.
    pub bit_rate: Option<u64>,
    /// Degrees (1–359) clockwise by which a player turns the stored picture. None when it is shown as stored.
    pub rotation: Option<i32>,
}
