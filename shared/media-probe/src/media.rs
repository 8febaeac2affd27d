//! The description of a media file.

use media_facts::{MediaType, ProbeFacts, ProbeSummary};

use crate::orientation::Orientation;
use crate::reader::Excerpt;

/// The description of a media file.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The summary: the values that most clients need.
    pub summary: ProbeSummary,
    /// The kind of media.
    pub media_type: MediaType,
    /// Further facts, such as colour and languages.
    pub facts: ProbeFacts,
    /// ffprobe's output: an object with `format`, `streams` and `chapters`, without `format.filename`.
    pub full: serde_json::Value,
    /// Why only a part of the file was read, in plain words: a limit was exceeded, and values that depend on the whole file (duration,
    /// bit rates, counts) are absent, also from [`Media::full`]; or the media is encrypted, and the values are those of the container.
    pub partial: Option<String>,
    /// The media type, where the bytes are more specific than the container's name, such as for a camera's raw file.
    pub content_type: Option<&'static str>,
    /// Of a fragmented file without an index, the end of the part that ffprobe has seen.
    pub(crate) visible: Option<u64>,
    /// What the headers of an image say about its display.
    pub(crate) display: Display,
}

/// What the headers of an image say about its display. `ffmpeg` ignores it in most formats.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Display {
    pub(crate) orientation: Option<Orientation>,
    /// Of HEIF and AVIF, the ids of the items that show the whole picture: the primary item, then its thumbnails. Other items, such as
    /// tiles and depth maps, do not.
    pub(crate) items: Vec<u32>,
    /// Of an animated WebP, the first frame.
    pub(crate) first: Option<FirstFrame>,
}

/// The first frame of an animation, which lies within its canvas.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FirstFrame {
    /// A still picture of the frame.
    pub(crate) still: Excerpt,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    /// Distances from the left and the upper edge of the canvas.
    pub(crate) offset: (u32, u32),
    pub(crate) canvas: (u32, u32),
}
