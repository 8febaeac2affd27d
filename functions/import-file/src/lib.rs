//! Import queue: fetches a URL into an object.
//!
//! A source that gives parts of itself, and says by a validator of which version they are, is fetched by several
//! connections at once, and by several runs of the function if need be; any other in one stream, in one run.

mod backoff;
mod begin;
mod finish;
mod hash;
mod incoming;
mod job;
mod lanes;
mod ordered;
mod page;
mod parts;
mod ranged;
mod reader;
mod stop;
mod streamed;
mod worker;

use std::error::Error;
use std::time::SystemTime;

use aws_lambda_events::sqs::SqsBatchResponse;
use files_objects::Objects;
use files_queues::{ImportMessage, Queue, sqs_messages};
use files_records::{ImportClaim, Records};
use page_resolver::PageResolver;
use safe_fetch::{Allowed, SafeClient};
use serde_json::Value;
use tracing::{error, info};

use crate::worker::Worker;

type BoxError = Box<dyn Error + Send + Sync>;

/// What becomes of a message that was read.
enum Message {
    /// It goes.
    Done,
    /// It comes again, after its visibility timeout.
    StillNeeded,
}

/// Fetches what users name by its URL.
pub struct ImportFile {
    /// Where files are written down.
    pub records: Records,
    /// Where their bytes go.
    pub objects: Objects,
    /// Where an import goes that another run shall go on with.
    pub queue: Queue<ImportMessage>,
    /// The only way out.
    pub client: SafeClient,
    /// Private hosts that may be reached.
    pub allowed: Allowed,
    /// Who looks into pages; without it, a page is a file like any other.
    pub pages: Option<PageResolver>,
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
}

impl ImportFile {
    /// Handles the messages of an SQS event. What the source does wrong ends in the record. A message that another worker
    /// still needs is named as failed, so that it comes again without counting as an error of the function.
    ///
    /// # Errors
    /// One of our own stores failed. Lambda counts the error (`Errors`), which it would not do for a message that is only
    /// named as failed, and the messages come again, after some times to the dead-letter queue
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    pub async fn handle(&self, event: Value, deadline: SystemTime) -> Result<SqsBatchResponse, BoxError> {
        let (mut still_needed, mut failure) = (SqsBatchResponse::default(), None);
        for message in sqs_messages(event).unwrap_or_default() {
            let Ok(order) =
                serde_json::from_str::<ImportMessage>(message.body.as_deref().unwrap_or_default())
            else {
                error!("a message that is no import is dropped"); // it would be none later either
                continue;
            };
            match self.import(&order, deadline).await {
                Ok(Message::Done) => {}
                Ok(Message::StillNeeded) => {
                    info!(file = %order.id, "another worker has it: its headers are kept");
                    still_needed.add_failure(message.message_id.unwrap_or_default());
                }
                Err(cause) => {
                    error!(file = %order.id, cause = cause.as_ref() as &dyn Error, "an import will come again");
                    failure = Some(cause);
                }
            }
        }
        failure.map_or(Ok(still_needed), Err)
    }

    async fn import(&self, order: &ImportMessage, deadline: SystemTime) -> Result<Message, BoxError> {
        match self.records.claim_import(order.owner, order.id, lambda_startup::now()).await? {
            ImportClaim::Claimed(file) => Worker::new(self, file, deadline)?.run(order).await?,
            ImportClaim::Fetched(file) => {
                if !self.finish_stored(&file).await?
                    && let Some(file) = self.restart(file).await?
                {
                    Worker::new(self, file, deadline)?.run(order).await?;
                }
            }
            // Should its worker die, sweep could not send what only messages have.
            ImportClaim::HeldUntil(_) if !order.headers.is_empty() => return Ok(Message::StillNeeded),
            // Its worker, or sweep when that one is gone, brings it to its end: this message is one too many.
            ImportClaim::HeldUntil(_) | ImportClaim::Over => info!(file = %order.id, "nothing to import"),
        }
        Ok(Message::Done)
    }
}
