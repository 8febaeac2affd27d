//! Deletes a file at the request of its owner: first the record, which ends all access, then the bytes.

use files_domain::{Caller, File, FileId, Timestamp, Unfinished};
use files_objects::{Objects, ObjectsError};
use files_records::{ClientRecords, RecordsError};
use tracing::warn;

/// Maximum number of attempts while the record changes concurrently, as that of a running import does.
const MAX_ATTEMPTS: u32 = 8;

/// Deletes files with their records and objects.
pub struct Deletion {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Deletion {
    /// Deletes a file of the caller, if `check` accepts the current record. If the deletion of the bytes fails, `sweep` repeats it.
    ///
    /// # Errors
    /// The error of `check`, and [`RecordsError::Key`], [`RecordsError::NotFound`], [`RecordsError::Busy`],
    /// [`RecordsError::Unavailable`].
    pub async fn delete<E: From<RecordsError>>(
        &self,
        caller: &Caller,
        id: FileId,
        check: impl Fn(&File) -> Result<(), E>,
    ) -> Result<(), E> {
        let file = self.remove(caller, id, check).await?;
        self.delete_bytes(&file, caller.now).await;
        Ok(())
    }

    /// Deletes the record. From then on the file does not exist for clients.
    async fn remove<E: From<RecordsError>>(
        &self,
        caller: &Caller,
        id: FileId,
        check: impl Fn(&File) -> Result<(), E>,
    ) -> Result<File, E> {
        for _ in 0..MAX_ATTEMPTS {
            let file = self.records.find_file(caller, id).await?;
            check(&file)?;
            match self.records.remove_file(caller, &file).await {
                Ok(()) => return Ok(file),
                Err(RecordsError::Changed) => {} // an import has saved its progress in between
                Err(error) => return Err(error.into()),
            }
        }
        Err(RecordsError::Busy("the record kept changing".into()).into())
    }

    async fn delete_objects(&self, file: &File) -> Result<(), ObjectsError> {
        self.objects.discard(file.owner, file.id, &Unfinished::of(file)).await?;
        self.objects.delete_file(file.owner, file.id).await
    }

    /// Deletes the bytes. If this fails, `sweep` repeats it, since the removal entry exists.
    async fn delete_bytes(&self, file: &File, now: Timestamp) {
        let deleted = match file.presigned_put_end(now) {
            Some(_) => self.objects.block_file(file.owner, file.id).await,
            None => self.delete_objects(file).await,
        };
        if let Err(error) = deleted {
            warn!(error = &error as &dyn std::error::Error, "deleting the bytes failed, left to sweep");
            return;
        }
        if file.may_still_receive_bytes(now) {
            return; // a presigned URL or a worker may still store bytes, which sweep deletes at the deadline
        }
        if let Err(error) = self.records.unchecked().delete_removal_entry(file.owner, file.id).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "deleting the removal entry failed, left to sweep"
            );
        }
    }
}
