//! The function of `DELETE /v1/webhook-endpoints/{id}`: deletes a webhook endpoint.

use files_api::{ApiResult, Endpoint, authenticate, endpoint_id, no_content};
use files_domain::{Scope, Timestamp};
use files_records::ClientRecords;
use lambda_http::Request;

/// Deletes a webhook endpoint with its secret. Its pending deliveries end.
pub struct DeleteWebhookEndpoint {
    /// The records.
    pub records: ClientRecords,
}

impl Endpoint for DeleteWebhookEndpoint {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| endpoint_id(request);
        let (caller, id) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        self.records.keys().check_now(&caller).await?;
        self.records.unchecked().delete_endpoint(caller.owner(), id).await?;
        Ok(no_content())
    }
}
