//! The function of `POST /v1/uploads/{id}/complete`: completes a multipart upload.

use std::time::Duration;

use files_api::{
    ApiError, ApiResult, BaseUrl, Endpoint, FileBody, Reason, authenticate_uploader, awaited_parts, file_id,
    respond,
};
use files_domain::{Detail, File, FileState, PartFault, PartPlan, Timestamp, UploadRef};
use files_objects::{Objects, StoredParts, Uploaded};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde_json::Value;
use tracing::{info, warn};

/// The timeout for S3's `CompleteMultipartUpload`. It may take minutes, but API Gateway's timeout is 30 s. `sweep` completes
/// uploads that take longer.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(18);
/// The maximum number of faulty parts that an error response lists.
const MAX_NAMED: usize = 100;

/// Completes a multipart upload.
pub struct CompleteUpload {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
    /// The URL of the API, if it is not that of API Gateway.
    pub public_url: Option<String>,
}

impl Endpoint for CompleteUpload {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| file_id(request);
        let (caller, id) = authenticate_uploader(&self.records, &request, now, parse).await?;
        let (file, detail) = self.records.find_upload_with_detail(&caller, id).await?;
        let file = if is_completed(&file) { file } else { self.complete(&file, now).await? };
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        let body = FileBody::complete(&file, &without_probe(detail), &Value::Null, &base);
        Ok(respond(StatusCode::ACCEPTED, &body))
    }
}

impl CompleteUpload {
    /// Checks the parts, and completes the upload unless another request has completed it. Returns the current file.
    ///
    /// # Errors
    /// [`Reason::PartsIncomplete`] if parts are missing or have a wrong size, [`Reason::UploadOver`] if the upload has ended.
    async fn complete(&self, file: &File, now: Timestamp) -> Result<File, ApiError> {
        let plan = awaited_parts(file, now)?;
        let (upload, stored) = match self.stored(file, plan).await {
            Ok(stored) => stored,
            Err(error) => return self.completed_by_another(file, error).await,
        };
        let mark = |file: File| file.completing(upload.upload_id, now);
        let marked = self.records.unchecked().change_read_file(file.clone(), mark).await?;
        let Some(marked) = marked else {
            return self.completed_by_another(file, Reason::UploadOver.into()).await;
        };
        self.complete_in_s3(upload, stored).await;
        Ok(marked)
    }

    /// Returns the upload and its stored parts, if all parts are stored with their planned sizes.
    async fn stored<'f>(
        &self,
        file: &'f File,
        plan: PartPlan,
    ) -> Result<(UploadRef<'f>, StoredParts), ApiError> {
        let Some(upload) = file.upload_ref() else { return Err(incomplete(&plan.faults(&[]))) };
        let stored = self.objects.stored_parts(upload).await?;
        let faults = plan.faults(&stored.list());
        if faults.is_empty() { Ok((upload, stored)) } else { Err(incomplete(&faults)) }
    }

    /// Returns the file if another request has completed it in the meantime, so that both requests get the same response.
    /// Otherwise returns `error`.
    async fn completed_by_another(&self, file: &File, error: ApiError) -> Result<File, ApiError> {
        let (file, _) = self.records.unchecked().get_file(file.owner, file.id).await?;
        if is_completed(&file) { Ok(file) } else { Err(error) }
    }

    /// Completes the upload in S3. Errors are only logged: the record is already marked, so that `sweep` tries again.
    async fn complete_in_s3(&self, upload: UploadRef<'_>, stored: StoredParts) {
        let parts = stored.parts();
        let completing = self.objects.complete_upload(upload, &parts);
        match tokio::time::timeout(COMPLETION_TIMEOUT, completing).await {
            Ok(Ok(Uploaded::Completed)) => info!(file = %upload.id, parts = parts.len(), "completed"),
            Ok(Ok(Uploaded::Gone)) => warn!(file = %upload.id, "the upload no longer exists in S3"),
            Ok(Err(error)) => {
                warn!(file = %upload.id, error = &error as &dyn std::error::Error, "completing the upload failed, left to sweep");
            }
            Err(_) => {
                info!(file = %upload.id, parts = parts.len(), "completing the upload timed out, left to sweep")
            }
        }
    }
}

/// Returns whether the multipart upload of the file is completed or being completed.
fn is_completed(file: &File) -> bool {
    match &file.state {
        FileState::Probing(probing) => probing.multipart,
        FileState::Stored(stored) => stored.multipart,
        _ => false,
    }
}

/// Removes ffprobe's full output, which only get-file returns.
fn without_probe(detail: Detail) -> Detail {
    Detail { full_probe: None, ..detail }
}

fn incomplete(faults: &[PartFault]) -> ApiError {
    let named = faults.iter().take(MAX_NAMED);
    let error = ApiError::from(Reason::PartsIncomplete);
    let error = error.with_message(format!(
        "{} of the parts are not stored as announced: upload those again, then complete once more",
        faults.len()
    ));
    named.fold(error, |error, fault| {
        error.on_field(&format!("part_numbers.{}", fault.number()), Some(fault.to_string()))
    })
}
