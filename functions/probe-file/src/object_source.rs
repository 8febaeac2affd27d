use std::sync::OnceLock;

use bytes::Bytes;
use files_domain::{FileId, ObjectMeta, OwnerId};
use files_objects::Objects;
use media_probe::{RangeSource, ReadError};

/// Bytes that tell a type: of a ZIP archive, its first names.
const MAX_HEAD: usize = 8192;

/// One object in S3, as it was when it was looked at first.
pub(crate) struct ObjectSource {
    objects: Objects,
    owner: OwnerId,
    id: FileId,
    size: u64,
    etag: String,
    head: OnceLock<Vec<u8>>,
}

impl ObjectSource {
    pub(crate) fn new(objects: Objects, owner: OwnerId, id: FileId, meta: &ObjectMeta) -> Self {
        Self { objects, owner, id, size: meta.size, etag: meta.etag.clone(), head: OnceLock::new() }
    }

    /// Its first bytes, if ffprobe has read them.
    pub(crate) fn head(&self) -> &[u8] {
        self.head.get().map_or(&[], Vec::as_slice)
    }
}

impl RangeSource for ObjectSource {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        let read = self.objects.read_range(self.owner, self.id, &self.etag, start, end).await;
        let bytes = read.map_err(ReadError::new)?;
        if start == 0 {
            self.head.get_or_init(|| bytes[..bytes.len().min(MAX_HEAD)].to_vec());
        }
        Ok(bytes)
    }
}
