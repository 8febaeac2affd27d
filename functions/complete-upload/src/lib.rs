//! `POST /v1/uploads/{id}/complete`

use std::time::Duration;

use files_api::{
    Answer, ApiError, BaseUrl, FileBody, Reason, answer, authority, awaited_parts, file_id, for_key_holder,
};
use files_domain::{
    CheckKey, Detail, File, FileRecords, FindFile, PartFault, PartPlan, Scope, Status, Timestamp,
    change_read_file,
};
use files_objects::{Objects, ObjectsError, StoredParts, Uploaded};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde_json::Value;
use tracing::{info, warn};

/// How long S3 is waited for: it may take minutes, and the gateway gives up after 30 s. What takes longer, `sweep` looks
/// after.
const PATIENCE: Duration = Duration::from_secs(18);
/// Most parts that one answer names.
const MAX_NAMED: usize = 100;

/// Has the parts of an upload put together.
pub struct CompleteUpload<R> {
    /// Where files are found.
    pub records: R,
    /// Where their parts are.
    pub objects: Objects,
    /// The address clients use, if it is not the gateway's own.
    pub public_url: Option<String>,
}

impl<R: CheckKey + FindFile + FileRecords + Sync> CompleteUpload<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Write, now)?;
        let id = for_key_holder(&self.records, &access, file_id(request)).await?;
        let (file, detail) = self.records.find_file_with_detail(&access, id).await?;
        let file = if is_completed(&file) { file } else { self.complete(&file, now).await? };
        let base = BaseUrl::of(request, self.public_url.as_deref());
        let body = FileBody::complete(&file, &without_probe(detail), &Value::Null, &base);
        Ok(answer(StatusCode::ACCEPTED, &body))
    }

    /// Checks the parts, and puts them together if nobody else has begun to. The file as it then stands.
    async fn complete(&self, file: &File, now: Timestamp) -> Result<File, ApiError> {
        let plan = awaited_parts(file, now)?;
        let (upload_id, stored) = match self.stored(file, plan).await {
            Ok(stored) => stored,
            Err(refusal) => return self.completed_by_another(file, refusal).await,
        };
        let mark = |file: &mut File| file.completing(upload_id, now);
        let Some(marked) = change_read_file(&self.records, file.clone(), mark).await? else {
            return self.completed_by_another(file, Reason::UploadOver.into()).await;
        };
        self.put_together(&marked, upload_id, stored).await;
        Ok(marked)
    }

    /// The parts that S3 has, if they are just the whole.
    async fn stored<'f>(&self, file: &'f File, plan: PartPlan) -> Result<(&'f str, StoredParts), ApiError> {
        let Some(upload_id) = &file.upload_id else { return Err(incomplete(&plan.faults(&[]))) };
        let stored = match self.objects.stored_parts(file.owner, file.id, upload_id).await {
            Ok(stored) => stored,
            Err(ObjectsError::NoSuchUpload) => return Err(Reason::PartsGone.into()),
            Err(error) => return Err(ApiError::from(Reason::TooBusy).caused_by(error)),
        };
        let faults = plan.faults(&stored.list());
        if faults.is_empty() { Ok((upload_id, stored)) } else { Err(incomplete(&faults)) }
    }

    /// While this one was looking, another may have completed it: then both are answered alike.
    async fn completed_by_another(&self, file: &File, refusal: ApiError) -> Result<File, ApiError> {
        let (file, _) = self.records.get_file(file.owner, file.id).await?;
        if is_completed(&file) { Ok(file) } else { Err(refusal) }
    }

    /// From here on the record says what is to be done: whatever fails, `sweep` does it again.
    async fn put_together(&self, file: &File, upload_id: &str, stored: StoredParts) {
        let parts = stored.parts();
        let completing = self.objects.complete_upload(file.owner, file.id, upload_id, &parts);
        match tokio::time::timeout(PATIENCE, completing).await {
            Ok(Ok(Uploaded::Completed)) => info!(file = %file.id, parts = parts.len(), "completed"),
            Ok(Ok(Uploaded::Gone)) => warn!(file = %file.id, "the parts are gone"),
            Ok(Err(error)) => {
                warn!(file = %file.id, error = &error as &dyn std::error::Error, "left to sweep");
            }
            Err(_) => info!(file = %file.id, parts = parts.len(), "S3 takes longer: left to sweep"),
        }
    }
}

/// Whether its parts are put together, or about to be.
fn is_completed(file: &File) -> bool {
    file.part_plan().is_some() && matches!(file.status, Status::Running | Status::Success)
}

/// get-file shows all that ffprobe said.
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
