//! The messages in SQS: imports to do, and stored objects to probe.

mod batch;
mod stored;

pub use batch::{Delivered, only_failed};
pub use stored::StoredObject;

use aws_sdk_sqs::Client;
pub use files_domain::ImportMessage;
use files_domain::{BoxError, FileId, OwnerId, QueueImport, QueueProbe};

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

impl QueueImport for ImportQueue {
    async fn queue_import(&self, message: &ImportMessage) -> Result<(), BoxError> {
        let body = serde_json::to_string(message)?;
        self.client.send_message().queue_url(&self.url).message_body(body).send().await?;
        Ok(())
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
