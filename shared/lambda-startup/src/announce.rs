use files_queues::{DeliveryMessage, Queue};
use files_records::Records;
use tracing::warn;

/// Announces the events that `records` have written to `deliver-webhook`. What fails here is left to `sweep`, since the record of
/// an event has a deadline.
pub async fn announce_events(records: &Records, deliveries: &Queue<DeliveryMessage>) {
    for event in records.take_events() {
        if let Err(error) = deliveries.send_of(event.owner, &DeliveryMessage::Event(event)).await {
            let error = error.as_ref() as &dyn std::error::Error;
            warn!(file = %event.file, kind = %event.kind, error, "an event is left to sweep");
        }
    }
}
