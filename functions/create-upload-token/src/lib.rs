//! The function of `POST /v1/upload-tokens`: creates upload tokens.

use files_api::{
    ApiError, ApiResult, Endpoint, Reason, UploadTokenBody, audit_upload_token, authenticate, respond,
    upload_token,
};
use files_domain::{NewUploadToken, Scope, Timestamp, UploadToken};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use safe_fetch::{Allowed, SourceUrl};

/// Creates upload tokens, with which browsers and devices upload files within bounds.
pub struct CreateUploadToken {
    /// The records.
    pub records: ClientRecords,
    /// The private hosts that webhooks may reach.
    pub allowed: Allowed,
}

impl Endpoint for CreateUploadToken {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| self.read(request);
        let (caller, new) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        let token = UploadToken::generate(caller.owner()).map_err(ApiError::internal)?;
        let record = new.record(caller.hash().id(), now);
        self.records.create_upload_token(&caller, &token, &record).await?;
        audit_upload_token(token.hash());
        Ok(respond(StatusCode::CREATED, &UploadTokenBody::new(&token, &record)))
    }
}

impl CreateUploadToken {
    /// Reads a request. Checks the URL of a webhook as that of an import.
    fn read(&self, request: &Request) -> Result<NewUploadToken, ApiError> {
        let new = upload_token(request)?;
        let webhook = new.webhook.as_deref().map(|url| SourceUrl::parse(url, &self.allowed)).transpose();
        let webhook = webhook.map_err(|error| {
            ApiError::from(Reason::InvalidWebhook).on_field("webhook", Some(error.to_string()))
        })?;
        Ok(NewUploadToken { webhook: webhook.map(|url| url.as_str().to_owned()), ..new })
    }
}
