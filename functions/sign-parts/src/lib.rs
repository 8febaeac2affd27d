//! `POST /v1/uploads/{id}/parts`

use files_api::{
    Answer, ApiError, Reason, SignedPart, SignedPartsBody, answer, authority, awaited_parts, file_id,
    for_key_holder, json_object,
};
use files_domain::{
    CheckKey, File, FileId, FileRecords, FindFile, PartPlan, Scope, StoreError, Timestamp, change_read_file,
    limits,
};
use files_objects::{Objects, ObjectsError, PartTerms};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use tracing::warn;

/// Signs PUTs of parts, and begins the upload with the first ones.
pub struct SignParts<R> {
    /// Where files are found.
    pub records: R,
    /// Where their parts go.
    pub objects: Objects,
}

impl<R: CheckKey + FindFile + FileRecords + Sync> SignParts<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Write, now)?;
        let (id, numbers) = for_key_holder(&self.records, &access, wanted(request)).await?;
        let file = self.records.find_file(&access, id).await?;
        let lengths = lengths(awaited_parts(&file, now)?, &numbers)?;
        let file = self.begun(file, now).await?;
        let parts = self.sign(&file, &lengths, now).await?;
        Ok(answer(StatusCode::OK, &SignedPartsBody { parts }))
    }

    /// The file with the id of its upload, which is begun now if nobody has before.
    async fn begun(&self, file: File, now: Timestamp) -> Result<File, ApiError> {
        if file.upload_id.is_some() {
            return self.kept_waiting(file, now).await;
        }
        let begun = self.objects.create_upload(file.owner, file.id, file.content_type.as_deref()).await;
        let own = begun.map_err(busy)?;
        let current = self.ask_for_parts(&file, Some(&own), now).await?;
        if current.as_ref().and_then(|file| file.upload_id.as_ref()) != Some(&own) {
            self.abort(&file, &own).await; // another one was first, or the file is gone
        }
        current.ok_or_else(|| Reason::NotFound.into())
    }

    /// The upload goes on: so long, `sweep` leaves it alone. Nothing is written as long as it would make no difference.
    async fn kept_waiting(&self, file: File, now: Timestamp) -> Result<File, ApiError> {
        if !file.clone().parts_asked_for(None, now) {
            return Ok(file);
        }
        self.ask_for_parts(&file, None, now).await?.ok_or_else(|| Reason::NotFound.into())
    }

    /// The record as it then stands; `None` if it is gone.
    async fn ask_for_parts(
        &self,
        file: &File,
        upload_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<File>, ApiError> {
        let File { owner, id, .. } = *file;
        let ask = |file: &mut File| file.parts_asked_for(upload_id, now);
        if let Some(changed) = change_read_file(&self.records, file.clone(), ask).await? {
            return Ok(Some(changed));
        }
        match self.records.get_file(owner, id).await {
            Ok((file, _)) => Ok(Some(file)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Nobody was given a URL of this one, so that it has no parts; should this fail, the bucket's lifecycle rule ends it.
    async fn abort(&self, file: &File, upload_id: &str) {
        if let Err(error) = self.objects.abort_upload(file.owner, file.id, upload_id).await {
            warn!(error = &error as &dyn std::error::Error, "an upload without parts is left");
        }
    }

    async fn sign(
        &self,
        file: &File,
        lengths: &[(u32, u64)],
        now: Timestamp,
    ) -> Result<Vec<SignedPart>, ApiError> {
        awaited_parts(file, now)?; // it may have been completed in between
        let upload_id = file.upload_id.as_deref().ok_or(Reason::UploadOver)?;
        let mut parts = Vec::with_capacity(lengths.len());
        for &(number, size) in lengths {
            let put = self.objects.presign_part(file, PartTerms { upload_id, number, size }, now).await;
            let put = put.map_err(ApiError::internal)?;
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

fn wanted(request: &Request) -> Result<(FileId, Vec<u32>), ApiError> {
    let id = file_id(request)?;
    let wrong = || ApiError::from(Reason::InvalidPartNumbers).on_field("part_numbers", None);
    let numbers = json_object(request)?.take("part_numbers").ok_or_else(wrong)?;
    let numbers: Vec<u32> = serde_json::from_value(numbers).map_err(|_| wrong())?;
    if numbers.is_empty() || numbers.len() > limits::MAX_SIGNED_PARTS {
        return Err(wrong());
    }
    Ok((id, numbers))
}

/// The parts that are wanted, each with its bytes.
fn lengths(plan: PartPlan, numbers: &[u32]) -> Result<Vec<(u32, u64)>, ApiError> {
    let length = |number: &u32| plan.length(*number).map(|length| (*number, length)).ok_or(*number);
    numbers.iter().map(length).collect::<Result<_, _>>().map_err(|number| {
        let message = format!("the upload has parts 1 to {}, and no part {number}", plan.count());
        ApiError::from(Reason::InvalidPartNumbers).on_field("part_numbers", Some(message))
    })
}

fn busy(error: ObjectsError) -> ApiError {
    ApiError::from(Reason::TooBusy).caused_by(error)
}
