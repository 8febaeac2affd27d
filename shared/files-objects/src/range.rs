use bytes::Bytes;
use files_domain::{FileId, OwnerId};

use crate::{Objects, ObjectsError};

impl Objects {
    /// Reads the bytes from `start` to before `end` of the object with the entity tag `etag`.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`], [`ObjectsError::Changed`], [`ObjectsError::Failed`].
    pub async fn read_range(
        &self,
        owner: OwnerId,
        id: FileId,
        etag: &str,
        start: u64,
        end: u64,
    ) -> Result<Bytes, ObjectsError> {
        if start >= end {
            return Ok(Bytes::new());
        }
        let get = self.client.get_object().bucket(&self.bucket).key(self.key(owner, id));
        let get = get.if_match(etag).range(format!("bytes={start}-{}", end - 1));
        let object = get.send().await.map_err(ObjectsError::from_sdk)?;
        let bytes = object.body.collect().await.map_err(|error| ObjectsError::other("body", error))?;
        Ok(bytes.into_bytes())
    }
}
