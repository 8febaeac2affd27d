use bytes::Bytes;
use files_domain::{FileId, OwnerId, UploadRef};
use files_objects::{Objects, ObjectsError, Part};
use tokio::task::{JoinError, JoinSet};

use crate::stop::Stop;

/// Bytes of a part: S3 takes 5 MiB to 5 GiB (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const PART_BYTES: usize = 16 * 1024 * 1024;
/// Most parts of an upload (same page).
pub(crate) const MAX_PARTS: u64 = 10_000;

/// Sends parts, one at a time, while the caller goes on reading. Dropping it ends what is on its way.
pub(crate) struct PartUploads {
    objects: Objects,
    owner: OwnerId,
    id: FileId,
    on_its_way: JoinSet<Result<Part, ObjectsError>>,
    stored: Vec<Part>,
    next_number: i32,
}

impl PartUploads {
    pub(crate) fn new(objects: Objects, owner: OwnerId, id: FileId) -> Self {
        Self { objects, owner, id, on_its_way: JoinSet::new(), stored: Vec::new(), next_number: 1 }
    }

    /// Sends a part as soon as the one before has arrived.
    pub(crate) async fn send(&mut self, upload_id: String, bytes: Bytes) -> Result<(), Stop> {
        self.wait().await?;
        let (objects, owner, id, number) = (self.objects.clone(), self.owner, self.id, self.next_number);
        self.next_number += 1;
        self.on_its_way.spawn(async move {
            objects.put_part(UploadRef { owner, id, upload_id: &upload_id }, number, bytes).await
        });
        Ok(())
    }

    /// All parts, in order.
    pub(crate) async fn finish(mut self) -> Result<Vec<Part>, Stop> {
        self.wait().await?;
        Ok(self.stored)
    }

    async fn wait(&mut self) -> Result<(), Stop> {
        while let Some(sent) = self.on_its_way.join_next().await {
            self.stored.push(sent.map_err(|error: JoinError| Stop::Ours(error.into()))??);
        }
        Ok(())
    }
}
