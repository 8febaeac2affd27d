//! The function of `POST /v1/webhook-endpoints`: creates webhook endpoints.

use files_api::{ApiError, ApiResult, EndpointBody, EndpointRequest, Reason, authenticate, respond};
use files_domain::{Endpoint, EndpointId, Scope, Timestamp, WebhookSecret};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use safe_fetch::{Allowed, SourceUrl};

/// Creates endpoints that receive an owner's events.
pub struct CreateWebhookEndpoint {
    /// The records.
    pub records: ClientRecords,
    /// The private hosts that webhooks may reach.
    pub allowed: Allowed,
}

impl files_api::Endpoint for CreateWebhookEndpoint {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| self.read(request);
        let (caller, asked) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        self.records.keys().check_now(&caller).await?;
        let secret = WebhookSecret::generate().map_err(ApiError::internal)?;
        let (id, endpoint) =
            (EndpointId::new(now), Endpoint::new(Some(asked.url), asked.events, secret, now));
        self.records.unchecked().create_endpoint(caller.owner(), id, &endpoint).await?;
        Ok(respond(StatusCode::CREATED, &EndpointBody::with_secret(id, &endpoint, now)))
    }
}

impl CreateWebhookEndpoint {
    fn read(&self, request: &Request) -> Result<EndpointRequest, ApiError> {
        let asked = EndpointRequest::read(request)?;
        let url = SourceUrl::parse(&asked.url, &self.allowed).map_err(|error| {
            ApiError::from(Reason::InvalidWebhook).on_field("url", Some(error.to_string()))
        })?;
        Ok(EndpointRequest { url: url.as_str().to_owned(), ..asked })
    }
}
