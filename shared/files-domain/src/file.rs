use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Checksum, EarlierNames, FileId, FileName, FileState, Import, KeyHash, MediaType, Metadata, Origin,
    OwnerId, PartPlan, ProbeSummary, Progress, Source, Status, Stored, Timestamp, UploadRef, limits,
};

/// The deadline after which `sweep` finishes pending work. It is written in the transaction that makes the work necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The time from which `sweep` does the work.
    #[serde(rename = "due_at")]
    pub at: Timestamp,
    /// Number of tries of `sweep`.
    #[serde(rename = "due_tries", default)]
    pub tries: u32,
}

impl Deadline {
    /// Returns a deadline without tries.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { at, tries: 0 }
    }
}

/// A file's record, without its [`Detail`]. `S` is a specific state, or [`FileState`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct File<S = FileState> {
    /// The id, which contains the time of creation.
    pub id: FileId,
    /// The owner.
    pub owner: OwnerId,
    /// The name.
    pub name: FileName,
    /// Earlier names of the file.
    #[serde(default, skip_serializing_if = "EarlierNames::is_empty")]
    pub earlier_names: EarlierNames,
    /// Where the bytes come from.
    pub source: Source,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Number of the last change.
    pub version: u64,
    /// Number of claims of the import: the fencing token of its workers. Only the worker of the latest claim may write.
    #[serde(default, skip_serializing_if = "crate::state::is_zero")]
    pub generation: u64,
    /// Size in bytes, announced or stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Media type (RFC 9110, section 8.3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Checksum of the stored bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// SHA-256 in hex that the client announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_sha256: Option<String>,
    /// Whether a single PUT of the bytes has been presigned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub presigned_put: bool,
    /// The upload token that created the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_token: Option<KeyHash>,
    /// Whether the file's success, failure or expiry is an event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notify: bool,
    /// When the file expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The deadline of `sweep`. Every file has one, except terminal files without an expiry.
    #[serde(flatten)]
    pub deadline: Option<Deadline>,
    /// The state.
    #[serde(flatten)]
    pub state: S,
}

impl<S> File<S> {
    /// Returns when the file was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.id.created_at()
    }

    /// Returns whether the file has expired. The API responds 404 for an expired file.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the reference of the file in FFmpeg commands.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("fm_id://{}", self.id)
    }

    /// Separates the file from its state.
    #[must_use]
    pub fn split(self) -> (File<()>, S) {
        self.replace_state(())
    }

    fn replace_state<T>(self, state: T) -> (File<T>, S) {
        let file = File {
            id: self.id,
            owner: self.owner,
            name: self.name,
            earlier_names: self.earlier_names,
            source: self.source,
            updated_at: self.updated_at,
            version: self.version,
            generation: self.generation,
            size: self.size,
            content_type: self.content_type,
            checksum: self.checksum,
            announced_sha256: self.announced_sha256,
            presigned_put: self.presigned_put,
            upload_token: self.upload_token,
            notify: self.notify,
            expires_at: self.expires_at,
            deadline: self.deadline,
            state,
        };
        (file, self.state)
    }
}

impl File<()> {
    /// Returns the file in `state`.
    #[must_use]
    pub fn with_state<T>(self, state: T) -> File<T> {
        self.replace_state(state).0
    }
}

impl From<File<Import>> for File {
    fn from(file: File<Import>) -> Self {
        let (file, import) = file.split();
        file.with_state(FileState::Importing(import))
    }
}

impl File<Import> {
    /// Returns the multipart upload with the fetched parts.
    #[must_use]
    pub fn upload_ref(&self) -> Option<UploadRef<'_>> {
        let upload_id = self.state.upload_id.as_deref()?;
        Some(UploadRef { owner: self.owner, id: self.id, upload_id })
    }
}

impl File {
    /// Returns the status that clients see.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.state {
            FileState::AwaitingUpload | FileState::AwaitingParts(_) => Status::Pending,
            FileState::Importing(_) if self.generation == 0 => Status::Pending,
            FileState::Importing(_) | FileState::Probing(_) => Status::Running,
            FileState::Stored(_) => Status::Success,
            FileState::Failed { .. } => Status::Failed,
        }
    }

    /// Returns why the file failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.state {
            FileState::Failed { error } => Some(error),
            _ => None,
        }
    }

    /// Returns the state of a stored file.
    #[must_use]
    pub fn stored(&self) -> Option<&Stored> {
        match &self.state {
            FileState::Stored(stored) => Some(stored),
            _ => None,
        }
    }

    /// Returns the import that is queued or running.
    #[must_use]
    pub fn import(&self) -> Option<&Import> {
        match &self.state {
            FileState::Importing(import) => Some(import),
            _ => None,
        }
    }

    /// Returns the kind of media, once the file has been probed.
    #[must_use]
    pub fn media_type(&self) -> Option<MediaType> {
        self.stored().map(|stored| stored.media_type)
    }

    /// Returns ffprobe's summary.
    #[must_use]
    pub fn probe(&self) -> Option<&ProbeSummary> {
        self.stored()?.probe.as_ref()
    }

    /// Returns whether the file has a poster.
    #[must_use]
    pub fn has_poster(&self) -> bool {
        self.stored().is_some_and(|stored| stored.poster)
    }

    /// Returns why ffprobe could not read the file, or read only a part of it.
    #[must_use]
    pub fn ffprobe_error(&self) -> Option<&str> {
        self.stored()?.ffprobe_error.as_deref()
    }

    /// Returns how much of an import has been fetched.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.import()?.progress
    }

    /// Returns the bytes that the owner's usage counts for the file.
    #[must_use]
    pub fn reserved_bytes(&self) -> u64 {
        match self.state {
            FileState::Importing(_) | FileState::Failed { .. } => 0,
            _ => self.size.unwrap_or(0),
        }
    }

    /// Returns whether the owner's usage counts the file as a pending upload, whose bytes are incomplete.
    #[must_use]
    pub fn is_pending_upload(&self) -> bool {
        matches!(self.state, FileState::AwaitingUpload | FileState::AwaitingParts(_))
    }

    /// Returns the multipart upload that is or may be unfinished.
    #[must_use]
    pub fn upload_ref(&self) -> Option<UploadRef<'_>> {
        let upload_id = self.state.upload_id()?;
        Some(UploadRef { owner: self.owner, id: self.id, upload_id })
    }

    /// Returns the part sizes of a multipart upload whose parts are incomplete.
    #[must_use]
    pub fn part_plan(&self) -> Option<PartPlan> {
        match &self.state {
            FileState::AwaitingParts(upload) => Some(PartPlan::recorded(self.size?, upload.part_size)),
            _ => None,
        }
    }

    /// Returns whether the client may still send bytes.
    #[must_use]
    pub fn awaits_upload(&self, now: Timestamp) -> bool {
        self.is_pending_upload()
            && self.deadline.is_some_and(|deadline| deadline.at.seconds() > now.seconds())
    }

    /// Returns the lifetime of a URL for the upload of the file's bytes, which ends before the deadline of `sweep`.
    #[must_use]
    pub fn upload_url_lifetime(&self, now: Timestamp) -> Duration {
        let left = self.deadline.map_or(0, |deadline| deadline.at.seconds().saturating_sub(now.seconds()));
        limits::UPLOAD_URL_LIFETIME.min(Duration::from_secs(left))
    }

    /// Returns whether a probe may still change the file.
    #[must_use]
    pub fn awaits_probe(&self) -> bool {
        match &self.state {
            FileState::Stored(stored) => stored.probe_again,
            FileState::Failed { .. } => false,
            _ => true,
        }
    }

    /// Returns whether the bytes can be downloaded.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        matches!(self.state, FileState::Stored(_))
    }
}

/// The part of a file's record that only requests for a single file read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The metadata of the client.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// URL from which the file is imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Whether requests to the source have headers of the client, which only the import's message contains.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub source_headers: bool,
    /// URL of the webhook for this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// The description of the media by the web page of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// ffprobe's complete output.
    #[serde(skip)]
    pub full_probe: Option<FullProbe>,
}

/// The location of ffprobe's complete output.
#[derive(Clone, Debug, PartialEq)]
pub enum FullProbe {
    /// In the record, as `files_records::pack_probe` compressed it.
    Inline(Vec<u8>),
    /// In the object with the key [`probe_object_key`](crate::probe_object_key), if it is too large for the record.
    InObject,
}
