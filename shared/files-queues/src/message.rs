use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use files_domain::OwnerId;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A message of an owner.
pub trait Grouped {
    /// Returns the owner, which is the message group of a fair queue.
    fn group(&self) -> OwnerId;
}

/// The payload of a function that a queue invokes. `O` reads the events of other services, which are ignored by default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum QueueEvent<O = IgnoredAny> {
    /// An event of SQS.
    Sqs(SqsMessages),
    /// An event of another service.
    Other(O),
}

impl<O> QueueEvent<O> {
    /// Returns the messages. Events of other services have none.
    #[must_use]
    pub fn into_messages(self) -> Vec<SqsMessage> {
        match self {
            Self::Sqs(SqsMessages(messages)) => messages,
            Self::Other(_) => Vec::new(),
        }
    }
}

/// The messages of an SQS event (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>), at least one. Only an event
/// whose records are all of SQS deserializes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "SqsEvent")]
pub struct SqsMessages(pub Vec<SqsMessage>);

impl TryFrom<SqsEvent> for SqsMessages {
    type Error = &'static str;

    fn try_from(event: SqsEvent) -> Result<Self, Self::Error> {
        let from_sqs = |message: &SqsMessage| message.event_source.as_deref() == Some("aws:sqs");
        let is_of_sqs = !event.records.is_empty() && event.records.iter().all(from_sqs);
        is_of_sqs.then_some(Self(event.records)).ok_or("the event is not of SQS")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn messages(event: &Value) -> Vec<SqsMessage> {
        serde_json::from_str::<QueueEvent>(&event.to_string()).unwrap().into_messages()
    }

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
        let messages_of_sqs = messages(&event);
        let bodies: Vec<_> = messages_of_sqs.iter().map(|message| message.body.as_deref()).collect();
        assert_eq!(bodies, [Some("one"), Some("two")]);
        assert_eq!(messages_of_sqs[0].attributes["ApproximateReceiveCount"], "1");
        let mixed =
            json!([{"eventSource": "aws:sqs", "messageId": "m", "body": ""}, {"eventSource": "aws:s3"}]);
        for other in [json!([]), json!([{"eventSource": "aws:s3"}]), mixed, json!(3), json!([3])] {
            assert_eq!(messages(&json!({"Records": other})), [], "{other}");
        }
        for other in [json!({}), json!(null), json!("Records")] {
            assert_eq!(messages(&other), [], "{other}");
        }
    }
}
