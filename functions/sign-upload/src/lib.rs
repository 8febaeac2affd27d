//! `POST /v1/uploads/{id}/sign`

use files_api::{Answer, ApiError, UploadBody, answer, authority, awaits_put, file_id, for_key_holder};
use files_domain::{CheckKey, FindFile, Scope, Timestamp};
use files_objects::Objects;
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Signs the one PUT of an upload afresh.
pub struct SignUpload<R> {
    /// Where files are found.
    pub records: R,
    /// Where their bytes go.
    pub objects: Objects,
}

impl<R: CheckKey + FindFile + Sync> SignUpload<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Write, now)?;
        let id = for_key_holder(&self.records, &access, file_id(request)).await?;
        let file = self.records.find_file(&access, id).await?;
        awaits_put(&file, now)?;
        let put = self.objects.presign_put(&file, now).await.map_err(ApiError::internal)?;
        Ok(answer(StatusCode::OK, &UploadBody::put(put.url, put.headers, put.expires_at)))
    }
}
