use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    FileId, FileName, MediaType, Metadata, Origin, OwnerId, PartPlan, ProbeSummary, Resume, Timestamp,
    UploadRef, limits,
};

/// Where a file's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The client sends them.
    Upload,
    /// They are fetched from a URL.
    Url,
}

/// How far a file has come. A status never goes back, and a terminal one never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for bytes.
    Pending,
    /// Being imported, or stored and being probed.
    Running,
    /// Stored.
    Success,
    /// The bytes could not be had.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Running, Self::Success, Self::Failed];

    /// Whether it never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}

/// A checksum of the whole object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// SHA-256, in lower-case hex.
    Sha256(String),
    /// CRC-64/NVME, in lower-case hex.
    Crc64nvme(String),
}

/// How much of an import has arrived, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes that have come so far.
    pub received: u64,
    /// Bytes there are, if the source said so.
    pub total: Option<u64>,
}

/// What time must still finish. It stands in the record from the very transaction that makes it necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// What to do.
    pub kind: DueKind,
    /// From when on `sweep` does it.
    pub at: Timestamp,
    /// How often `sweep` has tried.
    pub tries: u32,
}

/// What `sweep` does when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueKind {
    /// Look whether the bytes of a presigned upload came; else fail it.
    Upload,
    /// Queue an import that was not sent, or whose worker is gone.
    Import,
    /// Probe stored bytes whose event was lost; complete their upload first if that is still open.
    Probe,
    /// Delete a file whose time is over.
    Expire,
}

/// A file's record, without what only [`Detail`] has.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its id, which also says when it was created.
    pub id: FileId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Its name.
    pub name: FileName,
    /// Where its bytes come from.
    pub source: Source,
    /// How far it is.
    pub status: Status,
    /// Last change.
    pub updated_at: Timestamp,
    /// Grows with every change.
    pub version: u64,
    /// Bytes, announced or stored.
    pub size: Option<u64>,
    /// Bytes that its owner's usage counts for it.
    pub reserved_bytes: u64,
    /// Media type (RFC 9110, section 8.3.1).
    pub content_type: Option<String>,
    /// Of the stored bytes.
    pub checksum: Option<Checksum>,
    /// SHA-256 in hex that the client says the bytes will have.
    pub announced_sha256: Option<String>,
    /// While an import runs.
    pub progress: Option<Progress>,
    /// From when on it is gone.
    pub expires_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it is.
    pub media_type: Option<MediaType>,
    /// What ffprobe says of it.
    pub probe: Option<ProbeSummary>,
    /// Why ffprobe says nothing of it.
    pub ffprobe_error: Option<String>,
    /// Which ffprobe looked at it last.
    pub probed_by: Option<String>,
    /// Whether the operator wants it, although it is `success`, to be probed again.
    pub probe_again: bool,
    /// Counted as an import in flight.
    pub importing: bool,
    /// Whether an import takes its name from the source.
    pub name_from_source: bool,
    /// Of the import's workers: only the latest may write.
    pub generation: u64,
    /// Until when the import's worker has it to itself.
    pub lease_until: Option<Timestamp>,
    /// A multipart upload that is, or may be, unfinished.
    pub upload_id: Option<String>,
    /// What another worker needs to go on with the import's upload, if its source can be asked for the rest.
    pub resume: Option<Resume>,
    /// How often in a row an import was given back without anything new to show for it.
    pub setbacks: u32,
    /// Bytes of each part but the last, if the client uploads by parts.
    pub part_size: Option<u64>,
    /// What time must still finish.
    pub due: Option<Due>,
}

impl File {
    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.id.created_at()
    }

    /// Whether its time is over: it then answers as if it did not exist.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// How its bytes are cut, if the client uploads them by parts.
    #[must_use]
    pub fn part_plan(&self) -> Option<PartPlan> {
        Some(PartPlan::recorded(self.size?, self.part_size?))
    }

    /// Returns its multipart upload that is, or may be, unfinished.
    #[must_use]
    pub fn upload_ref(&self) -> Option<UploadRef<'_>> {
        let upload_id = self.upload_id.as_deref()?;
        Some(UploadRef { owner: self.owner, id: self.id, upload_id })
    }

    /// Whether it waits for bytes that the client is to send.
    #[must_use]
    pub fn awaits_upload(&self, now: Timestamp) -> bool {
        let waiting = self.status == Status::Pending && self.source == Source::Upload;
        waiting && self.due.is_some_and(|due| due.kind == DueKind::Upload && due.at.seconds() > now.seconds())
    }

    /// How long a URL for its bytes may live: they must come before `sweep` looks for them.
    #[must_use]
    pub fn upload_url_lifetime(&self, now: Timestamp) -> Duration {
        let left = self.due.map_or(0, |due| due.at.seconds().saturating_sub(now.seconds()));
        limits::UPLOAD_URL_LIFETIME.min(Duration::from_secs(left))
    }

    /// Whether a probe of its bytes may still change it.
    #[must_use]
    pub fn awaits_probe(&self) -> bool {
        !self.status.is_terminal() || (self.status == Status::Success && self.probe_again)
    }

    /// Whether its bytes can be downloaded.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        self.status == Status::Success
    }

    /// The form in which FFmpeg commands name it.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("fm_id://{}", self.id)
    }
}

/// What only a look at one file shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// The caller's own strings.
    pub metadata: Metadata,
    /// The URL it is imported from.
    pub source_url: Option<String>,
    /// Whether its source gets headers of the caller's: those are in the import's message and nowhere else.
    pub source_headers: bool,
    /// What the page it is imported from says of it.
    pub origin: Option<Origin>,
    /// ffprobe's own output, complete.
    pub full_probe: Option<FullProbe>,
}

/// Where ffprobe's complete output is.
#[derive(Clone, Debug, PartialEq)]
pub enum FullProbe {
    /// In the record; as `files_records::pack_probe` compressed it.
    Inline(Vec<u8>),
    /// Too large for the record: in the object that [`probe_object_key`](crate::probe_object_key) names.
    InObject,
}

/// A file to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFile {
    /// Its name.
    pub name: FileName,
    /// Where its bytes come from.
    pub source: Source,
    /// Bytes, if announced or already here.
    pub size: Option<u64>,
    /// Media type.
    pub content_type: Option<String>,
    /// SHA-256 in hex that the bytes must have.
    pub announced_sha256: Option<String>,
    /// From when on it is gone.
    pub expires_at: Option<Timestamp>,
    /// Whether an import takes its name from the source.
    pub name_from_source: bool,
}

impl NewFile {
    /// The record of a presigned upload: it waits for its bytes, whose room is held.
    #[must_use]
    pub fn awaiting_upload(self, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        let due = Due { kind: DueKind::Upload, at: now.plus(limits::UPLOAD_WINDOW), tries: 0 };
        self.record(owner, id, now, Status::Pending, due)
    }

    /// The same of one that comes in parts.
    #[must_use]
    pub fn awaiting_parts(self, plan: PartPlan, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        File { part_size: Some(plan.part_size()), ..self.awaiting_upload(owner, id, now) }
    }

    /// The record of an import that is to be queued.
    #[must_use]
    pub fn awaiting_import(self, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        let due = Due { kind: DueKind::Import, at: now.plus(limits::IMPORT_SEND_GRACE), tries: 0 };
        File { importing: true, ..self.record(owner, id, now, Status::Pending, due) }
    }

    /// The record of a file whose bytes the API holds and is about to store.
    #[must_use]
    pub fn being_stored(self, owner: OwnerId, id: FileId, now: Timestamp) -> File {
        let due = Due { kind: DueKind::Probe, at: now.plus(limits::PROBE_GRACE), tries: 0 };
        let checksum = self.announced_sha256.clone().map(Checksum::Sha256);
        File { checksum, ..self.record(owner, id, now, Status::Running, due) }
    }

    fn record(self, owner: OwnerId, id: FileId, now: Timestamp, status: Status, due: Due) -> File {
        // What expires before it is finished is finished with.
        let due = Due { at: self.expires_at.map_or(due.at, |at| at.min(due.at)), ..due };
        File {
            id,
            owner,
            name: self.name,
            source: self.source,
            status,
            updated_at: now,
            version: 1,
            reserved_bytes: self.size.unwrap_or(0),
            size: self.size,
            content_type: self.content_type,
            checksum: None,
            announced_sha256: self.announced_sha256,
            progress: None,
            expires_at: self.expires_at,
            error: None,
            media_type: None,
            probe: None,
            ffprobe_error: None,
            probed_by: None,
            probe_again: false,
            importing: false,
            name_from_source: self.name_from_source,
            generation: 0,
            lease_until: None,
            upload_id: None,
            resume: None,
            setbacks: 0,
            part_size: None,
            due: Some(due),
        }
    }
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::Upload, Self::Url];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload => "upload",
            Self::Url => "url",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        })
    }
}
