//! Event source mappings of queues.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::account::{REGION, queue_arn};
use crate::faults::{Action, Service};
use crate::log::{Level, Log};
use crate::runtime::{Invocation, Lambda, Lineage, MAX_PROCESSES, MAX_ROUNDS, Outcome, Refused, WhenBusy};
use crate::sqs::{Message, Sqs};
use crate::template::{Function, QueueSource};

/// Wait time of one poll.
const LONG_POLL: Duration = Duration::from_secs(20);

/// Delay after a failed receive.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Maximum of messages per receive.
const MAX_RECEIVE: usize = 10;

/// Polls one queue for one function.
#[derive(Clone)]
pub struct QueueTrigger {
    sqs: Sqs,
    lambda: Lambda,
    function: String,
    /// The function's name in the account.
    name: String,
    /// Whether loops through the function are allowed.
    recursive: bool,
    source: QueueSource,
    log: Log,
}

impl QueueTrigger {
    /// Creates the event source mapping of `source` to `function`.
    #[must_use]
    pub fn new(sqs: Sqs, lambda: Lambda, function: &Function, source: &QueueSource, log: Log) -> Self {
        let (name, recursive) = (function.name.clone(), function.recursive);
        Self { sqs, lambda, function: function.binary.clone(), name, recursive, source: source.clone(), log }
    }

    /// Polls until the future is dropped. Receives only as many messages as can be handled at once.
    pub async fn run(self) {
        let at_once = self.source.max_concurrency.unwrap_or(MAX_PROCESSES).min(MAX_PROCESSES);
        let permits = Arc::new(Semaphore::new(at_once));
        while let Ok(permit) = permits.clone().acquire_owned().await {
            let max = self.source.batch_size.min(MAX_RECEIVE);
            match self.sqs.receive(&self.source.queue, max, LONG_POLL).await {
                Ok(messages) if messages.is_empty() => {}
                Ok(messages) => self.work(messages, permit),
                Err(error) => {
                    self.log.line(&self.function, Level::Error, &format!("cannot read the queue: {error:#}"));
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    fn work(&self, messages: Vec<Message>, permit: OwnedSemaphorePermit) {
        let mapping = self.clone();
        tokio::spawn(async move {
            let messages = mapping.without_loops(messages).await;
            if messages.is_empty() {
                return;
            }
            let action = mapping.lambda.faults().decide(&mapping.function, Service::Trigger, "Message");
            if let Some(Action::DelayMs(delay)) = action {
                mapping.sqs.clock().sleep(Duration::from_millis(delay)).await;
            }
            let outcome = if action == Some(Action::Duplicate) {
                tokio::join!(mapping.invoke(&messages), mapping.invoke(&messages)).0
            } else {
                mapping.invoke(&messages).await
            };
            match outcome {
                // The messages become visible again although the function succeeded.
                Ok(_) if action == Some(Action::LoseResponse) => {}
                Ok(outcome) => mapping.settle(messages, &outcome).await,
                // The messages become visible again after their visibility timeout.
                Err(refused) => {
                    mapping.log.line(&mapping.function, Level::Debug, &format!("not invoked: {refused:?}"))
                }
            }
            drop(permit);
        });
    }

    async fn invoke(&self, messages: &[Message]) -> Result<Outcome, Refused> {
        let event = queue_event(messages, &self.source.queue);
        let mut invocation = Invocation::new(&self.function, event.to_string().into(), WhenBusy::Wait);
        invocation.lineage = messages.iter().map(lineage).fold(Lineage::default(), Lineage::join);
        self.lambda.invoke(invocation).await
    }

    /// Removes messages that went through this function too often, as Lambda stops loops: moves them to the dead-letter queue,
    /// or deletes them if there is none.
    async fn without_loops(&self, messages: Vec<Message>) -> Vec<Message> {
        if self.recursive {
            return messages;
        }
        let looping = |message: &Message| lineage(message).rounds(&self.name) >= MAX_ROUNDS;
        let (looping, others): (Vec<_>, Vec<_>) = messages.into_iter().partition(looping);
        if !looping.is_empty() {
            let (sqs, queue, log, function) =
                (self.sqs.clone(), self.source.queue.clone(), self.log.clone(), self.function.clone());
            let moving = tokio::task::spawn_blocking(move || {
                for message in looping {
                    let text = format!("a loop was stopped after {MAX_ROUNDS} rounds");
                    log.line(&function, Level::Error, &text);
                    if let Err(error) = sqs.dead_letter(&queue, &message.receipt_handle) {
                        log.line(&function, Level::Warn, &format!("cannot move a message: {error:#}"));
                    }
                }
            });
            let _ = moving.await;
        }
        others
    }

    /// Deletes the messages that succeeded. The others stay hidden until their visibility timeout ends.
    async fn settle(&self, messages: Vec<Message>, outcome: &Outcome) {
        let failed = match done(&messages, outcome, self.source.report_batch_item_failures) {
            Done::Nothing => return,
            Done::AllBut(failed) => failed,
        };
        let (sqs, queue, log, function) =
            (self.sqs.clone(), self.source.queue.clone(), self.log.clone(), self.function.clone());
        let deletions = tokio::task::spawn_blocking(move || {
            for message in messages.iter().filter(|message| !failed.contains(&message.message_id)) {
                if let Err(error) = sqs.delete(&queue, &message.receipt_handle) {
                    log.line(&function, Level::Warn, &format!("cannot delete a message: {error:#}"));
                }
            }
        });
        let _ = deletions.await;
    }
}

fn lineage(message: &Message) -> Lineage {
    let trace = message.system_attributes.pointer("/AWSTraceHeader/StringValue");
    Lineage::of_trace(trace.and_then(Value::as_str).unwrap_or_default())
}

/// The succeeded messages of a batch.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    Nothing,
    AllBut(BTreeSet<String>),
}

/// Reads an outcome. A list of failures that is malformed, or names no message of the batch, fails the whole batch.
fn done(messages: &[Message], outcome: &Outcome, reports: bool) -> Done {
    if outcome.failed {
        return Done::Nothing;
    }
    if !reports {
        return Done::AllBut(BTreeSet::new());
    }
    let response: Value = match serde_json::from_slice(&outcome.payload) {
        Ok(response) => response,
        Err(_) if outcome.payload.is_empty() => Value::Null,
        Err(_) => return Done::Nothing,
    };
    let failures = match response.get("batchItemFailures") {
        None | Some(Value::Null) => return Done::AllBut(BTreeSet::new()),
        Some(Value::Array(failures)) => failures,
        Some(_) => return Done::Nothing,
    };
    let ids: Option<BTreeSet<String>> =
        failures.iter().map(|failure| Some(failure.get("itemIdentifier")?.as_str()?.to_owned())).collect();
    let known = |id: &String| messages.iter().any(|message| message.message_id == *id);
    match ids {
        Some(ids) if ids.iter().all(known) => Done::AllBut(ids),
        _ => Done::Nothing,
    }
}

/// Returns the event for messages of a queue.
pub fn queue_event(messages: &[Message], queue: &str) -> Value {
    json!({"Records": messages.iter().map(|message| record(message, queue)).collect::<Vec<_>>()})
}

fn record(message: &Message, queue: &str) -> Value {
    let mut attributes = json!({
        "ApproximateReceiveCount": message.receive_count.to_string(),
        "SentTimestamp": millis(message.sent_at),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": millis(message.first_received_at),
    });
    if let Some(source) = &message.dead_letter_source {
        let arn = if source.starts_with("arn:") { source.clone() } else { queue_arn(source) };
        attributes["DeadLetterQueueSourceArn"] = Value::String(arn);
    }
    if let Some(trace) = message.system_attributes.pointer("/AWSTraceHeader/StringValue") {
        attributes["AWSTraceHeader"] = trace.clone();
    }
    if let Some(group) = &message.group {
        attributes["MessageGroupId"] = group.as_str().into();
    }
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": message_attributes(&message.message_attributes),
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": REGION,
    });
    if let Some(md5) = message.md5_of_attributes() {
        record["md5OfMessageAttributes"] = md5.into();
    }
    record
}

/// Converts message attributes: their field names have another case in the event than in the API.
fn message_attributes(attributes: &Value) -> Map<String, Value> {
    let convert = |(name, attribute): (&String, &Value)| {
        let field = |name: &str| attribute.get(name).cloned();
        let mut converted =
            json!({"stringListValues": [], "binaryListValues": [], "dataType": field("DataType")});
        for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
            if let Some(value) = field(from) {
                converted[to] = value;
            }
        }
        (name.clone(), converted)
    };
    attributes.as_object().into_iter().flatten().map(convert).collect()
}

fn millis(time: OffsetDateTime) -> String {
    (time.unix_timestamp_nanos() / 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Message {
        Message {
            message_id: id.to_owned(),
            receipt_handle: format!("handle-{id}"),
            body: "{\"id\":7}".to_owned(),
            md5_of_body: "abc".to_owned(),
            sent_at: OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap(),
            first_received_at: OffsetDateTime::from_unix_timestamp(1_700_000_001).unwrap(),
            receive_count: 2,
            sender_id: "create-item".to_owned(),
            dead_letter_source: Some("files-local-ImportQueue".to_owned()),
            message_attributes: json!({"kind": {"DataType": "String", "StringValue": "import"}}),
            system_attributes: json!({}),
            group: Some("owner".to_owned()),
        }
    }

    #[test]
    fn an_event_has_the_documented_shape() {
        insta::assert_json_snapshot!(queue_event(&[message("m1")], "files-local-DeadLetterQueue"));
    }

    #[test]
    fn the_outcome_decides_which_messages_are_deleted() {
        let messages = [message("m1"), message("m2")];
        let of = |payload: &'static str, failed: bool, reports: bool| {
            done(&messages, &Outcome { payload: payload.into(), failed }, reports)
        };
        let all_but = |ids: &[&str]| Done::AllBut(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(of("null", false, false), all_but(&[]));
        assert_eq!(of("{}", true, false), Done::Nothing);
        assert_eq!(of("null", false, true), all_but(&[]));
        assert_eq!(of("", false, true), all_but(&[]));
        assert_eq!(of(r#"{"batchItemFailures":[]}"#, false, true), all_but(&[]));
        assert_eq!(of(r#"{"batchItemFailures":[{"itemIdentifier":"m2"}]}"#, false, true), all_but(&["m2"]));
        assert_eq!(of(r#"{"batchItemFailures":[{"itemIdentifier":"m2"}]}"#, false, false), all_but(&[]));
        for wrong in [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"m3"}]}"#,
            r#"{"batchItemFailures":[{"id":"m1"}]}"#,
            r#"{"batchItemFailures":"m1"}"#,
            "{",
        ] {
            assert_eq!(of(wrong, false, true), Done::Nothing, "{wrong}");
        }
    }
}
