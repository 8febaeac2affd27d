//! The function of `POST /v1/webhook-endpoints/{id}/rotate`: rotates the secret of a webhook endpoint.

use files_api::{ApiError, ApiResult, EndpointBody, Reason, authenticate, endpoint_id, respond};
use files_domain::{Endpoint, EndpointId, OwnerId, Scope, Timestamp, WebhookSecret};
use files_records::{ClientRecords, RecordsError};
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Maximum number of attempts while other requests rotate the same secret.
const MAX_ATTEMPTS: u32 = 4;

/// Replaces the secret of an endpoint, and returns the new one.
pub struct RotateWebhookSecret {
    /// The records.
    pub records: ClientRecords,
}

impl files_api::Endpoint for RotateWebhookSecret {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| endpoint_id(request);
        let (caller, id) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        self.records.keys().check_now(&caller).await?;
        let endpoint = self.rotate(caller.owner(), id, now).await?;
        Ok(respond(StatusCode::OK, &EndpointBody::with_secret(id, &endpoint, now)))
    }
}

impl RotateWebhookSecret {
    async fn rotate(&self, owner: OwnerId, id: EndpointId, now: Timestamp) -> Result<Endpoint, ApiError> {
        let records = self.records.unchecked();
        for _ in 0..MAX_ATTEMPTS {
            let secret = WebhookSecret::generate().map_err(ApiError::internal)?;
            let before = match records.find_endpoint(owner, id).await? {
                Some(endpoint) => endpoint,
                // Creates the default endpoint when its secret is first needed.
                None if id == EndpointId::Default => {
                    records.create_default_endpoint(owner, secret, now).await?;
                    continue;
                }
                None => return Err(Reason::NotFound.into()),
            };
            let after = before.clone().rotated(secret, now);
            match records.rotate_endpoint(owner, id, &before, &after).await {
                Ok(()) => return Ok(after),
                Err(RecordsError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Reason::TooBusy.into())
    }
}
