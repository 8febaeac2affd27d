//! The messages in SQS: imports to do, and stored objects to probe.

mod batch;
mod stored;

pub use batch::{Delivered, only_failed};
pub use stored::StoredObject;

use std::time::Duration;

use aws_sdk_sqs::Client;
pub use files_domain::ImportMessage;
use files_domain::{BoxError, FileId, OwnerId, QueueImport, QueueProbe, limits};

/// The queue that `import-file` works through.
#[derive(Clone, Debug)]
pub struct ImportQueue {
    client: Client,
    url: String,
}

impl ImportQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

impl ImportQueue {
    /// Sends a message that comes after `delay`, in whole seconds and at most
    /// [`MAX_QUEUE_DELAY`](limits::MAX_QUEUE_DELAY).
    ///
    /// # Errors
    /// The queue cannot be reached.
    pub async fn send_later(&self, message: &ImportMessage, delay: Duration) -> Result<(), BoxError> {
        let seconds = delay.min(limits::MAX_QUEUE_DELAY).as_secs();
        let send = self.client.send_message().queue_url(&self.url);
        let send = send.message_body(serde_json::to_string(message)?);
        let delay = i32::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        send.set_delay_seconds(delay).send().await?;
        Ok(())
    }
}

impl QueueImport for ImportQueue {
    async fn queue_import(&self, message: &ImportMessage) -> Result<(), BoxError> {
        self.send_later(message, Duration::ZERO).await
    }
}

/// The queue through which `probe-file` is asked for objects whose own event was lost.
#[derive(Clone, Debug)]
pub struct ProbeQueue {
    client: Client,
    url: String,
    bucket: String,
}

impl ProbeQueue {
    /// The queue at `url`, about objects in `bucket`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>, bucket: impl Into<String>) -> Self {
        Self { client, url: url.into(), bucket: bucket.into() }
    }
}

impl QueueProbe for ProbeQueue {
    async fn queue_probe(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let object = StoredObject { bucket: self.bucket.clone(), owner, id };
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(object.to_event().to_string())
            .send()
            .await?;
        Ok(())
    }
}
