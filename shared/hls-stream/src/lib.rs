//! One variant of an HLS playlist (RFC 8216) as one stream of bytes: its segments, fetched one after the other.
//!
//! MPEG-TS segments make a transport stream when they are joined, segments of fragmented MP4 behind their initialisation make an
//! MP4, packed AAC, MP3 and AC-3 make a file of that. Nothing is decrypted or muxed: encrypted, live and separate streams are
//! refused with a reason. Every address in a playlist is a stranger's: each is checked, and fetched by `safe-fetch` alone; how
//! long a playlist may be, and how many segments it may name, has bounds. The first bytes of each segment must be what those of
//! the first one are, so no error page ends up in the middle of a film.

mod grammar;
mod kind;
mod master;
mod media;
mod piece;
mod playlist;
mod stream;
mod variables;

pub use kind::Kind;
pub use stream::{HeadersFor, HlsStream};

use safe_fetch::FetchError;

/// Media types of playlists, as sources name them.
const PLAYLISTS: [&str; 6] = [
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "application/mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "video/x-mpegurl",
];

/// Returns whether a media type (lower case, without parameters) is that of an HLS playlist.
#[must_use]
pub fn is_playlist(content_type: &str) -> bool {
    PLAYLISTS.contains(&content_type)
}

/// Why a playlist is not imported. Each message is a sentence for the user, without full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not one as RFC 8216 has them.
    #[error("the playlist cannot be read: it is not a playlist of HLS")]
    Malformed,
    /// A tag that decides what is stored, and cannot be read.
    #[error("the playlist cannot be read: its tag {0} is not understood")]
    Tag(String),
    /// An address that belongs to no tag.
    #[error("the playlist cannot be read: a line is neither a tag nor the address of a segment")]
    StrayLine,
    /// More than 4 MiB of text, or 20,000 segments.
    #[error("the playlist is too long")]
    TooLong,
    /// It names nothing to fetch.
    #[error("the playlist is empty")]
    Empty,
    /// All its segments are gaps.
    #[error("the playlist says that all its segments are missing")]
    Gaps,
    /// It may still grow.
    #[error("live streams cannot be imported; try again when it has ended")]
    Live,
    /// AES-128.
    #[error("the stream is encrypted")]
    Encrypted,
    /// Encrypted with keys that only players with a licence get.
    #[error("the stream is protected by DRM")]
    Drm,
    /// Every variant would lose its sound or its picture.
    #[error("the stream has video and sound in separate playlists, which are not put together here")]
    SeparateAudio,
    /// Pictures for seeking, not a film.
    #[error("the playlist has only single pictures of the stream")]
    IFrames,
    /// Their initialisation changes on the way, or each is a file of its own.
    #[error("the stream's segments cannot be joined: each needs an initialisation of its own")]
    Segments,
    /// A segment that is not media, or not what those before it are.
    #[error("{}", segment(*.number, .is, *.expected))]
    Segment {
        /// From 1; 0 is the initialisation.
        number: usize,
        /// What it is.
        is: &'static str,
        /// What those before it are.
        expected: Option<&'static str>,
    },
    /// A source that ignores `Range`, and a playlist that asks for small ranges of large files.
    #[error("the playlist asks for parts of files, and the source only gives whole ones")]
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

/// Why there is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HlsError {
    /// It cannot be imported.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}
