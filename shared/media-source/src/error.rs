//! Errors of resolving a URL.

use hls_stream::HlsError;
use safe_fetch::FetchError;

use crate::resolver;

/// The reason for refusals without a more specific one.
const REFUSED: &str = "source_refused";

/// The reason for picture and sound in separate streams, as `resolve-url` names it.
const SEPARATE: &str = "separate_streams";

/// The reasons that `resolve-url` returns only for pages that it could read.
const READ_REASONS: [&str; 6] =
    ["drm", "geo_blocked", "live", "playlist", "separate_streams", "unsupported_stream"];

/// The reason why there is nothing to import. It is permanent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable word: `source_refused`, or one of `functions/resolve-url/reasons.py`.
    pub reason: String,
    /// A sentence for the user, without full stop.
    pub message: String,
}

/// The reason why a URL could not be resolved to media.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The URL has no media, or none that can be imported.
    #[error("refused: {}", .0.message)]
    Refused(Refusal),
    /// A request failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The function `resolve-url` crashed, or exceeded its time or memory.
    #[error("resolve-url failed: {0}")]
    PageFailed(String),
    /// The function `resolve-url` could not be invoked; a later attempt may succeed.
    #[error("resolve-url could not be invoked: {0}")]
    Unavailable(String),
}

impl ResolveError {
    /// Returns whether this error should replace the HTTP status of a source that refused the request: it does if `resolve-url`
    /// read the page, or if it could not be invoked.
    pub(crate) fn is_better_than_status(&self) -> bool {
        match self {
            Self::Refused(refusal) => READ_REASONS.contains(&refusal.reason.as_str()),
            Self::Unavailable(_) => true,
            Self::Fetch(_) | Self::PageFailed(_) => false,
        }
    }

    /// Returns the refusal of media whose picture and sound are separate.
    pub(crate) fn separate(message: impl Into<String>) -> Self {
        Self::Refused(Refusal { reason: SEPARATE.to_owned(), message: message.into() })
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(Refusal { reason: REFUSED.to_owned(), message: message.into() })
    }
}

impl From<HlsError> for ResolveError {
    fn from(error: HlsError) -> Self {
        match error {
            HlsError::Refused(refusal @ hls_stream::Refusal::SeparateAudio) => {
                Self::separate(refusal.to_string())
            }
            HlsError::Refused(refusal) => Self::refused(refusal.to_string()),
            HlsError::Fetch(error) => Self::Fetch(error),
        }
    }
}

impl From<dash_stream::Refusal> for ResolveError {
    fn from(refusal: dash_stream::Refusal) -> Self {
        match refusal {
            refusal @ dash_stream::Refusal::Separate => Self::separate(refusal.to_string()),
            refusal => Self::refused(refusal.to_string()),
        }
    }
}

impl From<resolver::PageError> for ResolveError {
    fn from(error: resolver::PageError) -> Self {
        match error {
            resolver::PageError::Refused(refusal) => {
                Self::Refused(Refusal { reason: refusal.reason, message: refusal.message })
            }
            resolver::PageError::Failed(why) => Self::PageFailed(why),
            resolver::PageError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
