//! The operations of the API, from JSON to JSON.

mod batch;
mod queue;
mod receive;
mod send;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Sqs;
use super::error::{SqsError, invalid};
use crate::access::Call;
use crate::account::ACCOUNT_ID;

/// The header in which a function's SDK sends the trace of its invocation.
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// The sender of a message.
pub(super) struct Sender {
    /// The caller, as in [`crate::identity::Identities::keys`].
    name: String,
    /// The request's trace header; becomes the message's, unless the message has its own.
    trace: Option<String>,
}

/// The queues and the URL under which clients reach them.
#[derive(Clone)]
pub(super) struct Service {
    sqs: Sqs,
    region: String,
    base_url: String,
}

/// Returns the system attributes of a message with a trace header.
pub(super) fn trace_attribute(trace: &str) -> Value {
    json!({"AWSTraceHeader": {"DataType": "String", "StringValue": trace}})
}

/// Runs work that blocks on the database on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqsError> + Send + 'static,
) -> Result<T, SqsError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and this caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}

impl Service {
    pub(super) fn new(sqs: Sqs, region: String, base_url: String) -> Self {
        Self { sqs, region, base_url: base_url.trim_end_matches('/').to_owned() }
    }

    /// Handles one call.
    pub(super) async fn call(&self, call: &Call) -> Result<Value, SqsError> {
        if call.operation == "ReceiveMessage" {
            return self.receive_message(parse(&call.body)?).await;
        }
        let trace = call.parts.headers.get(TRACE_HEADER).and_then(|value| value.to_str().ok());
        let sender = Sender { name: call.caller.clone(), trace: trace.map(str::to_owned) };
        let (service, operation, body) = (self.clone(), call.operation.clone(), call.body.clone());
        blocking(move || service.handle(&sender, operation, &body)).await
    }

    fn handle(&self, sender: &Sender, operation: String, body: &[u8]) -> Result<Value, SqsError> {
        match operation.as_str() {
            "SendMessage" => self.send_message(sender, parse(body)?),
            "SendMessageBatch" => self.send_message_batch(sender, parse(body)?),
            "DeleteMessage" => self.delete_message(parse(body)?),
            "DeleteMessageBatch" => self.delete_message_batch(parse(body)?),
            "ChangeMessageVisibility" => self.change_message_visibility(parse(body)?),
            "ChangeMessageVisibilityBatch" => self.change_message_visibility_batch(parse(body)?),
            "GetQueueAttributes" => self.get_queue_attributes(parse(body)?),
            "GetQueueUrl" => self.get_queue_url(parse(body)?),
            "ListQueues" => self.list_queues(parse(body)?),
            "PurgeQueue" => self.purge_queue(parse(body)?),
            _ => Err(SqsError::UnsupportedOperation(operation)),
        }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT_ID}/{name}", self.base_url)
    }

    fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT_ID}:{name}", self.region)
    }
}

/// The input of operations that take only the queue's URL.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueUrl {
    queue_url: Option<String>,
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::Serialization(error.to_string()))
}

/// Returns the name in a queue's URL, regardless of the host: one cloud can have several addresses.
fn name_in(queue_url: Option<&str>) -> Result<&str, SqsError> {
    let mut segments = present(queue_url, "QueueUrl")?.rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(name), Some(ACCOUNT_ID)) => Ok(name),
        _ => Err(SqsError::QueueDoesNotExist),
    }
}

/// Returns a required parameter.
fn present<'a>(value: Option<&'a str>, parameter: &'static str) -> Result<&'a str, SqsError> {
    value.filter(|value| !value.is_empty()).ok_or(SqsError::MissingParameter(parameter))
}

/// Checks a number of seconds from 0 to `max`.
fn seconds(value: i64, parameter: &'static str, max: u64) -> Result<std::time::Duration, SqsError> {
    match u64::try_from(value) {
        Ok(seconds) if seconds <= max => Ok(std::time::Duration::from_secs(seconds)),
        _ => Err(invalid(value, parameter, &format!("Must be between 0 and {max}, if provided."))),
    }
}
