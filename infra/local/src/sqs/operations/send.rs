//! SendMessage.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Sender, Service, name_in, present, seconds};
use crate::sqs::attributes::{Attributes, check_attributes, check_body, check_size, md5_of_attributes};
use crate::sqs::error::{SqsError, invalid};
use crate::sqs::messages::NewMessage;

const MAX_DELAY_SECONDS: u64 = 900;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage {
    queue_url: Option<String>,
    #[serde(flatten)]
    content: Content,
}

/// The content of a message, also as an entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Content {
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Attributes,
    #[serde(default)]
    message_system_attributes: Attributes,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

impl Content {
    /// Returns the size that counts towards the message limit.
    pub(super) fn size(&self) -> Result<usize, SqsError> {
        let body = self.message_body.as_deref().map_or(0, str::len);
        Ok(body + check_attributes(&self.message_attributes)?)
    }

    fn check(&self) -> Result<NewMessage, SqsError> {
        let body = present(self.message_body.as_deref(), "MessageBody")?;
        check_body(body)?;
        check_size(self.size()?)?;
        check_attributes(&self.message_system_attributes)?;
        if let Some(name) = self.message_system_attributes.keys().find(|name| *name != "AWSTraceHeader") {
            let message = format!("Message system attribute name '{name}' is invalid.");
            return Err(SqsError::InvalidParameterValue(message));
        }
        if let Some(group) = &self.message_group_id {
            check_group(group)?;
        }
        if let Some(id) = &self.message_deduplication_id {
            let reason = "The request includes a parameter that is not valid for this queue type";
            return Err(invalid(id, "MessageDeduplicationId", reason));
        }
        let delay =
            self.delay_seconds.map(|delay| seconds(delay, "DelaySeconds", MAX_DELAY_SECONDS)).transpose()?;
        Ok(NewMessage {
            body: body.to_owned(),
            delay: delay.unwrap_or(Duration::ZERO),
            attributes: json!(self.message_attributes),
            system_attributes: json!(self.message_system_attributes),
            group: self.message_group_id.clone(),
        })
    }
}

/// Refuses a MessageGroupId that is not 1 to 128 ASCII letters, digits and punctuation characters.
fn check_group(group: &str) -> Result<(), SqsError> {
    if (1..=128).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let reason =
        "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
    Err(invalid(group, "MessageGroupId", reason))
}

impl Service {
    pub(super) fn send_message(&self, sender: &Sender, input: SendMessage) -> Result<Value, SqsError> {
        self.send_content(sender, name_in(input.queue_url.as_deref())?, &input.content).map(Value::Object)
    }

    pub(super) fn send_content(
        &self,
        sender: &Sender,
        queue: &str,
        content: &Content,
    ) -> Result<Map<String, Value>, SqsError> {
        let mut message = content.check()?;
        if let Some(trace) = &sender.trace
            && content.message_system_attributes.is_empty()
        {
            message.system_attributes = super::trace_attribute(trace);
        }
        let md5_of_attributes_sent = md5_of_attributes(&content.message_attributes)?;
        let md5_of_system_attributes = md5_of_attributes(&content.message_system_attributes)?;
        let sent = self.sqs.store.send(queue, &sender.name, &message)?;
        let mut output = Map::new();
        output.insert("MessageId".to_owned(), sent.message_id.into());
        output.insert("MD5OfMessageBody".to_owned(), sent.md5_of_body.into());
        for (name, md5) in [
            ("MD5OfMessageAttributes", md5_of_attributes_sent),
            ("MD5OfMessageSystemAttributes", md5_of_system_attributes),
        ] {
            if let Some(md5) = md5 {
                output.insert(name.to_owned(), md5.into());
            }
        }
        Ok(output)
    }
}
