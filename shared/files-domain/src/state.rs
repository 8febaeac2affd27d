//! The states of a file. Each holds what only that state has.

use serde::{Deserialize, Serialize};

use crate::{MediaType, ProbeSummary, Resume, Timestamp};

/// The state of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FileState {
    /// The client has not sent the single PUT of an upload.
    AwaitingUpload,
    /// The client has not sent all parts of a multipart upload.
    AwaitingParts(MultipartUpload),
    /// An import is queued or running.
    Importing(Import),
    /// All bytes are with S3 and have not been probed. A multipart upload may still have to be completed.
    Probing(Probing),
    /// The bytes are stored and have been probed.
    Stored(Stored),
    /// The bytes are unavailable.
    Failed {
        /// Why, in the user's words.
        error: String,
    },
}

/// A multipart upload that the client makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultipartUpload {
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// The id that S3 gave the upload, once a part has been signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
}

/// An import that is queued or running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Whether the file takes its name from the source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub name_from_source: bool,
    /// End of the lease of the latest worker; `None` if it has released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The multipart upload that holds what has been fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// How much has been fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What another worker needs to resume the import; `None` if its source cannot be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Transient failures in a row, without a new part between them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub transient_failures: u32,
    /// Why the import backs off; `None` while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrying: Option<Retrying>,
}

/// Why an import backs off, and when it tries again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrying {
    /// The last failure, in a sentence for the user.
    pub reason: String,
    /// When the next try begins.
    pub next_try_at: Timestamp,
}

/// How many bytes of an import have been fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes fetched so far.
    pub received: u64,
    /// Size of the source, if it is known.
    pub total: Option<u64>,
}

/// Bytes that are with S3 and have not been probed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// A multipart upload that may still have to be completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Whether the client made a multipart upload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multipart: bool,
    /// End of the lease of the worker that imported the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
}

/// Bytes that are stored and have been probed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The kind of media.
    pub media_type: MediaType,
    /// ffprobe's summary; `None` if it could not read the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSummary>,
    /// Why ffprobe could not read the file, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ffprobe_error: Option<String>,
    /// Whether the file has a poster.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub poster: bool,
    /// Version of the ffprobe that read the file last; `None` if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed_by: Option<String>,
    /// Whether the operator has asked for another probe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe_again: bool,
    /// Whether the client made a multipart upload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multipart: bool,
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl FileState {
    /// Returns whether the file is stored or failed, for good.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Failed { .. })
    }

    /// Returns the end of the lease of an import's worker.
    #[must_use]
    pub fn lease_until(&self) -> Option<Timestamp> {
        match self {
            Self::Importing(import) => import.lease_until,
            Self::Probing(probing) => probing.lease_until,
            _ => None,
        }
    }

    /// Returns the multipart upload that is, or may be, unfinished.
    #[must_use]
    pub fn upload_id(&self) -> Option<&str> {
        match self {
            Self::AwaitingParts(upload) => upload.upload_id.as_deref(),
            Self::Importing(import) => import.upload_id.as_deref(),
            Self::Probing(probing) => probing.upload_id.as_deref(),
            Self::AwaitingUpload | Self::Stored(_) | Self::Failed { .. } => None,
        }
    }
}
