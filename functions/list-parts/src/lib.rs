//! `GET /v1/uploads/{id}/parts`

use files_api::{
    Answer, ApiError, PartBody, PartsBody, Reason, answer, authority, awaited_parts, file_id, for_key_holder,
    query_parameter,
};
use files_domain::{CheckKey, File, FileId, FindFile, Scope, StoredPart, Timestamp, limits};
use files_objects::{Objects, ObjectsError};
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Shows which parts of an upload are stored, so that it goes on where it stopped.
pub struct ListParts<R> {
    /// Where files are found.
    pub records: R,
    /// Where their parts are.
    pub objects: Objects,
}

impl<R: CheckKey + FindFile + Sync> ListParts<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Write, now)?;
        let (id, after) = for_key_holder(&self.records, &access, page(request)).await?;
        let file = self.records.find_file(&access, id).await?;
        let plan = awaited_parts(&file, now)?;
        let (parts, next) = self.stored(&file, after).await?;
        let shown = |part: StoredPart| PartBody { part_number: part.number, size: part.size };
        let body = PartsBody {
            parts: parts.into_iter().map(shown).collect(),
            next,
            part_size: plan.part_size(),
            part_count: plan.count(),
        };
        Ok(answer(StatusCode::OK, &body))
    }

    /// None yet, as long as none was asked for.
    async fn stored(&self, file: &File, after: u32) -> Result<(Vec<StoredPart>, Option<u32>), ApiError> {
        let Some(upload_id) = &file.upload_id else { return Ok((Vec::new(), None)) };
        match self.objects.list_parts(file.owner, file.id, upload_id, after).await {
            Ok(page) => Ok(page),
            Err(ObjectsError::NoSuchUpload) => Err(Reason::PartsGone.into()),
            Err(error) => Err(ApiError::from(Reason::TooBusy).caused_by(error)),
        }
    }
}

/// Of which file, and after which part.
fn page(request: &Request) -> Result<(FileId, u32), ApiError> {
    let after = query_parameter(request, "after").map_or(Ok(0), |text| {
        let number = text.parse().ok().filter(|number| *number <= limits::MAX_PARTS);
        let message = || Some("must be the number of a part, as next gives it".to_owned());
        number.ok_or_else(|| ApiError::from(Reason::MalformedParameter).on_field("after", message()))
    })?;
    Ok((file_id(request)?, after))
}
