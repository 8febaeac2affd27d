//! `POST /v1/deliveries/{id}/redeliver`

use files_api::{ApiResult, DeliveryBody, Endpoint, authenticate, delivery_id, respond};
use files_domain::{Scope, Timestamp};
use files_queues::{DeliveryMessage, Queue};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use tracing::warn;

/// Repeats a delivery, whatever came of it: with the same id and body, and from the first attempt on.
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
        if let Err(error) = self.queue.send_of(caller.owner(), &message).await {
            warn!(delivery = %id, error = error.as_ref() as &dyn std::error::Error, "a delivery is left to sweep");
        }
        Ok(respond(StatusCode::ACCEPTED, &DeliveryBody::new(id, &delivery)))
    }
}
