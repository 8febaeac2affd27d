//! The function of `GET /v1/webhook-endpoints`: lists webhook endpoints.

use files_api::{ApiResult, Endpoint, EndpointBody, EndpointsBody, authenticate, respond};
use files_domain::{Scope, Timestamp};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Lists an owner's webhook endpoints, oldest first, without their secrets.
pub struct ListWebhookEndpoints {
    /// The records.
    pub records: ClientRecords,
}

impl Endpoint for ListWebhookEndpoints {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |_: &Request, _: &_| Ok(());
        // A URL may contain a secret of the receiver, so the scope read does not suffice.
        let (caller, ()) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        self.records.keys().check_now(&caller).await?;
        let endpoints = self.records.unchecked().endpoints(caller.owner()).await?;
        let endpoints =
            endpoints.iter().map(|(id, endpoint)| EndpointBody::new(*id, endpoint, now)).collect();
        Ok(respond(StatusCode::OK, &EndpointsBody { endpoints }))
    }
}
