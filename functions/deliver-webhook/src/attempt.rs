//! Makes the attempts of deliveries.

use std::time::Duration;

use files_domain::{
    Attempt, BoxError, Delivery, DeliveryId, DeliveryStatus, Endpoint, EndpointId, OwnerId, Timestamp,
    WebhookSecret, limits,
};
use files_queues::DeliveryMessage;
use files_records::{RecordsError, SlotKind};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use safe_fetch::{FetchError, Posted, SourceUrl};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};
use tokio::time::Instant;
use tracing::info;

use crate::DeliverWebhook;

/// The error of an attempt that was cancelled.
const CANCELLED: &str =
    "the receiver took more than a second while another of yours did; the attempt does not count";

impl DeliverWebhook {
    /// Makes the next attempt of a delivery, if its deadline has passed and no other worker has the lease.
    pub(crate) async fn attempt(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<(), BoxError> {
        lambda_startup::trace_file(id.file);
        let Some(delivery) = self.records.claim_delivery(owner, id, now).await? else {
            return Ok(()); // finished, early, or leased by another worker
        };
        let started = Instant::now();
        let (endpoint, slow) = self.endpoint(owner, id.endpoint, now).await?;
        let after = match endpoint {
            None => delivery.ended("the endpoint was deleted"),
            Some(endpoint) if !endpoint.enabled => delivery.ended("the endpoint is disabled"),
            Some(endpoint) => match endpoint.paused_until.filter(|until| *until > now) {
                Some(until) => {
                    delivery.postponed(until.plus(Duration::from_secs(5).mul_f64(fastrand::f64())))
                }
                None if self.is_crowded(&endpoint, slow, now) => delivery.crowded_out(fastrand::f64(), now),
                None => self.post(owner, id, delivery, &endpoint, now).await?,
            },
        };
        self.save(owner, id, &after, now.plus(started.elapsed())).await
    }

    /// Reads an endpoint, and how many slow attempts its owner has. The default one is created when its secret is needed for the
    /// first time.
    async fn endpoint(
        &self,
        owner: OwnerId,
        id: EndpointId,
        now: Timestamp,
    ) -> Result<(Option<Endpoint>, u64), BoxError> {
        let read = || self.records.find_endpoint_and_slots(owner, id, SlotKind::SlowDelivery, now);
        let (found, slow) = read().await?;
        if found.is_some() || id != EndpointId::Default {
            return Ok((found, slow));
        }
        self.records.create_default_endpoint(owner, WebhookSecret::generate()?, now).await?;
        Ok(read().await?)
    }

    /// Posts a delivery, and returns it with the attempt. Pauses an endpoint whose receiver is overloaded, and disables one whose
    /// receiver responds 410.
    async fn post(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        delivery: Delivery,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<Delivery, BoxError> {
        let started = Instant::now();
        let outcome = self.send(owner, id, &delivery, endpoint, now).await?;
        let took = started.elapsed();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let Some(outcome) = outcome else {
            info!(delivery = %id, duration_ms, "cancelled");
            let attempt = Attempt { at: now, duration_ms, status: None, error: Some(CANCELLED.to_owned()) };
            return Ok(delivery.broken_off(attempt, fastrand::f64(), now.plus(took)));
        };
        let (status, retry_after, error) = match outcome {
            Ok(Posted { status, retry_after }) => (Some(status), retry_after, None),
            Err(error) => (None, None, Some(error.for_user().replace("the source", "the receiver"))),
        };
        info!(delivery = %id, status, error, duration_ms, tries = delivery.tries, "attempted");
        let (attempt, ended) = (Attempt { at: now, duration_ms, status, error }, now.plus(took));
        if id.endpoint != EndpointId::Default && attempt.is_refused_for_ever() {
            self.records.disable_endpoint(owner, id.endpoint).await?;
        }
        if id.endpoint != EndpointId::Default && attempt.is_overload() {
            let pause = retry_after.unwrap_or(limits::ENDPOINT_PAUSE).min(limits::MAX_DELIVERY_DELAY);
            self.records.pause_endpoint(owner, id.endpoint, ended.plus(pause)).await?;
        }
        Ok(delivery.attempted(attempt, retry_after, fastrand::f64(), ended))
    }

    /// Sends the request of an attempt. `None`: the receiver is slow, and the owner has enough slow attempts.
    async fn send(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        delivery: &Delivery,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<Option<Result<Posted, FetchError>>, BoxError> {
        let url = match SourceUrl::parse(&delivery.url, &self.allowed) {
            Ok(url) => url,
            Err(error) => return Ok(Some(Err(error.into()))), // allowed when it was named, and not any more
        };
        let signature = signatures(&endpoint.secrets(now), id, now, &delivery.body)?;
        let headers = headers(id, now, &signature)?;
        let body = delivery.body.clone().into();
        let post = self.client.post(&url, headers, body, limits::DELIVERY_TIMEOUT);
        Ok(self.within_share(owner, id.endpoint, now, post).await)
    }

    /// Saves a delivery, and schedules its next attempt: by a message if SQS supports the delay, otherwise by `sweep`.
    async fn save(
        &self,
        owner: OwnerId,
        id: DeliveryId,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<(), BoxError> {
        let delay = Duration::from_millis(delivery.next_at.millis().saturating_sub(now.millis()));
        let by_message = delay <= limits::MAX_QUEUE_DELAY;
        let grace = if by_message { limits::DELIVERY_GRACE } else { Duration::ZERO };
        match self.records.save_delivery(owner, id, delivery, delivery.next_at.plus(grace)).await {
            Err(RecordsError::Changed) => return Ok(()), // claimed by another worker, or redelivered by its owner
            saved => saved?,
        }
        if delivery.status == DeliveryStatus::Pending && by_message {
            let message = DeliveryMessage::Attempt { owner, delivery: id };
            self.queue.send_later(&message, delay).await?;
        }
        Ok(())
    }
}

/// Returns the value of `webhook-signature`: a signature with each secret.
///
/// # Errors
/// [`WebhookError::InvalidSecret`]: a secret is malformed.
pub fn signatures(
    secrets: &[&WebhookSecret],
    id: DeliveryId,
    now: Timestamp,
    body: &str,
) -> Result<String, WebhookError> {
    let (id, time) = (id.to_string(), now.seconds().cast_signed());
    let sign = |secret: &&WebhookSecret| Webhook::new(secret.reveal())?.sign(&id, time, body.as_bytes());
    let signatures = secrets.iter().map(sign).collect::<Result<Vec<_>, _>>()?;
    Ok(signatures.join(" "))
}

fn headers(id: DeliveryId, now: Timestamp, signature: &str) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HEADER_WEBHOOK_ID, HeaderValue::from_str(&id.to_string())?);
    headers.insert(HEADER_WEBHOOK_TIMESTAMP, HeaderValue::from(now.seconds()));
    headers.insert(HEADER_WEBHOOK_SIGNATURE, HeaderValue::from_str(signature)?);
    Ok(headers)
}
