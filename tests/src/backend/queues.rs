use aws_sdk_sqs::types::QueueAttributeName;

use super::Backend;
use crate::wait::until;

impl Backend {
    /// Returns the URL of the queue whose name contains `part`.
    pub async fn queue(&self, part: &str) -> String {
        let queues = self.sqs.list_queues().send().await.expect("the queues can be listed");
        let mut urls = queues.queue_urls.unwrap_or_default();
        urls.retain(|url| url.contains(part));
        assert_eq!(urls.len(), 1, "queues called {part}: {urls:?}");
        urls.remove(0)
    }

    /// Sends a message.
    pub async fn send(&self, queue: &str, message: &serde_json::Value) {
        let send =
            self.sqs.send_message().queue_url(self.queue(queue).await).message_body(message.to_string());
        send.send().await.expect("the queue accepts the message");
    }

    /// Waits until a queue has no message, visible or in flight.
    pub async fn drained(&self, queue: &str) {
        self.in_flight(queue, 0).await;
    }

    /// Waits until a queue has exactly this many messages, all in flight.
    pub async fn in_flight(&self, queue: &str, expected: u32) {
        let url = self.queue(queue).await;
        until(&format!("{queue} has {expected} in flight"), async || {
            let ask =
                self.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
            let attributes =
                ask.send().await.expect("the queue's attributes can be read").attributes.unwrap_or_default();
            let count =
                |name: QueueAttributeName| attributes.get(&name).expect("a count").parse::<u32>().ok();
            let counts = [
                count(QueueAttributeName::ApproximateNumberOfMessages),
                count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
                count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            ];
            (counts == [Some(0), Some(0), Some(expected)]).then_some(())
        })
        .await;
    }

    /// Returns the event that S3 sends when a file's bytes are stored.
    #[must_use]
    pub fn stored_event(&self, id: &str) -> serde_json::Value {
        serde_json::json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-01-02T03:04:05.678Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AWS:TESTS"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": self.bucket, "arn": format!("arn:aws:s3:::{}", self.bucket)},
                "object": {"key": self.object_key(id), "size": 1, "eTag": "0", "sequencer": "0055AED6DCD90281E5"},
            },
        }]})
    }
}
