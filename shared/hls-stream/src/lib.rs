//! One rendition of an HLS playlist (RFC 8216) as one stream of bytes: its segments, fetched one after the other.
//!
//! MPEG-TS segments make a transport stream when they are put together, segments of fragmented MP4 behind their
//! initialisation make an MP4. Nothing is decrypted, and nothing is put together that comes apart: encrypted, live and
//! separate streams are refused with a reason. Every address in a playlist is a stranger's: each is checked, and fetched by
//! `safe-fetch` alone; how long a playlist may be, and how many segments it may name, has bounds.

mod master;
mod media;
mod stream;

pub use stream::{HeadersFor, HlsStream};

use safe_fetch::FetchError;

/// Media types of playlists, as sources name them.
const PLAYLISTS: [&str; 4] =
    ["application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"];

/// Whether a media type (lower case, without parameters) is that of an HLS playlist.
#[must_use]
pub fn is_playlist(content_type: &str) -> bool {
    PLAYLISTS.contains(&content_type)
}

/// Why a playlist is not imported. Each message is a sentence for the user, without full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not one as RFC 8216 has them.
    #[error("the playlist cannot be read")]
    Malformed,
    /// More than 4 MiB of text, or 20,000 segments.
    #[error("the playlist is too long")]
    TooLong,
    /// It names nothing to fetch.
    #[error("the playlist is empty")]
    Empty,
    /// It may still grow.
    #[error("live streams cannot be imported; try again when it has ended")]
    Live,
    /// AES-128.
    #[error("the stream is encrypted")]
    Encrypted,
    /// Encrypted with keys that only players with a licence get.
    #[error("the stream is protected by DRM")]
    Drm,
    /// No rendition has both.
    #[error("the stream has video and sound in separate playlists, which are not put together here")]
    SeparateAudio,
    /// Neither MPEG-TS nor fragmented MP4, or one that changes on the way.
    #[error("the stream's segments are neither MPEG-TS nor fragmented MP4 throughout")]
    Segments,
}

/// Why there is no stream.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HlsError {
    /// It will not do.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// What the segments make when they are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A transport stream.
    MpegTs,
    /// A fragmented MP4.
    Mp4,
}

impl Kind {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
            Self::Mp4 => "video/mp4",
        }
    }

    /// Its extension.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
            Self::Mp4 => "mp4",
        }
    }
}
