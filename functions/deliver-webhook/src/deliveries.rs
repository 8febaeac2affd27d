//! Creates the deliveries of an event.

use files_api::{BaseUrl, EventBody};
use files_domain::{BoxError, Delivery, DeliveryId, Endpoint, EndpointId, EventRef, FileEvent, Timestamp};
use files_queues::DeliveryMessage;
use tracing::{info, warn};

use crate::DeliverWebhook;

impl DeliverWebhook {
    /// Replaces an event by its deliveries. Makes the first attempt of a single delivery directly, and queues those of several.
    pub(crate) async fn deliver_event(&self, event: EventRef, now: Timestamp) -> Result<(), BoxError> {
        lambda_startup::trace_file(event.file);
        let Some(found) = self.records.find_event(event).await? else { return Ok(()) };
        if let Some(bus) = &self.bus {
            bus.put(&found, &self.base).await?; // repeated if replacing the event fails
        }
        let endpoints = self.records.endpoints(event.owner).await?;
        let deliveries = deliveries(&found, &endpoints, &self.base, now)?;
        if !self.records.replace_event(event, &deliveries).await? {
            return Ok(()); // replaced by another worker
        }
        info!(file = %event.file, kind = %event.kind, deliveries = deliveries.len(), "event");
        if let [(id, _)] = deliveries.as_slice() {
            return self.attempt(event.owner, *id, now).await;
        }
        for (id, _) in &deliveries {
            let message = DeliveryMessage::Attempt { owner: event.owner, delivery: *id };
            if let Err(error) = self.queue.send(&message).await {
                warn!(delivery = %id, error = error.as_ref() as &dyn std::error::Error, "queuing a delivery failed, left to sweep");
            }
        }
        Ok(())
    }
}

/// Returns a delivery for each endpoint that is subscribed to the event, and one for the webhook of the file.
fn deliveries(
    event: &FileEvent,
    endpoints: &[(EndpointId, Endpoint)],
    base: &BaseUrl,
    now: Timestamp,
) -> Result<Vec<(DeliveryId, Delivery)>, serde_json::Error> {
    let body = serde_json::to_string(&EventBody::new(event, base))?;
    let subscribed = endpoints.iter().filter(|(_, endpoint)| endpoint.subscribes_to(event.kind));
    let urls = subscribed.filter_map(|(id, endpoint)| Some((*id, endpoint.url.clone()?)));
    let named = event.webhook.clone().map(|url| (EndpointId::Default, url));
    let delivery = |(endpoint, url)| {
        let id = DeliveryId { file: event.file.id, kind: event.kind, endpoint };
        let delivery = Delivery { created_at: event.at, ..Delivery::new(url, body.clone(), now) };
        (id, delivery)
    };
    Ok(urls.chain(named).map(delivery).collect())
}
