//! Dead letters: ends what could not be imported or probed, so that no file waits for ever.

mod letter;

use std::error::Error;

use files_domain::{BoxError, File, FileId, OwnerId, ProbeDone, Probed, Timestamp};
use files_objects::{Objects, ObjectsError};
use files_queues::Delivered;
use files_records::{Records, RecordsError};
use serde_json::Value;
use tracing::{error, info};

pub use crate::letter::Letter;

/// Reads dead letters.
pub struct FailFile {
    /// The records.
    pub records: Records,
    /// The objects.
    pub objects: Objects,
}

impl FailFile {
    /// Handles the messages of an SQS event.
    ///
    /// # Errors
    /// A message could not be acted on. Lambda counts the error, and the messages come again: what was done for one of
    /// them already does no harm a second time.
    pub async fn handle(&self, event: &Value) -> Result<(), BoxError> {
        let mut failure = None;
        for message in Delivered::in_event(event).unwrap_or_default() {
            if let Err(cause) = self.act(&Letter::read(&message.body)).await {
                error!(cause = cause.as_ref() as &dyn Error, "a dead letter will come again");
                failure = Some(cause);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn act(&self, letter: &Letter) -> Result<(), BoxError> {
        match letter {
            Letter::Import(owner, id) => self.end_import(*owner, *id).await,
            Letter::Probes(objects) => {
                for object in objects {
                    self.end_probe(object.owner, object.id).await?;
                }
                Ok(())
            }
            Letter::Unknown => {
                error!("a dead letter that says nothing to us is dropped"); // nor would it later
                Ok(())
            }
        }
    }

    /// Fails an import, unless all its bytes have arrived (then it is nearly done) or a worker has just begun on it once
    /// more: `sweep` sees to both. Its parts go first: a failed record no longer knows of them.
    async fn end_import(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let now = lambda_startup::now();
        let file = match self.records.get_file(owner, id).await {
            Ok((file, _)) => file,
            Err(RecordsError::NotFound) => return Ok(()), // deleted since
            Err(error) => return Err(error.into()),
        };
        if let (Some(upload), true) = (file.upload_ref(), is_given_up(&file, now)) {
            self.objects.abort_upload(upload).await?;
        }
        let failed = self.records.change_file(owner, id, |file| {
            if is_given_up(&file, now) { file.failed("the import failed repeatedly", now) } else { None }
        });
        if failed.await?.is_some() {
            info!(file = %id, "import given up");
        }
        Ok(())
    }

    /// The bytes are good whatever became of probing: `success`, and no word of ffprobe.
    async fn end_probe(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let object = match self.objects.head_file(owner, id).await {
            Ok(object) => object,
            Err(ObjectsError::NotFound) => return Ok(()), // deleted since
            Err(error) => return Err(error.into()),
        };
        let probed =
            Probed::Unreadable("the file could not be probed: ffprobe was tried several times".to_owned());
        let done = ProbeDone::new(object, probed, lambda_startup::now());
        let saved = self.records.finish_probe(owner, id, &done).await?;
        info!(file = %id, saved = ?saved, "probe given up");
        if saved.leaves_orphan() {
            self.objects.delete_file(owner, id, None).await?;
        }
        Ok(())
    }
}

/// Returns whether an import waits for a worker that will not come. An import that backs off between two runs waits for
/// another message than the one that died: one of the same import, for example, that was kept for its headers.
fn is_given_up(file: &File, now: Timestamp) -> bool {
    let Some(import) = file.import() else { return false };
    let is_claimed = import.lease_until.is_some_and(|until| until > now);
    let is_released = file.generation > 0 && import.lease_until.is_none();
    let backs_off = is_released && file.deadline.is_some_and(|deadline| deadline.at > now);
    !is_claimed && !backs_off
}
