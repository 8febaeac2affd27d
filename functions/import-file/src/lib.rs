//! Import queue: fetches a URL into an object.

mod parts;
mod stop;
mod transfer;
mod worker;

use std::error::Error;
use std::time::SystemTime;

use files_domain::{ClaimImport, FileRecords, ImportClaim};
use files_objects::Objects;
use files_queues::{Delivered, ImportMessage, only_failed};
use safe_fetch::{Allowed, SafeClient};
use serde_json::Value;
use tracing::{error, info};

use crate::worker::Worker;

type BoxError = Box<dyn Error + Send + Sync>;

/// Fetches what users name by its URL.
pub struct ImportFile<R> {
    /// Where files are written down.
    pub records: R,
    /// Where their bytes go.
    pub objects: Objects,
    /// The only way out.
    pub client: SafeClient,
    /// Private hosts that may be reached.
    pub allowed: Allowed,
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
}

impl<R: ClaimImport + FileRecords + Sync> ImportFile<R> {
    /// Takes the messages of an SQS event. Those for which our own stores failed come again, and after some times go to
    /// the dead letters; what the source does wrong ends in the record.
    pub async fn answer(&self, event: &Value, deadline: SystemTime) -> Value {
        let mut failed = Vec::new();
        for message in Delivered::in_event(event).unwrap_or_default() {
            let Ok(order) = serde_json::from_str::<ImportMessage>(&message.body) else {
                error!("a message that is no import is dropped"); // it would be none later either
                continue;
            };
            if let Err(cause) = self.import(&order, deadline).await {
                error!(file = %order.id, cause = cause.as_ref() as &dyn Error, "an import will come again");
                failed.push(message.message_id);
            }
        }
        only_failed(&failed)
    }

    async fn import(&self, order: &ImportMessage, deadline: SystemTime) -> Result<(), BoxError> {
        match self.records.claim_import(order.owner, order.id, lambda_startup::now()).await? {
            ImportClaim::Claimed(file) => Worker::new(self, file, deadline).run(&order.file_url).await,
            // Its worker, or sweep when that one is gone, brings it to its end: this message is one too many.
            ImportClaim::HeldUntil(_) | ImportClaim::Over => {
                info!(file = %order.id, "nothing to import");
                Ok(())
            }
        }
    }
}
