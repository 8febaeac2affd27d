use files_queues::{DeliveryMessage, Queue};
use files_records::Records;
use tracing::warn;

/// Queues the events that `records` have written for `deliver-webhook`. If this fails, `sweep` queues them, since the item of an
/// event has a deadline.
pub async fn announce_events(records: &Records, deliveries: &Queue<DeliveryMessage>) {
    for event in records.take_events() {
        if let Err(error) = deliveries.send(&DeliveryMessage::Event(event)).await {
            let error = error.as_ref() as &dyn std::error::Error;
            warn!(file = %event.file, kind = %event.kind, error, "queuing an event failed, left to sweep");
        }
    }
}
