use std::marker::PhantomData;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use files_domain::{BoxError, limits};
use serde::Serialize;

use crate::Grouped;

/// A queue of messages of one type: [`ImportMessage`](crate::ImportMessage)s for `import-file`,
/// [`StoredObject`](crate::StoredObject)s for `probe-file`, or [`DeliveryMessage`](crate::DeliveryMessage)s for
/// `deliver-webhook`.
#[derive(Debug)]
pub struct Queue<M> {
    client: Client,
    url: String,
    message: PhantomData<fn(M)>,
}

impl<M: Serialize + Grouped> Queue<M> {
    /// Returns the queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into(), message: PhantomData }
    }

    /// Sends a message, which SQS delivers at least once. Messages of an owner are a group: while an owner's messages are in
    /// flight, SQS prefers those of other owners
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).
    ///
    /// # Errors
    /// [`BoxError`]: SQS failed or cannot be reached.
    pub async fn send(&self, message: &M) -> Result<(), BoxError> {
        self.send_later(message, Duration::ZERO).await
    }

    /// Sends a message that SQS delivers after `delay`: whole seconds, at most
    /// [`MAX_QUEUE_DELAY`](limits::MAX_QUEUE_DELAY).
    ///
    /// # Errors
    /// [`BoxError`]: SQS failed or cannot be reached.
    pub async fn send_later(&self, message: &M, delay: Duration) -> Result<(), BoxError> {
        self.request(message, delay)?.send().await?;
        Ok(())
    }

    fn request(&self, message: &M, delay: Duration) -> Result<SendMessageFluentBuilder, BoxError> {
        let seconds = delay.min(limits::MAX_QUEUE_DELAY).as_secs();
        let delay = i32::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        let send = self.client.send_message().queue_url(&self.url).set_delay_seconds(delay);
        let send = send.message_group_id(message.group().to_string());
        Ok(send.message_body(serde_json::to_string(message)?))
    }
}
