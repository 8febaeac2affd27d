//! The function of `GET /v1/uploads/{id}/parts`: lists stored parts.

use files_api::{
    ApiError, ApiResult, Endpoint, PartBody, PartsBody, Reason, authenticate_uploader, awaited_parts,
    file_id, query_parameter, respond,
};
use files_domain::{File, FileId, StoredPart, Timestamp, limits};
use files_objects::Objects;
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Lists the stored parts of a multipart upload, so that a client can resume it.
pub struct ListParts {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Endpoint for ListParts {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| page(request);
        let (caller, (id, after)) = authenticate_uploader(&self.records, &request, now, parse).await?;
        let file = self.records.find_upload(&caller, id).await?;
        let plan = awaited_parts(&file, now)?;
        let (parts, next) = self.stored(&file, after).await?;
        let shown = |part: StoredPart| PartBody { part_number: part.number, size: part.size };
        let body = PartsBody {
            parts: parts.into_iter().map(shown).collect(),
            next,
            part_size: plan.part_size(),
            part_count: plan.count(),
        };
        Ok(respond(StatusCode::OK, &body))
    }
}

impl ListParts {
    /// Returns a page of the stored parts, and the number after which the next page begins. Empty before the first part is
    /// signed, because the multipart upload does not exist yet.
    async fn stored(&self, file: &File, after: u32) -> Result<(Vec<StoredPart>, Option<u32>), ApiError> {
        match file.upload_ref() {
            Some(upload) => Ok(self.objects.list_parts(upload, after).await?),
            None => Ok((Vec::new(), None)),
        }
    }
}

/// Parses the file's id and the number of the part after which the page begins.
fn page(request: &Request) -> Result<(FileId, u32), ApiError> {
    let after = query_parameter(request, "after").map_or(Ok(0), |text| {
        let number = text.parse().ok().filter(|number| *number <= limits::MAX_PARTS);
        number.ok_or_else(|| {
            let message = "after must be the number of a part, as next gives it";
            ApiError::from(Reason::MalformedParameter)
                .with_message(message)
                .on_field("after", Some(message.to_owned()))
        })
    })?;
    Ok((file_id(request)?, after))
}
