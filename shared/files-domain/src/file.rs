use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Checksum, EarlierNames, FileId, FileName, FileState, Import, KeyHash, MediaType, Metadata, Origin,
    OwnerId, PartPlan, ProbeSummary, Progress, Source, Status, Stored, Timestamp, UploadRef, limits,
};

/// When `sweep` finishes what nobody else has finished. It is in the record from the very transaction that makes it
/// necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// From when on `sweep` does it.
    #[serde(rename = "due_at")]
    pub at: Timestamp,
    /// How often `sweep` has tried.
    #[serde(rename = "due_tries", default)]
    pub tries: u32,
}

impl Deadline {
    /// Returns a deadline that `sweep` has not tried yet.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { at, tries: 0 }
    }
}

/// A file's record, without what only [`Detail`] has. `S` is one state, or any of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct File<S = FileState> {
    /// The id, which also tells when the file was created.
    pub id: FileId,
    /// The owner.
    pub owner: OwnerId,
    /// The name.
    pub name: FileName,
    /// Names that the file had before.
    #[serde(default, skip_serializing_if = "EarlierNames::is_empty")]
    pub earlier_names: EarlierNames,
    /// Where the bytes come from.
    pub source: Source,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Number of the last change.
    pub version: u64,
    /// Number of claims of its import: the fencing token of the workers. Only the worker of the latest claim may write.
    #[serde(default, skip_serializing_if = "is_zero")]
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
    /// Whether the end of the file, its failure, success or expiry, is an event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notify: bool,
    /// From when on the file is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When `sweep` takes over. Every file has one but those whose status is terminal and that do not expire.
    #[serde(flatten)]
    pub deadline: Option<Deadline>,
    /// The state.
    #[serde(flatten)]
    pub state: S,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<S> File<S> {
    /// Returns when the file was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.id.created_at()
    }

    /// Returns whether the file has expired: the API then responds as if it did not exist.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the form in which FFmpeg commands name the file.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("fm_id://{}", self.id)
    }

    /// Separates the file from its state.
    #[must_use]
    pub fn split(self) -> (File<()>, S) {
        let Self { id, owner, name, earlier_names, source, updated_at, version, generation, size, .. } = self;
        let Self {
            content_type,
            checksum,
            announced_sha256,
            presigned_put,
            upload_token,
            notify,
            expires_at,
            deadline,
            state,
            ..
        } = self;
        let file = File {
            id,
            owner,
            name,
            earlier_names,
            source,
            updated_at,
            version,
            generation,
            size,
            content_type,
            checksum,
            announced_sha256,
            presigned_put,
            upload_token,
            notify,
            expires_at,
            deadline,
            state: (),
        };
        (file, state)
    }
}

impl File<()> {
    /// Returns the file in `state`.
    #[must_use]
    pub fn with_state<T>(self, state: T) -> File<T> {
        File {
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
        }
    }
}

impl From<File<Import>> for File {
    fn from(file: File<Import>) -> Self {
        let (file, import) = file.split();
        file.with_state(FileState::Importing(import))
    }
}

impl File<Import> {
    /// Returns the multipart upload that holds what has been fetched.
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

    /// Returns what a probe has stored.
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

    /// Returns why ffprobe could not read the file, or not all of it.
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

    /// Returns whether the owner's usage counts the file as a pending upload: its bytes have not all come.
    #[must_use]
    pub fn is_pending_upload(&self) -> bool {
        matches!(self.state, FileState::AwaitingUpload | FileState::AwaitingParts(_))
    }

    /// Returns the multipart upload that is, or may be, unfinished.
    #[must_use]
    pub fn upload_ref(&self) -> Option<UploadRef<'_>> {
        let upload_id = self.state.upload_id()?;
        Some(UploadRef { owner: self.owner, id: self.id, upload_id })
    }

    /// Returns how the bytes are cut into parts, if the client has not sent all parts of a multipart upload.
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

    /// Returns the lifetime of a URL for the file's bytes, which must come before `sweep` looks for them.
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

/// The part of a file's record that only a request for this one file reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The client's own strings.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// URL from which the file is imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Whether requests to the source carry headers of the client, which only the import's message holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub source_headers: bool,
    /// URL that the client wants to be told the end of the file at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// What the web page from which the file is imported says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// ffprobe's complete output.
    #[serde(skip)]
    pub full_probe: Option<FullProbe>,
}

/// Where ffprobe's complete output is.
#[derive(Clone, Debug, PartialEq)]
pub enum FullProbe {
    /// In the record, as `files_records::pack_probe` compressed it.
    Inline(Vec<u8>),
    /// In the object that [`probe_object_key`](crate::probe_object_key) names, since it is too large for the record.
    InObject,
}
