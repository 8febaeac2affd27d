use bytes::Bytes;
use files_domain::{FileId, OwnerId, UploadRef};
use files_objects::{Objects, ObjectsError, Part};
use tokio::task::{JoinError, JoinSet};

use crate::error::ImportError;

/// The size of a part. S3 accepts 5 MiB to 5 GiB (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const PART_BYTES: usize = 16 * 1024 * 1024;
/// The maximum number of parts of a multipart upload (S3 limit, documented on the same page).
pub(crate) const MAX_PARTS: u64 = 10_000;

/// Uploads parts one at a time while the caller reads on. Dropping it cancels the current upload.
pub(crate) struct PartUploads {
    objects: Objects,
    owner: OwnerId,
    id: FileId,
    uploading: JoinSet<Result<Part, ObjectsError>>,
    stored: Vec<Part>,
    next_number: i32,
}

impl PartUploads {
    pub(crate) fn new(objects: Objects, owner: OwnerId, id: FileId) -> Self {
        Self { objects, owner, id, uploading: JoinSet::new(), stored: Vec::new(), next_number: 1 }
    }

    /// Waits for the upload of the previous part, then starts that of this one.
    pub(crate) async fn send(&mut self, upload_id: String, bytes: Bytes) -> Result<(), ImportError> {
        self.wait().await?;
        let (objects, owner, id, number) = (self.objects.clone(), self.owner, self.id, self.next_number);
        self.next_number += 1;
        self.uploading.spawn(async move {
            objects.put_part(UploadRef { owner, id, upload_id: &upload_id }, number, bytes).await
        });
        Ok(())
    }

    /// Waits for the last upload. Returns all parts in order.
    pub(crate) async fn finish(mut self) -> Result<Vec<Part>, ImportError> {
        self.wait().await?;
        Ok(self.stored)
    }

    async fn wait(&mut self) -> Result<(), ImportError> {
        while let Some(sent) = self.uploading.join_next().await {
            self.stored.push(sent.map_err(|error: JoinError| ImportError::Ours(error.into()))??);
        }
        Ok(())
    }
}
