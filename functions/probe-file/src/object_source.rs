use bytes::Bytes;
use files_domain::{FileId, ObjectMeta, OwnerId};
use files_objects::Objects;
use media_probe::{RangeSource, ReadError};

/// One object in S3, as it was when it was looked at first.
pub(crate) struct ObjectSource {
    objects: Objects,
    owner: OwnerId,
    id: FileId,
    size: u64,
    etag: String,
}

impl ObjectSource {
    pub(crate) fn new(objects: Objects, owner: OwnerId, id: FileId, meta: &ObjectMeta) -> Self {
        Self { objects, owner, id, size: meta.size, etag: meta.etag.clone() }
    }
}

impl RangeSource for ObjectSource {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        self.objects.read_range(self.owner, self.id, &self.etag, start, end).await.map_err(ReadError::new)
    }
}
