use std::time::Duration;

use files_domain::{Limit, LimitExceeded, human_bytes};
use files_objects::ObjectsError;
use files_records::RecordsError;
use hls_stream::HlsError;
use media_source::ResolveError;
use safe_fetch::FetchError;

use crate::BoxError;

/// Why an import ends before its commit.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// A request to the source failed: [`FetchError::is_retryable`] says whether a later try may succeed.
    Source(FetchError),
    /// The source failed as often as one run allows.
    GivenUp(FetchError),
    /// The import cannot succeed: the reason, for the user.
    Refused(String),
    /// What the URL leads to cannot be stored: the reason, for the user. Another variant of it may be.
    Unusable(String),
    /// The function's time is over, and another run can resume.
    OutOfTime,
    /// The lease is lost: the file is deleted, or another worker's.
    Lost,
    /// A store or a queue of ours failed: the message is delivered again.
    Ours(BoxError),
}

impl ImportError {
    /// Refuses a source that is larger than this.
    pub(crate) fn too_large(limit: u64) -> Self {
        Self::Refused(format!("the source is larger than your limit of {}", human_bytes(limit)))
    }

    /// Returns whether another variant or format of the same media may succeed in this run.
    pub(crate) fn is_of_choice(&self) -> bool {
        match self {
            Self::Source(error) => !matches!(error, FetchError::Changed | FetchError::WrongRange),
            Self::Unusable(_) => true,
            _ => false,
        }
    }
}

impl ImportError {
    /// Refuses a source that does not fit into the owner's limits.
    pub(crate) fn over_limit(exceeded: LimitExceeded) -> Self {
        let LimitExceeded { limit, used, max, requested } = exceeded;
        Self::Refused(match limit {
            Limit::StoredBytes => format!(
                "the file does not fit into your stored bytes (quota_exceeded): it has {}, and {} of {} are used",
                human_bytes(requested),
                human_bytes(used),
                human_bytes(max),
            ),
            Limit::FileBytes => return Self::too_large(max),
            _ => format!("quota_exceeded: {exceeded}"),
        })
    }
}

impl From<FetchError> for ImportError {
    fn from(error: FetchError) -> Self {
        Self::Source(error)
    }
}

impl From<HlsError> for ImportError {
    fn from(error: HlsError) -> Self {
        ResolveError::from(error).into()
    }
}

impl From<ResolveError> for ImportError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Refused(refusal) => Self::Unusable(refusal.message),
            ResolveError::Fetch(error) => Self::Source(error),
            ResolveError::PageFailed(_) => Self::Refused("the page could not be understood".to_owned()),
            error @ ResolveError::Unavailable(_) => Self::Ours(error.into()),
        }
    }
}

impl From<ObjectsError> for ImportError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchUpload => Self::Lost, // deleting a file aborts its upload
            error => Self::Ours(error.into()),
        }
    }
}

impl From<RecordsError> for ImportError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Changed => Self::Lost,
            error => Self::Ours(error.into()),
        }
    }
}

/// Why an import backs off: for the user, and the shortest delay that the source asks for.
#[derive(Debug)]
pub(crate) struct TransientFailure {
    pub(crate) reason: String,
    pub(crate) retry_after: Duration,
}

impl From<&FetchError> for TransientFailure {
    fn from(error: &FetchError) -> Self {
        Self { reason: error.for_user(), retry_after: error.retry_after().unwrap_or_default() }
    }
}
