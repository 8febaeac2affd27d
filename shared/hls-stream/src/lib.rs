//! Reads one variant of an HLS playlist (RFC 8216) as one stream of bytes: its segments, fetched one after the other. If its sound is
//! in a separate rendition, that is a second stream, for the caller to join.
//!
//! Concatenated MPEG-TS segments form a transport stream. Segments of fragmented MP4, preceded by their initialisation section,
//! form an MP4 file. Segments of packed AAC, MP3 or AC-3 form a file of that format. This crate does not decrypt or mux:
//! encrypted streams and live streams are refused with a [`Refusal`].
//!
//! The URLs in a playlist are untrusted: `safe-fetch` checks and fetches each of them. A playlist is limited to 4 MiB and 20,000
//! segments. Every segment must have the container format of the first one, so that no error page ends up inside a video.
//!
//! [`SegmentStream`] also reads the segments of other manifests ([`SegmentPlan`]), under the same rules.

mod beginning;
mod codecs;
mod grammar;
mod kind;
mod master;
mod media;
mod open;
mod piece;
mod plan;
mod playlist;
mod stream;
mod variables;

pub use codecs::{is_audio_codec, is_text_codec};
pub use kind::Kind;
pub use open::{Choice, Contents, MediaPlan, MediaRef, read_playlist};
pub use plan::{SegmentPlan, SegmentRef};
pub use stream::{Fetcher, HeadersFor, SegmentStream};

/// The maximum number of segments of a stream.
pub const MAX_SEGMENTS: usize = media::MAX_SEGMENTS;

use safe_fetch::FetchError;

/// The media types that servers use for HLS playlists.
const PLAYLISTS: [&str; 6] = [
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "application/mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "video/x-mpegurl",
];

/// Returns whether a media type (lower case, without parameters) denotes an HLS playlist.
#[must_use]
pub fn is_playlist(content_type: &str) -> bool {
    PLAYLISTS.contains(&content_type)
}

/// The reason why a playlist cannot be imported. Each message is a sentence for the user, without full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is not a playlist as defined by RFC 8216.
    #[error("the playlist cannot be read: it is not an HLS playlist")]
    Malformed,
    /// A tag that determines which bytes are stored is malformed.
    #[error("the playlist cannot be read: its tag {0} is not understood")]
    Tag(String),
    /// The text has entries, but no tag of RFC 8216: a list of files for a player (M3U).
    #[error("the source is a list of files (M3U), not an HLS playlist; import the files that it names")]
    FileList,
    /// The playlist has both variants and segments, which RFC 8216 forbids (section 4.1).
    #[error("the playlist cannot be read: it has variants and segments at the same time")]
    Mixed,
    /// A variant leads to another multivariant playlist, which RFC 8216 forbids.
    #[error("the playlist cannot be read: a variant leads to another list of variants")]
    Nested,
    /// A URI or an attribute refers to a variable that is not defined.
    #[error("the playlist cannot be read: it uses a variable that it does not define")]
    Variable,
    /// The segments are fragments without an initialisation section (`EXT-X-MAP`), or it does not describe the tracks.
    #[error("the stream cannot be stored: its fragments have no complete initialisation section")]
    NoMap,
    /// A URI line that follows neither `EXTINF` nor `EXT-X-STREAM-INF`.
    #[error("the playlist cannot be read: a line is neither a tag nor the address of a segment")]
    StrayLine,
    /// The playlist is longer than 4 MiB or has more than 20,000 segments.
    #[error("the playlist is too long")]
    TooLong,
    /// The playlist has no variants or segments.
    #[error("the playlist is empty")]
    Empty,
    /// All segments are marked with `EXT-X-GAP`.
    #[error("the playlist marks all its segments as missing")]
    Gaps,
    /// The playlist has no `EXT-X-ENDLIST`, so segments may still be added.
    #[error("live streams cannot be imported; try again when it has ended")]
    Live,
    /// The segments are encrypted with AES, with a key that needs no licence.
    #[error("the stream is encrypted")]
    Encrypted,
    /// The segments are encrypted with keys from a DRM licence server.
    #[error("the stream is protected by DRM")]
    Drm,
    /// Every variant has its audio or its video in a separate rendition, and they are not to be joined.
    #[error("the stream has video and audio in separate playlists, which cannot be combined")]
    SeparateAudio,
    /// The playlist has `EXT-X-I-FRAMES-ONLY`: its segments serve seeking, not playback.
    #[error("the playlist contains only single frames of the stream")]
    IFrames,
    /// The initialisation section changes between segments, or each segment is a complete MP4 file.
    #[error("the stream's segments cannot be joined: they have different initialisation sections")]
    Segments,
    /// A segment that is not media, or has another container format than the segments before it.
    #[error("{}", segment(*.number, .is, *.expected))]
    Segment {
        /// The number of the segment, from 1; 0 is the initialisation section.
        number: usize,
        /// A description of the segment's content, for the message.
        is: &'static str,
        /// The container format of the segments before it, for the message.
        expected: Option<&'static str>,
    },
    /// The stream consists of small byte ranges of large files, and the source ignores `Range`.
    #[error("the stream consists of byte ranges of files, and the source sends only whole files")]
    WholeFiles,
}

fn segment(number: usize, is: &str, expected: Option<&str>) -> String {
    let which = match number {
        0 => "the stream's initialisation".to_owned(),
        number => format!("segment {number} of the stream"),
    };
    match expected {
        Some(expected) => format!("{which} is {is}, not {expected}"),
        None => format!("{which} is {is}: neither MPEG-TS nor fragmented MP4 nor packed audio"),
    }
}

/// An error while opening or reading a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HlsError {
    /// The playlist or a segment cannot be imported.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The playlist or a segment could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}
