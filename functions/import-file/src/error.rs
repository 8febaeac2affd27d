use std::time::Duration;

use files_domain::{Limit, LimitExceeded, human_bytes};
use files_objects::ObjectsError;
use files_records::RecordsError;
use hls_stream::HlsError;
use media_source::ResolveError;
use safe_fetch::FetchError;

use crate::BoxError;

/// The reason why a run ends before the import is complete.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// A request to the source failed. [`FetchError::is_retryable`] tells whether a later attempt may succeed.
    Source(FetchError),
    /// The source failed as often as allowed in one run. The import backs off.
    GivenUp(FetchError),
    /// The import cannot succeed, with the reason for the user.
    Refused(String),
    /// The media of the URL cannot be stored, with the reason for the user. Another variant may be usable.
    Unusable(String),
    /// The time budget is spent, and another run can resume the import.
    OutOfTime,
    /// The lease is lost: the file was deleted, or another worker has claimed it.
    Lost,
    /// A call to DynamoDB, S3, SQS or Lambda failed. SQS delivers the message again.
    Ours(BoxError),
}

impl ImportError {
    /// Returns the refusal of a source that is larger than `limit` bytes.
    pub(crate) fn too_large(limit: u64) -> Self {
        Self::Refused(format!("the source is larger than your limit of {}", human_bytes(limit)))
    }

    /// Returns whether another variant or format of the same media may succeed in this run.
    pub(crate) fn may_be_of_variant(&self) -> bool {
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

/// The reason why an import backs off, for the user, and the minimum delay that the source requires.
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
