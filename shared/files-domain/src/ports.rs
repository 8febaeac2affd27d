//! What functions need of the world, one small trait a need. Each adapter implements the ones of its service.

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::{
    Authority, Checksum, Detail, File, FileId, FullProbe, KeyProblem, Origin, OwnerId, Page, PageRequest,
    Probed, SourceHeaders, Status, Timestamp,
};

/// Any error, with its sources, for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why the records could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The API key does not open the door.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// No such file, or none of this owner.
    #[error("no such file")]
    NotFound,
    /// The record is no longer the one that was read: read again.
    #[error("the record has changed")]
    Changed,
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyConflict,
    /// Others write the same records, or the service throttles: try again later.
    #[error("too busy")]
    Busy(#[source] BoxError),
    /// The service failed, or holds what it should not.
    #[error("the records are unavailable")]
    Unavailable(#[source] BoxError),
}

/// Checks API keys.
pub trait CheckKey {
    /// Checks that the key is good for what is asked: from memory, if it was read within the last 30 s. For whoever only
    /// reads, or checks the key again in the transaction that writes.
    fn check_key(&self, access: &Authority) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Checks the key as it is stored now, unless it is for reading: a key that has just been revoked is refused. A key
    /// remembered as bad is refused from memory.
    fn check_key_now(&self, access: &Authority) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads one file for a client.
pub trait FindFile {
    /// The key is good and the file is its owner's and has not expired; for reading, all from one consistent read.
    fn find_file(
        &self,
        access: &Authority,
        id: FileId,
    ) -> impl Future<Output = Result<File, StoreError>> + Send;

    /// The same, with what only a look at one file shows.
    fn find_file_with_detail(
        &self,
        access: &Authority,
        id: FileId,
    ) -> impl Future<Output = Result<(File, Detail), StoreError>> + Send;
}

/// Lists an owner's files.
pub trait ListFiles {
    /// One page, from one read of at most `limit` records, once the key is known to be good.
    fn list_files(
        &self,
        access: &Authority,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;
}

/// A client's promise that the same key means the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// SHA-256 in hex of what was asked.
    pub request_hash: String,
}

/// What came of creating a file.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "short-lived, never collected")]
pub enum Created {
    /// It is new.
    New,
    /// The same request had created this file before.
    Before(File, Detail),
}

/// Creates records.
pub trait CreateFile {
    /// Writes the record, its detail and the usage in one transaction that also checks the API key. Nothing of the owner
    /// is touched for a key that is known, or found, to be bad.
    fn create_file(
        &self,
        access: &Authority,
        file: &File,
        detail: &Detail,
        idempotency: Option<&Idempotency>,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;
}

/// Deletes records.
pub trait RemoveFile {
    /// Takes the record away and leaves in its place the duty to delete its bytes: done by the caller at once,
    /// else by `sweep`. One transaction that also checks the API key, if a client asks.
    fn remove_file(
        &self,
        access: Option<&Authority>,
        file: &File,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The bytes are deleted: nothing remains to be done.
    fn forget_removed(
        &self,
        owner: OwnerId,
        id: FileId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads and changes records in the background.
pub trait FileRecords {
    /// A consistent read, for whoever acts on the owner's behalf.
    fn get_file(
        &self,
        owner: OwnerId,
        id: FileId,
    ) -> impl Future<Output = Result<(File, Detail), StoreError>> + Send;

    /// Writes `after` in the place of `before`, and the difference to the usage, if the record is still `before`;
    /// else [`StoreError::Changed`].
    fn save_file(&self, before: &File, after: &File) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.save_file_of_page(before, after, None)
    }

    /// The same, and in the same step what the page that a file comes from says of it; `None` leaves that as it is.
    fn save_file_of_page(
        &self,
        before: &File,
        after: &File,
        origin: Option<&Origin>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What S3 says of a stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Bytes.
    pub size: u64,
    /// Of the whole object.
    pub checksum: Option<Checksum>,
    /// As it was stored.
    pub content_type: Option<String>,
    /// Entity tag, with its quotes.
    pub etag: String,
}

/// A finished probe, to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeDone {
    /// The object that was probed.
    pub object: ObjectMeta,
    /// How it ended.
    pub probed: Probed,
    /// Media type by its bytes, where what was said of it is missing or wrong.
    pub content_type: Option<String>,
    /// ffprobe's own output, complete.
    pub full: Option<FullProbe>,
    /// Which ffprobe it was; `None` if none has looked at it.
    pub by: Option<String>,
    /// When.
    pub now: Timestamp,
}

impl ProbeDone {
    /// A probe of which no more than this is known.
    #[must_use]
    pub fn new(object: ObjectMeta, probed: Probed, now: Timestamp) -> Self {
        Self { object, probed, content_type: None, full: None, by: None, now }
    }
}

/// What became of a finished probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedProbe {
    /// The file has just become `success`.
    Saved,
    /// The file was `success` already, and has now been looked at by another ffprobe.
    SavedAgain,
    /// The file was terminal already: the bytes of one that has failed must go.
    AlreadyTerminal(Status),
    /// There is no such file: its bytes have no owner and must go.
    NoRecord,
}

impl SavedProbe {
    /// Whether the bytes that were probed are nobody's.
    #[must_use]
    pub fn leaves_orphan(self) -> bool {
        matches!(self, Self::NoRecord | Self::AlreadyTerminal(Status::Failed))
    }
}

/// Ends probing.
pub trait FinishProbe {
    /// One transaction; the usage is touched only when the size differs from what the record holds.
    fn finish_probe(
        &self,
        owner: OwnerId,
        id: FileId,
        done: &ProbeDone,
    ) -> impl Future<Output = Result<SavedProbe, StoreError>> + Send;
}

/// What came of claiming an import.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "short-lived, never collected")]
pub enum ImportClaim {
    /// It is this worker's, as of this record.
    Claimed(File),
    /// Another worker holds it until then.
    HeldUntil(Timestamp),
    /// It is finished, or deleted.
    Over,
}

/// Makes one worker at a time the owner of an import.
pub trait ClaimImport {
    /// Takes the import for this worker and fences any earlier one.
    fn claim_import(
        &self,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> impl Future<Output = Result<ImportClaim, StoreError>> + Send;

    /// Writes down what an import has got, as `file` says: progress, upload, what is needed to go on with it, setbacks.
    /// [`StoreError::Changed`]: it is no longer this worker's, or deleted.
    fn save_progress(
        &self,
        file: &File,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The same, and lets go of the import: whoever claims it next goes on with it. Should nobody, `sweep` queues it at
    /// `again_at`.
    fn release_import(
        &self,
        file: &File,
        again_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What `import-file` is told. Whoever queues an import once more sends all of it again: the headers are nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMessage {
    /// Whose file.
    pub owner: OwnerId,
    /// Which file.
    pub id: FileId,
    /// Where its bytes are.
    pub file_url: String,
    /// What the source is to be told besides.
    #[serde(default, skip_serializing_if = "SourceHeaders::is_empty")]
    pub headers: SourceHeaders,
}

/// Queues imports.
pub trait QueueImport {
    /// At least once.
    fn queue_import(&self, message: &ImportMessage) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Queues probes of stored objects.
pub trait QueueProbe {
    /// At least once.
    fn queue_probe(&self, owner: OwnerId, id: FileId) -> impl Future<Output = Result<(), BoxError>> + Send;
}
