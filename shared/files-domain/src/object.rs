use crate::{Checksum, FileId, OwnerId};

/// Describes a stored object as S3 reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Size in bytes.
    pub size: u64,
    /// Checksum of the whole object.
    pub checksum: Option<Checksum>,
    /// `Content-Type` under which it is stored.
    pub content_type: Option<String>,
    /// Entity tag, with its quotes.
    pub etag: String,
}

/// Identifies one multipart upload of one file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadRef<'a> {
    /// The owner of the file.
    pub owner: OwnerId,
    /// The file.
    pub id: FileId,
    /// The id that S3 gave the upload.
    pub upload_id: &'a str,
}
