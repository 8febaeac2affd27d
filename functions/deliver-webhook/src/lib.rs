//! Delivers events to webhook endpoints by the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! A message refers to an event, which is replaced by one delivery for each subscribed endpoint (`deliveries`), or to a delivery,
//! whose next attempt is made (`attempt`). If the deployment has an EventBridge bus, an event is first put on the bus (`bus`). The
//! records determine the work, so a message may be duplicated, late or lost: `sweep` sends another.

mod attempt;
mod bus;
mod deliveries;
mod share;

use files_api::BaseUrl;
use files_domain::{BoxError, Timestamp};
use files_queues::{DeliveryMessage, Queue, QueueEvent};
use files_records::Records;
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, each_message};
use safe_fetch::{Allowed, SafeClient};
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
    /// How many slow attempts an owner may have at the same time, if that is limited.
    pub owner_share: Option<u64>,
}

impl EventHandler for DeliverWebhook {
    type Event = QueueEvent;
    type Response = ();

    /// Handles the messages of an SQS event. Failures of receivers are stored in the record.
    ///
    /// # Errors
    /// An AWS service failed. Lambda counts the error, and SQS delivers the messages again.
    async fn handle(&self, event: LambdaEvent<QueueEvent>) -> Result<(), BoxError> {
        each_message(event.payload.into_messages(), |body| self.read_and_work(body)).await
    }
}

impl DeliverWebhook {
    async fn read_and_work(&self, body: String) -> Result<(), BoxError> {
        let Ok(message) = serde_json::from_str(&body) else {
            error!("dropped a malformed message"); // a retry would not help
            return Ok(());
        };
        self.work(&message, lambda_startup::now()).await
    }

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
