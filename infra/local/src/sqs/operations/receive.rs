//! ReceiveMessage, DeleteMessage, ChangeMessageVisibility.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{Service, name_in, present, seconds};
use crate::sqs::Message;
use crate::sqs::attributes::{Attributes, md5_of_attributes, select};
use crate::sqs::error::{SqsError, invalid};
use crate::sqs::messages::MAX_VISIBILITY;

const MAX_MESSAGES: i64 = 10;
const MAX_WAIT_SECONDS: u64 = 20;
const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    queue_url: Option<String>,
    #[serde(flatten)]
    pub(super) receipt: ReceiptHandle,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiptHandle {
    receipt_handle: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeMessageVisibility {
    queue_url: Option<String>,
    #[serde(flatten)]
    change: VisibilityChange,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VisibilityChange {
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

impl Service {
    pub(super) async fn receive_message(&self, input: ReceiveMessage) -> Result<Value, SqsError> {
        let queue = name_in(input.queue_url.as_deref())?;
        let max = input.max_number_of_messages.unwrap_or(1);
        let max = usize::try_from(max)
            .ok()
            .filter(|_| (1..=MAX_MESSAGES).contains(&max))
            .ok_or_else(|| invalid(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."))?;
        let visibility = input.visibility_timeout.map(visibility_timeout).transpose()?;
        let wait = input.wait_time_seconds.unwrap_or(0);
        let wait = seconds(wait, "WaitTimeSeconds", MAX_WAIT_SECONDS)?;
        let mut names = input.attribute_names;
        names.extend(input.message_system_attribute_names);
        if let Some(name) = names.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(SqsError::InvalidAttributeName(name.clone()));
        }
        let messages = self.sqs.poll(queue, max, wait, visibility).await?;
        if messages.is_empty() {
            return Ok(json!({}));
        }
        let messages =
            messages.into_iter().map(|message| self.render(message, &names, &input.message_attribute_names));
        Ok(json!({"Messages": messages.collect::<Result<Vec<_>, _>>()?}))
    }

    /// Renders a message with the requested attributes.
    fn render(&self, message: Message, system: &[String], names: &[String]) -> Result<Value, SqsError> {
        let asked = |name: &str| system.iter().any(|asked| asked == "All" || asked == name);
        let mut attributes = self.system_attributes(&message)?;
        attributes.retain(|name, _| asked(name));
        let message_attributes = select(attributes_of(message.message_attributes)?, names);
        let mut output = json!({
            "MessageId": message.message_id,
            "ReceiptHandle": message.receipt_handle,
            "Body": message.body,
            "MD5OfBody": message.md5_of_body,
        });
        if !attributes.is_empty() {
            output["Attributes"] = Value::Object(attributes);
        }
        if let Some(md5) = md5_of_attributes(&message_attributes)? {
            output["MD5OfMessageAttributes"] = md5.into();
            output["MessageAttributes"] = json!(message_attributes);
        }
        Ok(output)
    }

    fn system_attributes(&self, message: &Message) -> Result<Map<String, Value>, SqsError> {
        let mut attributes = Map::new();
        let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value.into());
        set("SenderId", message.sender_id.clone());
        set("SentTimestamp", millis(message.sent_at));
        set("ApproximateReceiveCount", message.receive_count.to_string());
        set("ApproximateFirstReceiveTimestamp", millis(message.first_received_at));
        if let Some(source) = &message.dead_letter_source {
            set("DeadLetterQueueSourceArn", self.arn(source));
        }
        if let Some(group) = &message.group {
            set("MessageGroupId", group.clone());
        }
        if let Some(header) = message.system_attributes["AWSTraceHeader"]["StringValue"].as_str() {
            set("AWSTraceHeader", header.to_owned());
        }
        Ok(attributes)
    }

    pub(super) fn delete_message(&self, input: DeleteMessage) -> Result<Value, SqsError> {
        self.delete_receipt(name_in(input.queue_url.as_deref())?, &input.receipt)
    }

    pub(super) fn delete_receipt(&self, queue: &str, receipt: &ReceiptHandle) -> Result<Value, SqsError> {
        self.sqs.store.delete(queue, present(receipt.receipt_handle.as_deref(), "ReceiptHandle")?)?;
        Ok(json!({}))
    }

    pub(super) fn change_message_visibility(
        &self,
        input: ChangeMessageVisibility,
    ) -> Result<Value, SqsError> {
        self.change_visibility(name_in(input.queue_url.as_deref())?, &input.change)
    }

    pub(super) fn change_visibility(
        &self,
        queue: &str,
        change: &VisibilityChange,
    ) -> Result<Value, SqsError> {
        let handle = present(change.receipt_handle.as_deref(), "ReceiptHandle")?;
        let timeout = change.visibility_timeout.ok_or(SqsError::MissingParameter("VisibilityTimeout"))?;
        self.sqs.store.change_visibility(queue, handle, visibility_timeout(timeout)?)?;
        Ok(json!({}))
    }
}

fn visibility_timeout(value: i64) -> Result<Duration, SqsError> {
    seconds(value, "VisibilityTimeout", MAX_VISIBILITY.as_secs())
}

fn attributes_of(stored: Value) -> Result<Attributes, SqsError> {
    serde_json::from_value(stored).map_err(|error| SqsError::Serialization(error.to_string()))
}

fn millis(time: OffsetDateTime) -> String {
    (time.unix_timestamp_nanos() / 1_000_000).to_string()
}
