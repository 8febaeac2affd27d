//! Errors.

use hls_stream::HlsError;
use safe_fetch::FetchError;

use crate::resolver;

/// The reason of a refusal that has no more specific one.
const REFUSED: &str = "source_refused";

/// Reasons of `resolve-url` for a page that it could read.
const READ: [&str; 6] = ["drm", "geo_blocked", "live", "playlist", "separate_streams", "unsupported_stream"];

/// Why there is nothing to import. A later try meets the same refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable word: `source_refused`, or one of `functions/resolve-url/reasons.py`.
    pub reason: String,
    /// A sentence for the user, without full stop.
    pub message: String,
}

/// Why a URL does not lead to media.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is nothing to import, or nothing that can be imported.
    #[error("refused: {}", .0.message)]
    Refused(Refusal),
    /// A request failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The function that looks into web pages crashed on this one, or exceeded its time or memory.
    #[error("resolve-url failed: {0}")]
    PageFailed(String),
    /// The function that looks into web pages could not be invoked just now.
    #[error("resolve-url could not be invoked: {0}")]
    Unavailable(String),
}

impl ResolveError {
    /// Returns whether it tells more than the status of a source that refuses us: the page was read, or could not be looked
    /// into for reasons that pass.
    pub(crate) fn is_better_than_status(&self) -> bool {
        match self {
            Self::Refused(refusal) => READ.contains(&refusal.reason.as_str()),
            Self::Unavailable(_) => true,
            Self::Fetch(_) | Self::PageFailed(_) => false,
        }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(Refusal { reason: REFUSED.to_owned(), message: message.into() })
    }
}

impl From<HlsError> for ResolveError {
    fn from(error: HlsError) -> Self {
        match error {
            HlsError::Refused(refusal) => Self::refused(refusal.to_string()),
            HlsError::Fetch(error) => Self::Fetch(error),
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
