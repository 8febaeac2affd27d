//! `POST /v1/uploads/{id}/parts`

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

/// Presigns PUTs of parts, and creates the multipart upload with the first ones.
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
        let file = self.started(file, now).await?;
        let parts = self.sign(&file, &lengths, now).await?;
        Ok(respond(StatusCode::OK, &SignedPartsBody { parts }))
    }
}

impl SignParts {
    /// Returns the file with the id of its upload, which is created now if it does not exist.
    async fn started(&self, file: File, now: Timestamp) -> Result<File, ApiError> {
        if file.state.upload_id().is_some() {
            return self.extended(file, now).await;
        }
        let own = self.objects.create_upload(file.owner, file.id, file.content_type.as_deref()).await?;
        let current = self.ask_for_parts(&file, Some(&own), now).await?;
        if current.as_ref().and_then(|file| file.state.upload_id()) != Some(&own) {
            self.abort(&file, &own).await; // another request was first, or the file is gone
        }
        current.ok_or_else(|| Reason::NotFound.into())
    }

    /// Postpones the deadline after which `sweep` ends the upload. Writes nothing if that makes no difference.
    async fn extended(&self, file: File, now: Timestamp) -> Result<File, ApiError> {
        if file.clone().parts_asked_for(None, now).is_none() {
            return Ok(file);
        }
        self.ask_for_parts(&file, None, now).await?.ok_or_else(|| Reason::NotFound.into())
    }

    /// Returns the record as it then is; `None` if it is gone.
    async fn ask_for_parts(
        &self,
        file: &File,
        upload_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<File>, ApiError> {
        let records = self.records.unchecked();
        let ask = |file: File| file.parts_asked_for(upload_id, now);
        if let Some(changed) = records.change_read_file(file.clone(), ask).await? {
            return Ok(Some(changed));
        }
        match records.get_file(file.owner, file.id).await {
            Ok((file, _)) => Ok(Some(file)),
            Err(RecordsError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Aborts an upload of which no URL was given to anyone, so that it has no parts. If this fails, the bucket's lifecycle
    /// rule ends it.
    async fn abort(&self, file: &File, upload_id: &str) {
        let upload = UploadRef { owner: file.owner, id: file.id, upload_id };
        if let Err(error) = self.objects.abort_upload(upload).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "an upload without parts left to the bucket's lifecycle"
            );
        }
    }

    async fn sign(
        &self,
        file: &File,
        lengths: &[(u32, u64)],
        now: Timestamp,
    ) -> Result<Vec<SignedPart>, ApiError> {
        awaited_parts(file, now)?; // it may have been completed in between
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
fn lengths(plan: PartPlan, numbers: &[u32]) -> Result<Vec<(u32, u64)>, ApiError> {
    let length = |number: &u32| plan.length(*number).map(|length| (*number, length)).ok_or(*number);
    numbers.iter().map(length).collect::<Result<_, _>>().map_err(|number| {
        let message = format!("the upload has parts 1 to {}, and no part {number}", plan.count());
        ApiError::from(Reason::InvalidPartNumbers).on_field("part_numbers", Some(message))
    })
}
