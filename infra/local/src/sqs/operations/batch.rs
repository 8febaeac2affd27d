//! Batches: each entry succeeds or fails by itself.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::receive::{ReceiptHandle, VisibilityChange};
use super::send::Content;
use super::{Sender, Service, name_in};
use crate::sqs::attributes::MAX_MESSAGE_BYTES;
use crate::sqs::error::SqsError;

const MAX_ENTRIES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<T> {
    queue_url: Option<String>,
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<T> {
    #[serde(default)]
    id: String,
    #[serde(flatten)]
    content: T,
}

impl Service {
    pub(super) fn send_message_batch(
        &self,
        sender: &Sender,
        input: Batch<Content>,
    ) -> Result<Value, SqsError> {
        let queue = input.check("SendMessageBatchRequestEntry")?;
        let sizes = input.entries.iter().map(|entry| entry.content.size());
        // An entry with invalid attributes fails by itself, below.
        let size = sizes.map(|size| size.unwrap_or(0)).sum();
        if size > MAX_MESSAGE_BYTES {
            return Err(SqsError::BatchRequestTooLong(size));
        }
        self.sqs.store.queue(queue)?;
        Ok(input.each(|content| self.send_content(sender, queue, content)))
    }

    pub(super) fn delete_message_batch(&self, input: Batch<ReceiptHandle>) -> Result<Value, SqsError> {
        let queue = input.check("DeleteMessageBatchRequestEntry")?;
        self.sqs.store.queue(queue)?;
        Ok(input.each(|receipt| self.delete_receipt(queue, receipt).map(|_| Map::new())))
    }

    pub(super) fn change_message_visibility_batch(
        &self,
        input: Batch<VisibilityChange>,
    ) -> Result<Value, SqsError> {
        let queue = input.check("ChangeMessageVisibilityBatchRequestEntry")?;
        self.sqs.store.queue(queue)?;
        Ok(input.each(|change| self.change_visibility(queue, change).map(|_| Map::new())))
    }
}

impl<T> Batch<T> {
    /// Checks the batch as a whole. Returns the queue's name.
    fn check(&self, entry: &'static str) -> Result<&str, SqsError> {
        let queue = name_in(self.queue_url.as_deref())?;
        match self.entries.len() {
            0 => return Err(SqsError::EmptyBatchRequest(entry)),
            count if count > MAX_ENTRIES => return Err(SqsError::TooManyEntriesInBatchRequest(count)),
            _ => {}
        }
        let mut seen = HashSet::new();
        for Entry { id, .. } in &self.entries {
            let characters = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if !characters || !(1..=80).contains(&id.len()) {
                return Err(SqsError::InvalidBatchEntryId);
            }
            if !seen.insert(id) {
                return Err(SqsError::BatchEntryIdsNotDistinct(id.clone()));
            }
        }
        Ok(queue)
    }

    fn each(&self, mut work: impl FnMut(&T) -> Result<Map<String, Value>, SqsError>) -> Value {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for Entry { id, content } in &self.entries {
            match work(content) {
                Ok(mut output) => {
                    output.insert("Id".to_owned(), id.as_str().into());
                    successful.push(Value::Object(output));
                }
                Err(error) => failed.push(json!({
                    "Id": id,
                    "SenderFault": error.is_senders(),
                    "Code": error.query_code(),
                    "Message": error.to_string(),
                })),
            }
        }
        json!({"Successful": successful, "Failed": failed})
    }
}
