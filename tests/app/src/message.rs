use std::time::Duration;

use serde_json::Value;

use crate::TestApp;

/// A message in a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its body, which is JSON.
    pub body: Value,
    /// The event with which SQS would invoke the queue's function for this message alone.
    pub event: Value,
}

impl TestApp {
    /// Sends a message to a queue, by its logical id.
    pub fn send(&self, queue: &str, body: &Value) {
        let url = self.resource(queue);
        let name = url.rsplit('/').next().unwrap_or_default();
        self.services().services.sqs.send(name, &body.to_string()).expect("the queue");
    }

    /// Receives and deletes the next message of a queue, by its logical id (`ImportQueue`); `None` if it is empty. A delayed
    /// message arrives after [`TestApp::pass_time`].
    pub async fn receive(&self, queue: &str) -> Option<Message> {
        let url = self.resource(queue);
        let name = url.rsplit('/').next().unwrap_or_default();
        let sqs = &self.services().services.sqs;
        let message = sqs.receive(name, 1, Duration::ZERO).await.expect("the queue").pop()?;
        sqs.delete(name, &message.receipt_handle).expect("the message");
        let body = serde_json::from_str(&message.body).expect("a body of JSON");
        Some(Message { body, event: files_local::triggers::queue_event(&[message], name) })
    }

    /// Advances the clock of the queues.
    pub fn pass_time(&self, time: Duration) {
        self.services().clock.advance(time.as_secs()).expect("the clock moves");
    }
}
