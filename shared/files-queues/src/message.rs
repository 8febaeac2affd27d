use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use files_domain::OwnerId;
use serde_json::Value;

/// A message of an owner.
pub trait Grouped {
    /// Returns the owner, which is the message group of a fair queue.
    fn group(&self) -> OwnerId;
}

/// Returns the messages of an SQS event (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>); `None`: the event is
/// of another service.
#[must_use]
pub fn sqs_messages(event: Value) -> Option<Vec<SqsMessage>> {
    let SqsEvent { records, .. } = serde_json::from_value(event).ok()?;
    let from_sqs = |message: &SqsMessage| message.event_source.as_deref() == Some("aws:sqs");
    (!records.is_empty() && records.iter().all(from_sqs)).then_some(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_sqs_events_have_messages() {
        let event = json!({"Records": [
            {
                "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
                "body": "one", "md5OfBody": "f97c5d29941bfb1b2fdab0874906ab82", "messageAttributes": {},
                "attributes": {
                    "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
                "awsRegion": "us-east-2",
            },
            {"eventSource": "aws:sqs", "messageId": "m", "body": "two"},
        ]});
        let messages = sqs_messages(event).unwrap();
        let bodies: Vec<_> = messages.iter().map(|message| message.body.as_deref()).collect();
        assert_eq!(bodies, [Some("one"), Some("two")]);
        let mixed =
            json!([{"eventSource": "aws:sqs", "messageId": "m", "body": ""}, {"eventSource": "aws:s3"}]);
        for other in [json!([]), json!([{"eventSource": "aws:s3"}]), mixed, json!(3), json!([3])] {
            assert_eq!(sqs_messages(json!({"Records": other})), None, "{other}");
        }
        for other in [json!({}), json!(null), json!("Records")] {
            assert_eq!(sqs_messages(other.clone()), None, "{other}");
        }
    }
}
