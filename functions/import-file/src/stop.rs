use std::time::Duration;

use files_objects::ObjectsError;
use files_records::RecordsError;
use hls_stream::HlsError;
use safe_fetch::FetchError;

use crate::BoxError;

/// Why a transfer ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The source failed; whether it may do better next time is in the error.
    Source(FetchError),
    /// The source failed, and enough was tried in this run.
    GivenUp(FetchError),
    /// It will not do: the reason is for the user.
    Refused(String),
    /// The function's time is over, and another run can go on.
    OutOfTime,
    /// The file is deleted, or another worker's.
    NotOurs,
    /// Our own stores failed: the message comes again.
    Ours(BoxError),
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Self {
        Self::Source(error)
    }
}

impl From<HlsError> for Stop {
    fn from(error: HlsError) -> Self {
        match error {
            HlsError::Refused(refusal) => Self::Refused(refusal.to_string()),
            HlsError::Fetch(error) => Self::Source(error),
        }
    }
}

impl From<ObjectsError> for Stop {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchUpload => Self::NotOurs, // deleting a file aborts its upload
            error => Self::Ours(error.into()),
        }
    }
}

impl From<RecordsError> for Stop {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Changed => Self::NotOurs,
            error => Self::Ours(error.into()),
        }
    }
}

/// Why an import has to rest, in the user's words, and how long the source wants to be left alone.
#[derive(Debug)]
pub(crate) struct Setback {
    pub(crate) reason: String,
    pub(crate) at_least: Duration,
}

impl From<&FetchError> for Setback {
    fn from(error: &FetchError) -> Self {
        Self { reason: error.for_user(), at_least: error.retry_after().unwrap_or_default() }
    }
}
