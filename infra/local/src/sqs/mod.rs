//! SQS: standard queues in an SQLite file, served over the JSON protocol of the AWS SDKs.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>

mod attributes;
mod clock;
mod error;
mod fairness;
mod messages;
mod operations;
mod queues;
mod receipt;
mod server;
mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;

pub use crate::access::Access;
pub use error::SqsError;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::identity::ROOT;
use messages::NewMessage;
use store::Store;

/// The settings of a queue.
#[derive(Clone, Debug)]
pub struct QueueDefinition {
    /// The queue's name, as in its URL.
    pub name: String,
    /// How long a received message stays hidden by default.
    pub visibility_timeout: Duration,
    /// How long a message is kept after it was sent.
    pub retention: Duration,
    /// The target of messages that were received too often.
    pub redrive: Option<Redrive>,
}

/// A redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue's name.
    pub target: String,
    /// A message that was received this often without being deleted moves there at the next receive.
    pub max_receive_count: u32,
}

/// A received message.
#[derive(Clone, Debug)]
pub struct Message {
    /// A UUID, which stays the same in the dead-letter queue.
    pub message_id: String,
    /// The handle for deleting the message, or changing its visibility: valid until it is received again.
    pub receipt_handle: String,
    /// The text that was sent.
    pub body: String,
    /// The body's MD5 in hex.
    pub md5_of_body: String,
    /// The time when it was sent.
    pub sent_at: OffsetDateTime,
    /// The time of its first receive from this queue.
    pub first_received_at: OffsetDateTime,
    /// How often it was received, including this time. In a dead-letter queue, receives from the source queue count as well.
    pub receive_count: u32,
    /// The name of the sender, as in [`crate::identity::Identities::keys`].
    pub sender_id: String,
    /// The queue from which a redrive policy moved it here.
    pub dead_letter_source: Option<String>,
    /// Message attributes in the API's JSON: `{"name": {"DataType": "String", "StringValue": "…"}}`.
    pub message_attributes: Value,
    /// System attributes that the sender set (`AWSTraceHeader`), in the same form.
    pub system_attributes: Value,
    /// The MessageGroupId, by which a fair queue distinguishes senders.
    pub group: Option<String>,
}

impl Message {
    /// Returns the MD5 of all message attributes in hex; `None` without attributes.
    #[must_use]
    pub fn md5_of_attributes(&self) -> Option<String> {
        let attributes = serde_json::from_value(self.message_attributes.clone()).ok()?;
        attributes::md5_of_attributes(&attributes).ok().flatten()
    }
}

/// The numbers of messages in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received now.
    pub visible: u64,
    /// Received messages that are hidden until their visibility timeout ends.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
}

/// SQS in one account and region. Clones share the queues.
#[derive(Clone)]
pub struct Sqs {
    store: Arc<Store>,
    faults: Faults,
}

impl Sqs {
    /// Opens the database file, or creates it.
    ///
    /// # Errors
    /// The file cannot be opened or is not an SQLite database.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        Self::open_with(file, Clock::default())
    }

    /// Opens the database file with a clock for delays, visibility and retention.
    ///
    /// # Errors
    /// Those of [`Sqs::open`].
    pub fn open_with(file: &Path, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self { store: Arc::new(Store::open(file, clock)?), faults: Faults::default() })
    }

    /// Sets the faults to inject into calls.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.store.clock
    }

    /// Creates a queue, or changes the settings of an existing one and keeps its messages.
    ///
    /// # Errors
    /// The database fails.
    pub fn ensure_queue(&self, definition: QueueDefinition) -> anyhow::Result<()> {
        Ok(self.store.ensure_queue(&definition)?)
    }

    /// Serves signed requests until the future is dropped. Queue URLs are `{base_url}/000000000000/{name}`.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener, access: Access, base_url: String) -> anyhow::Result<()> {
        server::serve(self, listener, access, base_url).await
    }

    /// Receives up to `max` messages. Waits up to `wait` for the first one.
    ///
    /// # Errors
    /// The queue does not exist, or the database fails.
    pub async fn receive(&self, queue: &str, max: usize, wait: Duration) -> anyhow::Result<Vec<Message>> {
        Ok(self.poll(queue, max, wait, None).await?)
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// The queue does not exist, the handle belongs to another queue, or the database fails.
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> anyhow::Result<()> {
        Ok(self.store.delete(queue, receipt_handle)?)
    }

    /// Moves a received message to the queue's dead-letter queue at once; deletes it if there is none.
    ///
    /// # Errors
    /// The queue does not exist, the handle belongs to another queue, or the database fails.
    pub fn dead_letter(&self, queue: &str, receipt_handle: &str) -> anyhow::Result<()> {
        Ok(self.store.dead_letter(queue, receipt_handle)?)
    }

    /// Hides a received message for `visibility` from now; zero makes it visible.
    ///
    /// # Errors
    /// The queue or the message does not exist, the handle belongs to another queue, or the database fails.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt_handle: &str,
        visibility: Duration,
    ) -> anyhow::Result<()> {
        Ok(self.store.change_visibility(queue, receipt_handle, visibility)?)
    }

    /// Sends a message as [`ROOT`]. Returns its id.
    ///
    /// # Errors
    /// The queue does not exist, the body is empty, too large or has characters outside the allowed set, or the database fails.
    pub fn send(&self, queue: &str, body: &str) -> anyhow::Result<String> {
        self.send_with(queue, body, json!({}))
    }

    /// Sends a message as [`Sqs::send`] does, with a trace header as its `AWSTraceHeader`.
    ///
    /// # Errors
    /// Those of [`Sqs::send`].
    pub fn send_traced(&self, queue: &str, body: &str, trace: &str) -> anyhow::Result<String> {
        self.send_with(queue, body, operations::trace_attribute(trace))
    }

    fn send_with(&self, queue: &str, body: &str, system_attributes: Value) -> anyhow::Result<String> {
        attributes::check_body(body)?;
        let (body, attributes, delay) = (body.to_owned(), json!({}), Duration::ZERO);
        let message = NewMessage { body, delay, attributes, system_attributes, group: None };
        Ok(self.store.send(queue, ROOT, &message)?.message_id)
    }

    /// Counts a queue's messages.
    ///
    /// # Errors
    /// The queue does not exist, or the database fails.
    pub fn depth(&self, queue: &str) -> anyhow::Result<Depth> {
        Ok(self.store.depth(queue)?)
    }

    /// Receives again whenever a message may have arrived or becomes visible, until there is a message or `wait` is over.
    async fn poll(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Option<Duration>,
    ) -> Result<Vec<Message>, SqsError> {
        let deadline = tokio::time::Instant::now() + wait;
        let arrivals = self.store.arrivals(queue);
        loop {
            // Registered before the receive, so that an arrival in between is noticed.
            let arrival = arrivals.notified();
            let (store, name) = (Arc::clone(&self.store), queue.to_owned());
            let taken = operations::blocking(move || store.take(&name, max, visibility)).await?;
            if !taken.messages.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(taken.messages);
            }
            // Without a hidden message, none becomes visible by itself.
            let visible = async {
                match taken.next_visible_at {
                    Some(at) => self.store.clock.sleep_until(clock::date(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = arrival => {}
                () = visible => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }
}
