//! SQS: standard queues on an SQLite file, behind the JSON protocol that the AWS SDKs speak.
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

/// A queue to be there.
#[derive(Clone, Debug)]
pub struct QueueDefinition {
    /// The queue's name, as in its URL.
    pub name: String,
    /// How long a received message stays hidden unless the receiver says otherwise.
    pub visibility_timeout: Duration,
    /// How long a message is kept after it was sent.
    pub retention: Duration,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// A redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue's name.
    pub target: String,
    /// A message that was received so often without being deleted goes there at the next receive.
    pub max_receive_count: u32,
}

/// A received message.
#[derive(Clone, Debug)]
pub struct Message {
    /// A UUID. It stays the same in the dead-letter queue.
    pub message_id: String,
    /// What to delete the message by, or to change its visibility by: good until it is received again.
    pub receipt_handle: String,
    /// What was sent.
    pub body: String,
    /// The body's MD5 in hex.
    pub md5_of_body: String,
    /// When it was sent.
    pub sent_at: OffsetDateTime,
    /// When it was received from this queue for the first time.
    pub first_received_at: OffsetDateTime,
    /// How often it was received, this time included; a message in a dead-letter queue also from its first queue.
    pub receive_count: u32,
    /// The sender's name, as in [`crate::identity::Identities::keys`].
    pub sender_id: String,
    /// The queue it was moved here from by a redrive policy.
    pub dead_letter_source: Option<String>,
    /// Message attributes in the API's JSON: `{"name": {"DataType": "String", "StringValue": "…"}}`.
    pub message_attributes: Value,
    /// System attributes that the sender set (`AWSTraceHeader`), in the same shape.
    pub system_attributes: Value,
    /// Its MessageGroupId, by which a fair queue tells senders' shares apart.
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

/// How many messages a queue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Can be received now.
    pub visible: u64,
    /// Received, and hidden until their visibility timeout is over.
    pub in_flight: u64,
    /// Sent with a delay that is not over.
    pub delayed: u64,
}

/// An SQS of one account and region. Clones share the queues.
#[derive(Clone)]
pub struct Sqs {
    store: Arc<Store>,
    faults: Faults,
}

impl Sqs {
    /// Opens the database file, or creates it.
    ///
    /// # Errors
    /// When the file cannot be opened or is no SQLite database.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        Self::open_with(file, Clock::default())
    }

    /// Opens the database file with this clock for delays, visibility and retention.
    ///
    /// # Errors
    /// As those of [`Sqs::open`].
    pub fn open_with(file: &Path, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self { store: Arc::new(Store::open(file, clock)?), faults: Faults::default() })
    }

    /// Sets the faults to inject into its calls.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Returns its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.store.clock
    }

    /// Creates a queue, or gives an existing one these settings; its messages stay.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ensure_queue(&self, definition: QueueDefinition) -> anyhow::Result<()> {
        Ok(self.store.ensure_queue(&definition)?)
    }

    /// Serves signed requests until the future is dropped. Queue URLs are `{base_url}/000000000000/{name}`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener, access: Access, base_url: String) -> anyhow::Result<()> {
        server::serve(self, listener, access, base_url).await
    }

    /// Receives up to `max` messages, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// When there is no such queue, or the database fails.
    pub async fn receive(&self, queue: &str, max: usize, wait: Duration) -> anyhow::Result<Vec<Message>> {
        Ok(self.poll(queue, max, wait, None).await?)
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// When there is no such queue, the handle is not one of its handles, or the database fails.
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> anyhow::Result<()> {
        Ok(self.store.delete(queue, receipt_handle)?)
    }

    /// Moves a received message to the queue's dead letters at once; deletes it if there are none.
    ///
    /// # Errors
    /// When there is no such queue, the handle is not one of its handles, or the database fails.
    pub fn give_up(&self, queue: &str, receipt_handle: &str) -> anyhow::Result<()> {
        Ok(self.store.give_up(queue, receipt_handle)?)
    }

    /// Hides a received message for `visibility` from now; zero makes it visible.
    ///
    /// # Errors
    /// When there is no such queue, the handle is not one of its handles, the message is gone, or the database fails.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt_handle: &str,
        visibility: Duration,
    ) -> anyhow::Result<()> {
        Ok(self.store.change_visibility(queue, receipt_handle, visibility)?)
    }

    /// Sends a message, as [`ROOT`]. Returns its id.
    ///
    /// # Errors
    /// When there is no such queue, the body is empty, too large or has characters outside the allowed set, or the
    /// database fails.
    pub fn send(&self, queue: &str, body: &str) -> anyhow::Result<String> {
        self.send_with(queue, body, json!({}))
    }

    /// Sends a message as [`Sqs::send`] does, with this trace header as its `AWSTraceHeader`.
    ///
    /// # Errors
    /// As those of [`Sqs::send`].
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
    /// When there is no such queue, or the database fails.
    pub fn depth(&self, queue: &str) -> anyhow::Result<Depth> {
        Ok(self.store.depth(queue)?)
    }

    /// Looks at the queue now, whenever something may have arrived, and when a hidden message becomes visible, until
    /// there is a message or the time is over.
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
            // Registered before looking, so that nothing arrives unnoticed in between.
            let arrival = arrivals.notified();
            let (store, name) = (Arc::clone(&self.store), queue.to_owned());
            let taken = operations::blocking(move || store.take(&name, max, visibility)).await?;
            if !taken.messages.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(taken.messages);
            }
            // Without a hidden message nothing becomes visible by itself.
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
