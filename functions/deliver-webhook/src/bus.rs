use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use files_api::{BaseUrl, EventBody};
use files_domain::{BoxError, FileEvent};

/// The `source` of all events.
const SOURCE: &str = "files";

/// An EventBridge event bus.
#[derive(Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// Returns the bus of this name.
    #[must_use]
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Puts an event on the bus, with the body of a webhook as its detail
    /// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>).
    ///
    /// # Errors
    /// EventBridge failed, or rejected the event.
    pub(crate) async fn put(&self, event: &FileEvent, base: &BaseUrl) -> Result<(), BoxError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(format!("files.{}", event.kind))
            .time(DateTime::from_secs(event.at.seconds().cast_signed()))
            .detail(serde_json::to_string(&EventBody::new(event, base))?)
            .build();
        let output = self.client.put_events().entries(entry).send().await?;
        match output.entries().iter().find_map(|entry| entry.error_code()) {
            Some(code) => Err(format!("EventBridge rejected the event: {code}").into()),
            None => Ok(()),
        }
    }
}
