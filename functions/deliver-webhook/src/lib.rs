//! Delivers events to webhook endpoints by the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! A message refers to an event, which is replaced by one delivery for each subscribed endpoint (`deliveries`), or to a delivery,
//! whose next attempt is made (`attempt`). If the deployment has an EventBridge bus, an event is first put on the bus (`bus`). The
//! records determine the work, so a message may be duplicated, late or lost: `sweep` sends another.

mod attempt;
mod bus;
mod deliveries;

use std::error::Error;

use files_api::BaseUrl;
use files_domain::{BoxError, Timestamp};
use files_queues::{DeliveryMessage, Queue, sqs_messages};
use files_records::Records;
use lambda_runtime::LambdaEvent;
use lambda_startup::EventHandler;
use safe_fetch::{Allowed, SafeClient};
use serde_json::Value;
use tracing::error;

pub use crate::attempt::signatures;
pub use crate::bus::EventBus;

/// The handler of the delivery queue.
pub struct DeliverWebhook {
    /// The records of events, endpoints and deliveries.
    pub records: Records,
    /// The queue, for further attempts.
    pub queue: Queue<DeliveryMessage>,
    /// Sends requests to endpoints.
    pub client: SafeClient,
    /// The private hosts that may be reached.
    pub allowed: Allowed,
    /// The URL of the API, for the URLs in events.
    pub base: BaseUrl,
    /// The bus of all events, if the deployment has one.
    pub bus: Option<EventBus>,
}

impl EventHandler for DeliverWebhook {
    type Event = Value;
    type Response = ();

    /// Handles the messages of an SQS event. Failures of receivers are stored in the record.
    ///
    /// # Errors
    /// An AWS service failed. Lambda counts the error, and SQS delivers the messages again.
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<(), BoxError> {
        let mut failure = None;
        for message in sqs_messages(event.payload).unwrap_or_default() {
            let Ok(message) = serde_json::from_str(message.body.as_deref().unwrap_or_default()) else {
                error!("dropped a malformed message"); // a retry would not help
                continue;
            };
            if let Err(cause) = self.work(&message, lambda_startup::now()).await {
                error!(
                    cause = cause.as_ref() as &dyn Error,
                    "handling a message failed, SQS delivers it again"
                );
                failure = Some(cause);
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

impl DeliverWebhook {
    /// Handles a message at the time `now`.
    ///
    /// # Errors
    /// DynamoDB, SQS or EventBridge failed.
    pub async fn work(&self, message: &DeliveryMessage, now: Timestamp) -> Result<(), BoxError> {
        match message {
            DeliveryMessage::Event(event) => self.deliver_event(*event, now).await,
            DeliveryMessage::Attempt { owner, delivery } => self.attempt(*owner, *delivery, now).await,
        }
    }
}
