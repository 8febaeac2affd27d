//! Every minute: does what is due and not done. The records say what that is; each step is one that whoever should
//! have done it would have taken, and harms nothing when it is taken twice.

mod due_file;

use std::error::Error;
use std::time::{Duration, SystemTime};

use files_domain::{BoxError, FileId, OwnerId};
use files_objects::Objects;
use files_queues::{ImportMessage, Queue, StoredObject};
use files_records::{DUE_SHARDS, DueItem, DueWhat, Records, RecordsError};
use lambda_startup::{MetricUnit, publish_metric};
use serde_json::{Value, json};
use tracing::{error, info};

/// Entries read of one partition of the index at a time.
const PAGE: u32 = 100;
/// What is left of the function's time when it stops taking on more.
const STOP_BEFORE_DEADLINE: Duration = Duration::from_secs(25);
/// Longest that one file is worked on.
const MAX_TIME_FOR_ONE: Duration = Duration::from_secs(20);

/// Finishes what time must finish.
pub struct Sweep {
    /// What is due stands here.
    pub records: Records,
    /// Bytes to look for, and to delete.
    pub objects: Objects,
    /// Where imports are queued again.
    pub imports: Queue<ImportMessage>,
    /// Where probes are asked for again.
    pub probes: Queue<StoredObject>,
}

impl Sweep {
    /// One round. What fails is logged, stays due, and keeps nothing else waiting. Publishes how long the oldest entry of
    /// the index has been due, in seconds, as the metric `OldestDueAge`.
    ///
    /// # Errors
    /// A part of the index could not be read; the rest was swept all the same.
    pub async fn run(&self, deadline: SystemTime) -> Result<Value, BoxError> {
        let (items, unread) = self.read_due().await;
        let (mut done, mut failed) = (0_u32, 0_u32);
        for item in items {
            if SystemTime::now() + STOP_BEFORE_DEADLINE > deadline {
                info!(done, failed, "the rest is left to the next round");
                return Ok(json!({"done": done, "failed": failed}));
            }
            if self.try_to_finish(item).await { done += 1 } else { failed += 1 }
        }
        info!(done, failed, "swept");
        unread.map_or_else(|| Ok(json!({"done": done, "failed": failed})), |error| Err(error.into()))
    }

    /// Reads every partition of the index before anything is done, so that the age of the oldest entry is that of all of
    /// them; and the error of one that could not be read.
    async fn read_due(&self) -> (Vec<DueItem>, Option<RecordsError>) {
        let now = lambda_startup::now();
        let (mut items, mut oldest, mut unread) = (Vec::new(), now, None);
        for shard in 0..DUE_SHARDS {
            match self.records.due(shard, now, PAGE).await {
                Ok(due) => {
                    oldest = due.oldest.map_or(oldest, |since| since.min(oldest));
                    items.extend(due.items);
                }
                Err(error) => unread = Some(error),
            }
        }
        let age = now.millis().saturating_sub(oldest.millis()) / 1000;
        publish_metric("OldestDueAge", MetricUnit::Seconds, age);
        (items, unread)
    }

    async fn try_to_finish(&self, item: DueItem) -> bool {
        let cause = match tokio::time::timeout(MAX_TIME_FOR_ONE, self.finish(item)).await {
            Ok(Ok(())) => return true,
            Ok(Err(cause)) => cause,
            Err(elapsed) => elapsed.into(),
        };
        error!(file = %item.id, cause = cause.as_ref() as &dyn Error, "still due");
        false
    }

    async fn finish(&self, item: DueItem) -> Result<(), BoxError> {
        match item.what {
            DueWhat::Removed => self.delete_removed(item.owner, item.id).await,
            DueWhat::File => self.finish_file(item.owner, item.id).await,
        }
    }

    /// The record is gone; now its bytes.
    async fn delete_removed(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let upload_id = match self.records.removed_upload(owner, id).await {
            Ok(upload_id) => upload_id,
            Err(RecordsError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.objects.delete_file(owner, id, upload_id.as_deref()).await?;
        self.records.forget_removed(owner, id).await?;
        info!(file = %id, "deleted what was left of a removed file");
        Ok(())
    }
}
