//! The dead-letter handler: ends imports and probes that failed repeatedly, so that every file becomes terminal.

mod dead_letter;

use files_domain::{BoxError, File, FileId, OwnerId, ProbeDone, Probed, Timestamp, Unfinished};
use files_objects::{Objects, ObjectsError};
use files_queues::{DeliveryMessage, Queue, QueueEvent};
use files_records::{Records, RecordsError};
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, announce_events, each_message};
use tracing::{error, info};

pub use crate::dead_letter::DeadLetter;

/// Handles dead letters.
pub struct FailFile {
    /// The records.
    pub records: Records,
    /// The objects.
    pub objects: Objects,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
}

impl EventHandler for FailFile {
    type Event = QueueEvent;
    type Response = ();

    /// Handles the messages of an SQS event. If one fails, Lambda counts the error and SQS delivers all of them again. Handling a
    /// message twice is harmless.
    async fn handle(&self, event: LambdaEvent<QueueEvent>) -> Result<(), BoxError> {
        let handled =
            each_message(event.payload.into_messages(), |body| self.act(DeadLetter::read(&body))).await;
        announce_events(&self.records, &self.deliveries).await;
        handled
    }
}

impl FailFile {
    async fn act(&self, letter: DeadLetter) -> Result<(), BoxError> {
        match letter {
            DeadLetter::Import(owner, id) => self.end_import(owner, id).await,
            DeadLetter::Probes(objects) => {
                for object in objects {
                    self.end_probe(object.owner, object.id).await?;
                }
                Ok(())
            }
            DeadLetter::Delivery => {
                info!("dropped a message of a delivery, left to sweep");
                Ok(())
            }
            DeadLetter::Unknown => {
                error!("dropped a dead letter of unknown form"); // a retry would not help
                Ok(())
            }
        }
    }

    /// Fails an import, unless all its bytes are in S3 or a worker has just claimed it: `sweep` finishes both. Aborts the multipart
    /// upload and deletes temporary objects first, since a failed record does not name them.
    async fn end_import(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        lambda_startup::trace_file(id);
        let now = lambda_startup::now();
        let file = match self.records.get_file(owner, id).await {
            Ok((file, _)) => file,
            Err(RecordsError::NotFound) => return Ok(()), // deleted in the meantime
            Err(error) => return Err(error.into()),
        };
        if is_given_up(&file, now) {
            self.objects.discard(owner, id, &Unfinished::of(&file)).await?;
        }
        let failed = self.records.change_file(owner, id, |file| {
            if is_given_up(&file, now) { file.failed("the import failed repeatedly", now) } else { None }
        });
        if failed.await?.is_some() {
            info!(file = %id, "failed an import");
        }
        Ok(())
    }

    /// Ends a probe without a result. The bytes are stored, so the file becomes `success`.
    async fn end_probe(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let object = match self.objects.head_file(owner, id).await {
            Ok(object) => object,
            Err(ObjectsError::NotFound) => return Ok(()), // deleted in the meantime
            Err(error) => return Err(error.into()),
        };
        let probed =
            Probed::Unreadable("the file could not be probed: ffprobe was tried several times".to_owned());
        let done = ProbeDone::new(object, probed, lambda_startup::now());
        let saved = self.records.finish_probe(owner, id, &done).await?;
        info!(file = %id, outcome = saved.as_str(), "ended a probe without a result");
        if saved.leaves_orphan() {
            self.objects.delete_file(owner, id).await?;
        }
        Ok(())
    }
}

/// Returns whether no further message of an import is expected. An import that backs off has another message than the dead
/// letter, for example one that was queued again because it has headers.
fn is_given_up(file: &File, now: Timestamp) -> bool {
    let Some(import) = file.import() else { return false };
    let is_claimed = import.lease_until.is_some_and(|until| until > now);
    let is_released = file.generation > 0 && import.lease_until.is_none();
    let backs_off = is_released && file.deadline.is_some_and(|deadline| deadline.at > now);
    !is_claimed && !backs_off
}
