//! `DELETE /v1/files/{id}`

use files_api::{
    Answer, ApiError, Reason, authority, check_if_match, etag, file_id, for_key_holder, no_content,
};
use files_domain::{Authority, CheckKey, File, FileId, FindFile, RemoveFile, Scope, StoreError, Timestamp};
use files_objects::Objects;
use lambda_http::Request;
use tracing::warn;

/// Tries against a record that keeps changing, as a running import's does.
const MAX_TRIES: u32 = 8;

/// Deletes a file with all that belongs to it.
pub struct DeleteFile<R> {
    /// Where files are found.
    pub records: R,
    /// Where their bytes are.
    pub objects: Objects,
}

impl<R: CheckKey + FindFile + RemoveFile + Sync> DeleteFile<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Delete, now)?;
        let id = for_key_holder(&self.records, &access, file_id(request)).await?;
        let file = self.remove(request, &access, id).await?;
        self.delete_bytes(&file).await;
        Ok(no_content())
    }

    /// Takes the record away. From then on the file is gone, whatever becomes of its bytes.
    async fn remove(&self, request: &Request, access: &Authority, id: FileId) -> Result<File, ApiError> {
        for _ in 0..MAX_TRIES {
            let file = self.records.find_file(access, id).await?;
            check_if_match(request, &etag(file.version))?;
            match self.records.remove_file(Some(access), &file, access.now).await {
                Ok(()) => return Ok(file),
                Err(StoreError::Changed) => {} // an import wrote its progress in between: look again
                Err(error) => return Err(error.into()),
            }
        }
        Err(Reason::TooBusy.into())
    }

    /// At once; what fails here, `sweep` does: the duty stands in the records.
    async fn delete_bytes(&self, file: &File) {
        let deleted = self.objects.delete_file(file.owner, file.id, file.upload_id.as_deref()).await;
        if let Err(error) = deleted {
            warn!(error = &error as &dyn std::error::Error, "bytes are left to sweep");
            return;
        }
        if file.may_still_receive_bytes() {
            return; // a presigned URL or a worker may still bring some: sweep deletes them when that is over
        }
        if let Err(error) = self.records.forget_removed(file.owner, file.id).await {
            warn!(error = &error as &dyn std::error::Error, "a done deletion is left to sweep");
        }
    }
}
