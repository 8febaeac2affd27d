//! The function of `POST /v1/uploads/{id}/parts`: presigns parts.

use files_api::{
    ApiError, ApiResult, Endpoint, Reason, SignedPart, SignedPartsBody, authenticate_uploader, awaited_parts,
    file_id, json_object, respond,
};
use files_domain::{File, FileId, PartPlan, Timestamp, UploadRef, limits};
use files_objects::{Objects, PartTerms};
use files_records::{ClientRecords, RecordsError};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use tracing::warn;

/// Presigns PUT requests for parts. Creates the multipart upload with the first request.
pub struct SignParts {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Endpoint for SignParts {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| part_numbers(request);
        let (caller, (id, numbers)) = authenticate_uploader(&self.records, &request, now, parse).await?;
        let file = self.records.find_upload(&caller, id).await?;
        let lengths = lengths(awaited_parts(&file, now)?, &numbers)?;
        let file = self.with_upload(file, now).await?;
        let parts = self.sign(&file, &lengths, now).await?;
        Ok(respond(StatusCode::OK, &SignedPartsBody { parts }))
    }
}

impl SignParts {
    /// Returns the file with its upload id. Creates the multipart upload if it does not exist.
    ///
    /// # Errors
    /// [`Reason::NotFound`] if the file was deleted in the meantime.
    async fn with_upload(&self, file: File, now: Timestamp) -> Result<File, ApiError> {
        if file.state.upload_id().is_some() {
            return self.extended(file, now).await;
        }
        let own = self.objects.create_upload(file.owner, file.id, file.content_type.as_deref()).await?;
        let current = self.save_upload(&file, Some(&own), now).await?;
        if current.as_ref().and_then(|file| file.state.upload_id()) != Some(&own) {
            self.abort(&file, &own).await; // another request created an upload first, or the file was deleted
        }
        current.ok_or_else(|| Reason::NotFound.into())
    }

    /// Extends the deadline after which `sweep` ends the upload. Writes nothing if the deadline is already late enough.
    ///
    /// # Errors
    /// [`Reason::NotFound`] if the file was deleted in the meantime.
    async fn extended(&self, file: File, now: Timestamp) -> Result<File, ApiError> {
        if file.clone().parts_signed(None, now).is_none() {
            return Ok(file);
        }
        self.save_upload(&file, None, now).await?.ok_or_else(|| Reason::NotFound.into())
    }

    /// Saves the upload id and the new deadline, unless another request has saved an upload id. Returns the current file, or
    /// `None` if it was deleted.
    async fn save_upload(
        &self,
        file: &File,
        upload_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<File>, ApiError> {
        let records = self.records.unchecked();
        let change = |file: File| file.parts_signed(upload_id, now);
        if let Some(changed) = records.change_read_file(file.clone(), change).await? {
            return Ok(Some(changed));
        }
        match records.get_file(file.owner, file.id).await {
            Ok((file, _)) => Ok(Some(file)),
            Err(RecordsError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Aborts an upload that has no parts, because no URL of it was returned. If this fails, the bucket's lifecycle rule aborts
    /// it.
    async fn abort(&self, file: &File, upload_id: &str) {
        let upload = UploadRef { owner: file.owner, id: file.id, upload_id };
        if let Err(error) = self.objects.abort_upload(upload).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "aborting an empty upload failed, left to the bucket's lifecycle rule"
            );
        }
    }

    async fn sign(
        &self,
        file: &File,
        lengths: &[(u32, u64)],
        now: Timestamp,
    ) -> Result<Vec<SignedPart>, ApiError> {
        awaited_parts(file, now)?; // the upload may have been completed in the meantime
        let upload_id = file.state.upload_id().ok_or(Reason::UploadOver)?;
        let mut parts = Vec::with_capacity(lengths.len());
        for &(number, size) in lengths {
            let put = self.objects.presign_part(file, PartTerms { upload_id, number, size }, now).await?;
            parts.push(SignedPart {
                part_number: number,
                url: put.url,
                headers: put.headers,
                expires_at: put.expires_at.to_string(),
            });
        }
        Ok(parts)
    }
}

fn part_numbers(request: &Request) -> Result<(FileId, Vec<u32>), ApiError> {
    let id = file_id(request)?;
    let wrong = || ApiError::from(Reason::InvalidPartNumbers).on_field("part_numbers", None);
    let numbers = json_object(request)?.take("part_numbers").ok_or_else(wrong)?;
    let numbers: Vec<u32> = serde_json::from_value(numbers).map_err(|_| wrong())?;
    if numbers.is_empty() || numbers.len() > limits::MAX_SIGNED_PARTS {
        return Err(wrong());
    }
    Ok((id, numbers))
}

/// Returns the numbers with the length of each part in bytes.
///
/// # Errors
/// [`Reason::InvalidPartNumbers`] if the upload has no part with one of the numbers.
fn lengths(plan: PartPlan, numbers: &[u32]) -> Result<Vec<(u32, u64)>, ApiError> {
    let length = |number: &u32| plan.length(*number).map(|length| (*number, length)).ok_or(*number);
    numbers.iter().map(length).collect::<Result<_, _>>().map_err(|number| {
        let message = format!("the upload has parts 1 to {}, and no part {number}", plan.count());
        ApiError::from(Reason::InvalidPartNumbers).on_field("part_numbers", Some(message))
    })
}
