use serde::Deserialize;
use serde_json::{Value, json};

/// One message of an SQS event (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// Names it in the answer.
    pub message_id: String,
    /// What was sent.
    pub body: String,
}

impl Delivered {
    /// The messages of an SQS event; `None` if the event is none.
    #[must_use]
    pub fn in_event(event: &Value) -> Option<Vec<Self>> {
        let records = event.get("Records")?.as_array()?;
        let from_sqs = |record: &Value| record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs");
        if records.is_empty() || !records.iter().all(from_sqs) {
            return None;
        }
        records.iter().map(|record| Self::deserialize(record).ok()).collect()
    }
}

/// The answer to an SQS event of which only the messages with these ids shall come again.
#[must_use]
pub fn only_failed(message_ids: &[String]) -> Value {
    let failed: Vec<Value> = message_ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failed})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_from_other_events() {
        let message = json!({"eventSource": "aws:sqs", "messageId": "m", "body": "{}"});
        let delivered = Delivered { message_id: "m".into(), body: "{}".into() };
        assert_eq!(Delivered::in_event(&json!({"Records": [message]})), Some(vec![delivered]));
        assert_eq!(Delivered::in_event(&json!({"Records": [{"eventSource": "aws:s3"}]})), None);
        assert_eq!(Delivered::in_event(&json!({})), None);
        assert_eq!(only_failed(&["m".into()]), json!({"batchItemFailures": [{"itemIdentifier": "m"}]}));
    }
}
