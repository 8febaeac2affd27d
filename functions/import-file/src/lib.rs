//! The Lambda function of the import queue: fetches URLs into objects.
//!
//! A run claims a `lease` of the file and passes through four stages: `resolve` the URL to its media, `plan` the transfer,
//! transfer the bytes in ranges over several connections (`transfer_ranges`) or in one stream (`transfer_stream`), and `commit`
//! the object. A picture and a sound that are separate are both transferred to temporary objects (`streams`), which `mux-streams`
//! joins (`join`).

mod backoff;
mod commit;
mod concurrency;
mod error;
mod fetched;
mod hash;
mod incoming;
mod join;
mod lease;
mod part_uploads;
mod plan;
mod ranged_source;
mod reader;
mod resolve;
mod run;
mod same_picture;
mod share;
mod streams;
mod time_budget;
mod transfer;
mod transfer_part;
mod transfer_ranges;
mod transfer_stream;

use std::error::Error;
use std::time::SystemTime;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use files_objects::Objects;
use files_queues::{DeliveryMessage, ImportMessage, Queue, QueueEvent};
use files_records::{ImportClaim, Keys, Records};
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, announce_events};
use media_source::PageResolver;
use safe_fetch::{Allowed, SafeClient};
use tracing::{error, info};

use crate::commit::commit_or_restart;
pub use crate::join::Muxer;
use crate::lease::Lease;

type BoxError = Box<dyn Error + Send + Sync>;

/// The maximum size of a file that is always transferred in one stream.
const ONE_STREAM_BYTES: u64 = 16 * 1024 * 1024;

/// The outcome of a message.
enum Delivery {
    /// SQS deletes the message.
    Done,
    /// SQS delivers the message again after its visibility timeout.
    Redeliver,
}

/// The handler of the import queue.
pub struct ImportFile {
    /// The records of the files.
    pub records: Records,
    /// The owners' limits.
    pub keys: Keys,
    /// The bucket.
    pub objects: Objects,
    /// The import queue, for imports that another run resumes.
    pub queue: Queue<ImportMessage>,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
    /// The client for requests to sources.
    pub client: SafeClient,
    /// The hosts that an operator allows beyond the public internet.
    pub allowed: Allowed,
    /// The resolver for web pages. Without it, web pages are stored as files.
    pub pages: Option<PageResolver>,
    /// The client of `mux-streams`. Without it, only media with picture and sound in one are imported.
    pub muxer: Option<Muxer>,
    /// The largest height in pixels of a picture of a playlist or manifest that is joined with its separate sound; 0 joins nothing.
    pub max_joined_height: u64,
    /// Imports of one owner that run at the same time; `None`: as many as there are workers.
    pub owner_share: Option<u64>,
    /// The maximum size of a file in bytes.
    pub max_file_bytes: u64,
}

impl EventHandler for ImportFile {
    type Event = QueueEvent;
    type Response = SqsBatchResponse;

    /// Handles the messages of an SQS event. Failures of a source are saved in the record. A message with headers whose import
    /// another worker has claimed is returned as a batch item failure, so that SQS delivers it again without an error of the
    /// function.
    ///
    /// # Errors
    /// A call to DynamoDB, S3, SQS or Lambda failed. Lambda counts an error of the function, unlike a batch item failure, and SQS
    /// delivers the messages again, or moves them to the dead-letter queue after several attempts
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    async fn handle(&self, event: LambdaEvent<QueueEvent>) -> Result<SqsBatchResponse, BoxError> {
        let deadline = event.context.deadline();
        let (mut redeliver, mut failure) = (SqsBatchResponse::default(), None);
        for message in event.payload.into_messages() {
            let is_repeated = is_repeated(&message);
            let Ok(import) =
                serde_json::from_str::<ImportMessage>(message.body.as_deref().unwrap_or_default())
            else {
                error!("dropped a message that is not an import message"); // a later delivery would fail too
                continue;
            };
            match self.import(&import, is_repeated, deadline).await {
                Ok(Delivery::Done) => {}
                Ok(Delivery::Redeliver) => {
                    info!(file = %import.id, "another worker has the lease, redelivering the message because of its headers");
                    redeliver.add_failure(message.message_id.unwrap_or_default());
                }
                Err(cause) => {
                    error!(file = %import.id, cause = cause.as_ref() as &dyn Error, "temporary failure, SQS delivers the message again");
                    failure = Some(cause);
                }
            }
        }
        announce_events(&self.records, &self.deliveries).await;
        failure.map_or(Ok(redeliver), Err)
    }
}

impl ImportFile {
    /// Runs an import in a place of its owner's share, or puts its message back.
    async fn import(
        &self,
        message: &ImportMessage,
        is_repeated: bool,
        deadline: SystemTime,
    ) -> Result<Delivery, BoxError> {
        lambda_startup::trace_file(message.id);
        let Some(place) = self.take_place(message).await? else { return self.put_back(message).await };
        let outcome = Box::pin(self.claim_and_run(message, is_repeated, deadline)).await;
        place.release().await;
        outcome
    }

    async fn claim_and_run(
        &self,
        message: &ImportMessage,
        is_repeated: bool,
        deadline: SystemTime,
    ) -> Result<Delivery, BoxError> {
        match self.records.claim_import(message.owner, message.id, lambda_startup::now()).await? {
            ImportClaim::Claimed(file) => run::run(Lease::new(self, file, deadline), message).await?,
            ImportClaim::Fetched(file) => {
                if let Some(file) = commit_or_restart(self, file).await? {
                    run::run(Lease::new(self, file, deadline), message).await?;
                }
            }
            // Only messages have the headers. If the other worker crashes, sweep can send a message only without them.
            ImportClaim::HeldUntil(_) if !message.headers.is_empty() => return Ok(Delivery::Redeliver),
            // An earlier run of the message may have ended before it deleted its temporary objects.
            ImportClaim::Over if is_repeated || message.put_back > 0 => {
                self.objects.delete_streams(message.owner, message.id).await?;
            }
            // The other worker, or sweep after a crash, continues the import without this message.
            ImportClaim::HeldUntil(_) | ImportClaim::Over => {
                info!(file = %message.id, "the message is not needed: another worker has the lease, or the import has ended")
            }
        }
        Ok(Delivery::Done)
    }
}

/// Returns whether SQS delivers a message again: the run of an earlier delivery failed or was killed.
fn is_repeated(message: &SqsMessage) -> bool {
    message.attributes.get("ApproximateReceiveCount").is_some_and(|count| count != "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_repeated_from_its_second_delivery_on() {
        let message = |count: &str| {
            let mut message = SqsMessage::default();
            message.attributes.insert("ApproximateReceiveCount".to_owned(), count.to_owned());
            message
        };
        assert!(!is_repeated(&message("1")) && !is_repeated(&SqsMessage::default()));
        assert!(is_repeated(&message("2")) && is_repeated(&message("11")));
    }
}
