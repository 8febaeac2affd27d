//! Import queue: fetches a URL into an object.
//!
//! A run has a `lease` of the file, and four stages, of which each takes what the one before returns: `resolve`
//! the URL to its media, `plan` the transfer, transfer ranges (`transfer_ranges`) over several connections or a
//! stream (`transfer_stream`) in order, `commit` the object.

mod backoff;
mod commit;
mod concurrency;
mod error;
mod fetched;
mod hash;
mod incoming;
mod lease;
mod part_uploads;
mod plan;
mod ranged_source;
mod reader;
mod resolve;
mod run;
mod time_budget;
mod transfer_part;
mod transfer_ranges;
mod transfer_stream;

use std::error::Error;
use std::time::SystemTime;

use aws_lambda_events::sqs::SqsBatchResponse;
use files_objects::Objects;
use files_queues::{DeliveryMessage, ImportMessage, Queue, sqs_messages};
use files_records::{ImportClaim, Keys, Records};
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, announce_events};
use media_source::PageResolver;
use safe_fetch::{Allowed, SafeClient};
use serde_json::Value;
use tracing::{error, info};

use crate::commit::commit_or_restart;
use crate::lease::Lease;

type BoxError = Box<dyn Error + Send + Sync>;

/// The largest file that is always transferred in one stream.
const ONE_STREAM_BYTES: u64 = 16 * 1024 * 1024;

/// What becomes of a message.
enum Delivery {
    /// It is deleted.
    Done,
    /// It is delivered again after its visibility timeout.
    StillNeeded,
}

/// The handler of the import queue.
pub struct ImportFile {
    /// The records of the files.
    pub records: Records,
    /// The owners' limits.
    pub keys: Keys,
    /// The bucket.
    pub objects: Objects,
    /// The queue, for imports that another run resumes.
    pub queue: Queue<ImportMessage>,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
    /// Sends requests to sources.
    pub client: SafeClient,
    /// The private hosts that may be reached.
    pub allowed: Allowed,
    /// Looks into web pages. Without it, a web page is stored as a file.
    pub pages: Option<PageResolver>,
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
}

impl EventHandler for ImportFile {
    type Event = Value;
    type Response = SqsBatchResponse;

    /// Handles the messages of an SQS event. What the source does wrong ends in the record. A message that another worker
    /// still needs is named as failed, so that it comes again without counting as an error of the function.
    ///
    /// # Errors
    /// One of our own stores failed. Lambda counts the error (`Errors`), which it would not do for a message that is only
    /// named as failed, and the messages come again, after some times to the dead-letter queue
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<SqsBatchResponse, BoxError> {
        let deadline = event.context.deadline();
        let (mut still_needed, mut failure) = (SqsBatchResponse::default(), None);
        for message in sqs_messages(event.payload).unwrap_or_default() {
            let Ok(import) =
                serde_json::from_str::<ImportMessage>(message.body.as_deref().unwrap_or_default())
            else {
                error!("a message that is no import is dropped"); // it would be none later either
                continue;
            };
            match self.import(&import, deadline).await {
                Ok(Delivery::Done) => {}
                Ok(Delivery::StillNeeded) => {
                    info!(file = %import.id, "another worker has it: its headers are kept");
                    still_needed.add_failure(message.message_id.unwrap_or_default());
                }
                Err(cause) => {
                    error!(file = %import.id, cause = cause.as_ref() as &dyn Error, "an import will come again");
                    failure = Some(cause);
                }
            }
        }
        announce_events(&self.records, &self.deliveries).await;
        failure.map_or(Ok(still_needed), Err)
    }
}

impl ImportFile {
    async fn import(&self, message: &ImportMessage, deadline: SystemTime) -> Result<Delivery, BoxError> {
        match self.records.claim_import(message.owner, message.id, lambda_startup::now()).await? {
            ImportClaim::Claimed(file) => run::run(Lease::new(self, file, deadline), message).await?,
            ImportClaim::Fetched(file) => {
                if let Some(file) = commit_or_restart(self, file).await? {
                    run::run(Lease::new(self, file, deadline), message).await?;
                }
            }
            // If its worker crashes, sweep cannot send the headers, which only messages have.
            ImportClaim::HeldUntil(_) if !message.headers.is_empty() => return Ok(Delivery::StillNeeded),
            // Its worker, or sweep after a crash, brings it to its end: this message is superfluous.
            ImportClaim::HeldUntil(_) | ImportClaim::Over => info!(file = %message.id, "nothing to import"),
        }
        Ok(Delivery::Done)
    }
}
