//! The function of `POST /v1/deliveries/{id}/redeliver`: repeats a delivery.

use files_api::{ApiResult, DeliveryBody, Endpoint, authenticate, delivery_id, respond};
use files_domain::{Scope, Timestamp};
use files_queues::{DeliveryMessage, Queue};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use tracing::warn;

/// Restarts a delivery in any status, with the same id and body, from the first attempt.
pub struct Redeliver {
    /// The records.
    pub records: ClientRecords,
    /// The queue of `deliver-webhook`.
    pub queue: Queue<DeliveryMessage>,
}

impl Endpoint for Redeliver {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| delivery_id(request);
        let (caller, id) = authenticate(self.records.keys(), &request, Scope::Write, now, parse).await?;
        let delivery = self.records.redeliver(&caller, id).await?;
        let message = DeliveryMessage::Attempt { owner: caller.owner(), delivery: id };
        if let Err(error) = self.queue.send(&message).await {
            warn!(delivery = %id, error = error.as_ref() as &dyn std::error::Error, "queuing a delivery failed, left to sweep");
        }
        Ok(respond(StatusCode::ACCEPTED, &DeliveryBody::new(id, &delivery)))
    }
}
