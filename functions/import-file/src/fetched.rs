use bytes::Bytes;
use files_domain::{Checksum, FileName, Origin};
use files_objects::Part;

/// Metadata that the source declares, sanitised for the record.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceMetadata {
    pub(crate) name: Option<FileName>,
    pub(crate) content_type: Option<String>,
    /// The claims of the web page that embeds the media.
    pub(crate) origin: Option<Origin>,
}

/// The fetched bytes of a source.
pub(crate) enum Fetched {
    /// The bytes are in the parts of a multipart upload, in order.
    Parts { parts: Vec<Part>, size: u64, checksum: Option<Checksum> },
    /// The bytes are in memory, with their SHA-256 in hex.
    Whole { bytes: Bytes, sha256: String },
}

impl Fetched {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Parts { size, .. } => *size,
            Self::Whole { bytes, .. } => bytes.len() as u64,
        }
    }

    pub(crate) fn checksum(&self) -> Option<Checksum> {
        match self {
            Self::Parts { checksum, .. } => checksum.clone(),
            Self::Whole { sha256, .. } => Some(Checksum::Sha256(sha256.clone())),
        }
    }
}
