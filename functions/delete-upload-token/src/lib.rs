//! The function of `DELETE /v1/upload-tokens/{id}`: deletes an upload token.

use files_api::{ApiResult, Endpoint, audit_upload_token, authenticate, no_content, upload_token_id};
use files_domain::{Scope, Timestamp};
use files_records::ClientRecords;
use lambda_http::Request;

/// Deletes an upload token. It is invalid from then on, also for uploads that have begun.
pub struct DeleteUploadToken {
    /// The records.
    pub records: ClientRecords,
}

impl Endpoint for DeleteUploadToken {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| upload_token_id(request);
        let (caller, id) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        self.records.delete_upload_token(&caller, id).await?;
        audit_upload_token(id);
        Ok(no_content())
    }
}
