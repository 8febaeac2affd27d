//! The function of `POST /v1/uploads/{id}/sign`: presigns a single-PUT upload again.

use files_api::{ApiResult, Endpoint, UploadBody, authenticate_uploader, awaits_put, file_id, respond};
use files_domain::Timestamp;
use files_objects::Objects;
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Presigns the PUT request of a single-PUT upload again.
pub struct SignUpload {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Endpoint for SignUpload {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| file_id(request);
        let (caller, id) = authenticate_uploader(&self.records, &request, now, parse).await?;
        let file = self.records.find_upload(&caller, id).await?;
        awaits_put(&file, now)?;
        let put = self.objects.presign_put(&file, now).await?;
        Ok(respond(StatusCode::OK, &UploadBody::put(put.url, put.headers, put.expires_at)))
    }
}
