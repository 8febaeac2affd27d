//! `POST /v1/upload-tokens`

use files_api::{ApiError, ApiResult, Endpoint, UploadTokenBody, authenticate, respond, upload_token};
use files_domain::{Scope, Timestamp, UploadToken};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Creates an upload token, with which a browser or a device uploads files within bounds.
pub struct CreateUploadToken {
    /// The records.
    pub records: ClientRecords,
}

impl Endpoint for CreateUploadToken {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| upload_token(request);
        let (caller, new) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        let token = UploadToken::generate(caller.owner()).map_err(ApiError::internal)?;
        let record = new.record(caller.hash().id(), now);
        self.records.create_upload_token(&caller, &token, &record).await?;
        Ok(respond(StatusCode::CREATED, &UploadTokenBody::new(&token, &record)))
    }
}
