//! The states of a file, each with the data of that state.

use serde::{Deserialize, Serialize};

use crate::{MediaType, ProbeSummary, Resume, Streams, Timestamp};

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
    /// All bytes are in S3 and not probed. A multipart upload may have to be completed.
    Probing(Probing),
    /// The bytes are stored and have been probed.
    Stored(Stored),
    /// The bytes are unavailable.
    Failed {
        /// The reason, as a sentence for clients.
        error: String,
    },
}

/// A multipart upload by the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultipartUpload {
    /// Size in bytes of each part except the last.
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
    /// End of the lease of the latest worker; `None` if it is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The multipart upload with the fetched parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// The progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The state from which another worker can resume; `None` if the source does not support it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// What the source announced when it was first read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
    /// The separate streams that are being imported; `None` while the source has picture and sound in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Box<Streams>>,
    /// Transient failures in a row, without a new part between them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub transient_failures: u32,
    /// The backoff; `None` if the import does not back off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrying: Option<Retrying>,
}

/// What a source announces of the file that it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

impl Announced {
    /// Returns whether this may be the same file as `before`, or a new version of it: of another size only if it has the same type,
    /// and a validator, which notices do not have.
    #[must_use]
    pub fn continues(&self, before: &Self, has_validator: bool) -> bool {
        let is_same_type = self.content_type == before.content_type;
        if self.size == before.size {
            is_same_type || self.size.is_some()
        } else {
            is_same_type && has_validator
        }
    }
}

/// The backoff of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrying {
    /// The last failure, as a sentence for clients.
    pub reason: String,
    /// Time of the next try.
    pub next_try_at: Timestamp,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes fetched so far.
    pub received: u64,
    /// Size of the source, if it is known.
    pub total: Option<u64>,
}

/// The state of bytes that are in S3 and not probed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// A multipart upload that may have to be completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Whether the client used a multipart upload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multipart: bool,
    /// End of the lease of the worker that imported the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
}

/// The state of bytes that are stored and probed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The kind of media.
    pub media_type: MediaType,
    /// ffprobe's summary; `None` if it could not read the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSummary>,
    /// Why ffprobe could not read the file, or read only a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ffprobe_error: Option<String>,
    /// Whether the file has a poster.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub poster: bool,
    /// Version of the ffprobe that read the file last; `None` if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed_by: Option<String>,
    /// Whether the operator has requested another probe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe_again: bool,
    /// Whether the client used a multipart upload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multipart: bool,
}

pub(crate) fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl FileState {
    /// Returns whether the file is stored or failed.
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

    /// Returns the multipart upload that is or may be unfinished.
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
