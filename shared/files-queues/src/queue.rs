use std::marker::PhantomData;
use std::time::Duration;

use aws_sdk_sqs::Client;
use files_domain::{BoxError, limits};
use serde::Serialize;

/// A queue of messages of one type: [`ImportMessage`](crate::ImportMessage)s for `import-file`, or
/// [`StoredObject`](crate::StoredObject)s for `probe-file`.
#[derive(Debug)]
pub struct Queue<M> {
    client: Client,
    url: String,
    message: PhantomData<fn(M)>,
}

impl<M: Serialize> Queue<M> {
    /// Returns the queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into(), message: PhantomData }
    }

    /// Sends a message, which SQS delivers at least once.
    ///
    /// # Errors
    /// SQS failed or cannot be reached.
    pub async fn send(&self, message: &M) -> Result<(), BoxError> {
        self.send_later(message, Duration::ZERO).await
    }

    /// Sends a message that SQS delivers after `delay`: whole seconds, at most
    /// [`MAX_QUEUE_DELAY`](limits::MAX_QUEUE_DELAY).
    ///
    /// # Errors
    /// SQS failed or cannot be reached.
    pub async fn send_later(&self, message: &M, delay: Duration) -> Result<(), BoxError> {
        let seconds = delay.min(limits::MAX_QUEUE_DELAY).as_secs();
        let delay = i32::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        let send = self.client.send_message().queue_url(&self.url).set_delay_seconds(delay);
        send.message_body(serde_json::to_string(message)?).send().await?;
        Ok(())
    }
}
