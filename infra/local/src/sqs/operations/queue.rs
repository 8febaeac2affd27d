//! GetQueueUrl, ListQueues, GetQueueAttributes, PurgeQueue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{QueueUrl, Service, name_in, present};
use crate::account::ACCOUNT_ID;
use crate::sqs::attributes::MAX_MESSAGE_BYTES;
use crate::sqs::error::{SqsError, invalid};

const MAX_QUEUES: i64 = 1000;
/// Attributes of other kinds of queues; requests for them return nothing.
const OTHER_ATTRIBUTES: [&str; 9] = [
    "All",
    "Policy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "RedriveAllowPolicy",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

impl Service {
    pub(super) fn get_queue_url(&self, input: GetQueueUrl) -> Result<Value, SqsError> {
        let name = present(input.queue_name.as_deref(), "QueueName")?;
        if input.owner.is_some_and(|owner| owner != ACCOUNT_ID) {
            return Err(SqsError::QueueDoesNotExist);
        }
        Ok(json!({"QueueUrl": self.url(&self.sqs.store.queue(name)?.name)}))
    }

    pub(super) fn list_queues(&self, input: ListQueues) -> Result<Value, SqsError> {
        let max = input.max_results.unwrap_or(MAX_QUEUES);
        let limit = usize::try_from(max).ok().filter(|_| (1..=MAX_QUEUES).contains(&max));
        let limit = limit
            .ok_or_else(|| invalid(max, "MaxResults", "Must be an integer value between 1 and 1000."))?;
        let after = input.next_token.map(|token| {
            let name = URL_SAFE_NO_PAD.decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            name.ok_or_else(|| invalid(token, "NextToken", "Invalid or expired next token."))
        });
        let after = after.transpose()?.unwrap_or_default();
        let mut names = self.sqs.store.queue_names(&input.queue_name_prefix, &after, limit + 1)?;
        let more = names.len() > limit;
        names.truncate(limit);
        let urls: Vec<_> = names.iter().map(|name| self.url(name)).collect();
        let mut output = json!({"QueueUrls": urls});
        // As in AWS, only a request with a limit gets a token.
        if let Some(last) = names.last().filter(|_| more && input.max_results.is_some()) {
            output["NextToken"] = URL_SAFE_NO_PAD.encode(last).into();
        }
        Ok(output)
    }

    pub(super) fn get_queue_attributes(&self, input: GetQueueAttributes) -> Result<Value, SqsError> {
        let mut attributes = self.attributes(name_in(input.queue_url.as_deref())?)?;
        let known = |name: &str| {
            attributes.contains_key(name) || name == "RedrivePolicy" || OTHER_ATTRIBUTES.contains(&name)
        };
        if let Some(name) = input.attribute_names.iter().find(|name| !known(name)) {
            return Err(SqsError::InvalidAttributeName(name.clone()));
        }
        attributes
            .retain(|name, _| input.attribute_names.iter().any(|asked| asked == "All" || asked == name));
        if attributes.is_empty() {
            return Ok(json!({}));
        }
        Ok(json!({"Attributes": attributes}))
    }

    fn attributes(&self, name: &str) -> Result<Map<String, Value>, SqsError> {
        let queue = self.sqs.store.queue(name)?;
        let depth = self.sqs.store.depth(name)?;
        let mut attributes = Map::new();
        let mut set = |name: &str, value: String| attributes.insert(name.to_owned(), value.into());
        set("QueueArn", self.arn(name));
        set("ApproximateNumberOfMessages", depth.visible.to_string());
        set("ApproximateNumberOfMessagesNotVisible", depth.in_flight.to_string());
        set("ApproximateNumberOfMessagesDelayed", depth.delayed.to_string());
        set("CreatedTimestamp", (queue.created_at / 1000).to_string());
        set("LastModifiedTimestamp", (queue.modified_at / 1000).to_string());
        set("VisibilityTimeout", (queue.visibility_timeout / 1000).to_string());
        set("MessageRetentionPeriod", (queue.retention / 1000).to_string());
        set("MaximumMessageSize", MAX_MESSAGE_BYTES.to_string());
        set("DelaySeconds", "0".to_owned());
        set("ReceiveMessageWaitTimeSeconds", "0".to_owned());
        set("SqsManagedSseEnabled", "true".to_owned());
        if let Some(redrive) = &queue.redrive {
            let target = self.arn(&redrive.target);
            let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": redrive.max_receive_count});
            set("RedrivePolicy", policy.to_string());
        }
        Ok(attributes)
    }

    pub(super) fn purge_queue(&self, input: QueueUrl) -> Result<Value, SqsError> {
        self.sqs.store.purge(name_in(input.queue_url.as_deref())?)?;
        Ok(json!({}))
    }
}
