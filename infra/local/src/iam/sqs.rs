//! Maps calls of SQS to IAM actions.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>

use serde_json::Value;

use super::Request;
use crate::account::queue_arn;

/// Returns the actions that a call needs. Batches need the action of one message.
pub(crate) fn requests(operation: &str, body: &[u8]) -> Vec<Request> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let action = match operation {
        "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => {
            operation.trim_end_matches("Batch")
        }
        other => other,
    };
    let queue = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
    let queue = queue.or_else(|| body["QueueName"].as_str());
    vec![Request::new(format!("sqs:{action}"), queue_arn(queue.unwrap_or("*")))]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_become_actions_on_queues() {
        let url = json!({"QueueUrl": "http://127.0.0.1:1/000000000000/q"});
        for (operation, body, action, queue) in [
            ("SendMessage", url.clone(), "sqs:SendMessage", "q"),
            ("SendMessageBatch", url.clone(), "sqs:SendMessage", "q"),
            ("DeleteMessageBatch", url.clone(), "sqs:DeleteMessage", "q"),
            ("ChangeMessageVisibilityBatch", url.clone(), "sqs:ChangeMessageVisibility", "q"),
            ("ReceiveMessage", url, "sqs:ReceiveMessage", "q"),
            ("GetQueueUrl", json!({"QueueName": "q"}), "sqs:GetQueueUrl", "q"),
            ("ListQueues", json!({}), "sqs:ListQueues", "*"),
        ] {
            let expected = Request::new(action, queue_arn(queue));
            assert_eq!(requests(operation, body.to_string().as_bytes()), [expected]);
        }
    }
}
