//! The function of `PATCH /v1/files/{id}`: changes a file.

use files_api::{
    ApiError, ApiResult, BaseUrl, Endpoint, FileBody, Reason, authenticate, check_if_match, etag,
    file_change, file_id, full_probe, respond, with_etag,
};
use files_domain::{Caller, Detail, File, FileChange, FileId, Metadata, Scope, Timestamp};
use files_objects::Objects;
use files_records::{ClientRecords, RecordsError};
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Maximum number of attempts while the record changes concurrently, as that of a running import does.
const MAX_ATTEMPTS: u32 = 8;

/// Changes a file's name, metadata or expiry.
pub struct UpdateFile {
    /// The records.
    pub records: ClientRecords,
    /// The objects, including ffprobe's output that is too large for a record.
    pub objects: Objects,
    /// The URL of the API, if it is not that of API Gateway.
    pub public_url: Option<String>,
}

impl Endpoint for UpdateFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| Ok((file_id(request)?, file_change(request, now)?));
        let (caller, (id, change)) =
            authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        let (file, detail) = self.update(&request, &caller, id, &change).await?;
        let full = full_probe(&self.objects, &file, &detail).await?;
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        let body = FileBody::complete(&file, &detail, &full, &base);
        with_etag(respond(StatusCode::OK, &body), &etag(file.version))
    }
}

impl UpdateFile {
    /// Changes the record, unless it already has the requested values. If it has changed since it was read, reads it again, so that
    /// no other change is lost.
    async fn update(
        &self,
        request: &Request,
        caller: &Caller,
        id: FileId,
        change: &FileChange,
    ) -> Result<(File, Detail), ApiError> {
        for _ in 0..MAX_ATTEMPTS {
            let (before, detail) = self.records.find_file_with_detail(caller, id).await?;
            check_if_match(request, &etag(before.version))?;
            let metadata = change.new_metadata(&detail);
            let Some(after) = changed(&before, change, metadata, caller.now) else {
                return Ok((before, detail));
            };
            match self.records.update_file(caller, &before, after, metadata).await {
                Ok(file) => return Ok((file, with_metadata(detail, change))),
                Err(RecordsError::Changed) => {} // by a probe, an import or another request
                Err(error) => return Err(error.into()),
            }
        }
        Err(Reason::TooBusy.into())
    }
}

/// Returns the record after the change; `None` if neither it nor the metadata changes. New metadata also increments the version,
/// which is the entity tag.
fn changed(before: &File, change: &FileChange, metadata: Option<&Metadata>, now: Timestamp) -> Option<File> {
    let touched = || metadata.map(|_| File { updated_at: now, ..before.clone() });
    before.changed(change, now).or_else(touched)
}

fn with_metadata(detail: Detail, change: &FileChange) -> Detail {
    let metadata = change.metadata.clone().unwrap_or_else(|| detail.metadata.clone());
    Detail { metadata, ..detail }
}
