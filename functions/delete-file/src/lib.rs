//! `DELETE /v1/files/{id}`

use files_api::{
    ApiError, ApiResult, Endpoint, Reason, authenticate, check_if_match, etag, file_id, no_content,
};
use files_domain::{Caller, File, FileId, Scope, Timestamp};
use files_objects::Objects;
use files_records::{ClientRecords, RecordsError};
use lambda_http::Request;
use tracing::warn;

/// Attempts against a record that keeps changing, as that of a running import does.
const MAX_ATTEMPTS: u32 = 8;

/// Deletes a file with everything that belongs to it.
pub struct DeleteFile {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Endpoint for DeleteFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| file_id(request);
        let (caller, id) = authenticate(self.records.keys(), &request, Scope::Delete, now, parse).await?;
        let file = self.remove(&request, &caller, id).await?;
        self.delete_bytes(&file, now).await;
        Ok(no_content())
    }
}

impl DeleteFile {
    /// Deletes the record. From then on the file is gone, whatever happens to its bytes.
    async fn remove(&self, request: &Request, caller: &Caller, id: FileId) -> Result<File, ApiError> {
        for _ in 0..MAX_ATTEMPTS {
            let file = self.records.find_file(caller, id).await?;
            check_if_match(request, &etag(file.version))?;
            match self.records.remove_file(caller, &file).await {
                Ok(()) => return Ok(file),
                Err(RecordsError::Changed) => {} // an import has saved its progress in between
                Err(error) => return Err(error.into()),
            }
        }
        Err(Reason::TooBusy.into())
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
        if let Err(error) = self.records.unchecked().forget_removed(file.owner, file.id).await {
            warn!(error = &error as &dyn std::error::Error, "the entry of a finished deletion left to sweep");
        }
    }
}
