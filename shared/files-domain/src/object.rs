use serde::{Deserialize, Serialize};

use crate::{FileId, OwnerId};

/// A checksum of the whole object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// SHA-256, in lower-case hex.
    Sha256(String),
    /// CRC-64/NVME, in lower-case hex.
    Crc64nvme(String),
}

/// The metadata of a stored object, as S3 reports it.
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

/// The reference of a multipart upload of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadRef<'a> {
    /// The owner of the file.
    pub owner: OwnerId,
    /// The file.
    pub id: FileId,
    /// The id that S3 gave the upload.
    pub upload_id: &'a str,
}
