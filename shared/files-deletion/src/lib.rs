//! The deletion of a file at the request of its owner: first the record, which ends all access, then the bytes.

use files_domain::{Caller, File, FileId, Timestamp};
use files_objects::Objects;
use files_records::{ClientRecords, RecordsError};
use tracing::warn;

/// Attempts against a record that keeps changing, as that of a running import does.
const MAX_ATTEMPTS: u32 = 8;

/// Deletes files with everything that belongs to them.
pub struct Deletion {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Deletion {
    /// Deletes a file of the caller if `check` allows it for the record as it is then. What fails after the record is deleted is
    /// left to `sweep`.
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

    /// Deletes the record. From then on the file is gone, whatever happens to its bytes.
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

    /// Deletes the bytes. `sweep` does what fails here: the records hold the entry for it.
    async fn delete_bytes(&self, file: &File, now: Timestamp) {
        let deleted = match file.presigned_put_end(now) {
            Some(_) => self.objects.block_file(file.owner, file.id).await,
            None => self.objects.delete_file(file.owner, file.id, file.state.upload_id()).await,
        };
        if let Err(error) = deleted {
            warn!(error = &error as &dyn std::error::Error, "bytes left to sweep");
            return;
        }
        if file.may_still_receive_bytes(now) {
            return; // by a presigned URL or a worker: sweep deletes the object once that is over
        }
        if let Err(error) = self.records.unchecked().delete_removal_entry(file.owner, file.id).await {
            warn!(error = &error as &dyn std::error::Error, "the entry of a finished deletion left to sweep");
        }
    }
}
