use files_objects::ObjectsError;
use safe_fetch::FetchError;

use crate::BoxError;

/// Why a transfer ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The source failed; whether it may do better next time is in the error.
    Source(FetchError),
    /// It will not do: the reason is for the user.
    Refused(String),
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

impl From<ObjectsError> for Stop {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoSuchUpload => Self::NotOurs, // deleting a file aborts its upload
            error => Self::Ours(error.into()),
        }
    }
}
