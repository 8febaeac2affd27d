//! Every minute: finishes what nobody else has finished by its deadline. The records hold the deadlines; each step is the one
//! that the function responsible for it takes, and is harmless when it is taken twice.

mod due_file;

use std::error::Error;
use std::time::{Duration, SystemTime};

use files_domain::{BoxError, DeliveryId, EventRef, FileId, OwnerId};
use files_objects::Objects;
use files_queues::{DeliveryMessage, ImportMessage, Queue, StoredObject};
use files_records::{DUE_SHARDS, DueItem, DueWhat, Records, RecordsError};
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, MetricUnit, announce_events, publish_metric};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tracing::{error, info};

/// Entries read of one partition of the index at a time.
const PAGE: u32 = 100;
/// Time before the function's deadline at which it stops to take on more.
const STOP_BEFORE_DEADLINE: Duration = Duration::from_secs(25);
/// Timeout of one file.
const MAX_TIME_FOR_ONE: Duration = Duration::from_secs(20);

/// Finishes what is due.
pub struct Sweep {
    /// The records with their deadlines.
    pub records: Records,
    /// The objects.
    pub objects: Objects,
    /// The queue of `import-file`.
    pub imports: Queue<ImportMessage>,
    /// The queue of `probe-file`.
    pub probes: Queue<StoredObject>,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
}

impl EventHandler for Sweep {
    /// Nothing of the schedule's event is read.
    type Event = IgnoredAny;
    type Response = Value;

    /// Handles everything that is due. What fails is logged, stays due, and does not delay the rest. Publishes how long the
    /// oldest entry of the index has been due, in seconds, as the metric `OldestDueAge`. If a part of the index could not be
    /// read, the rest is handled all the same.
    async fn handle(&self, event: LambdaEvent<IgnoredAny>) -> Result<Value, BoxError> {
        let deadline = event.context.deadline();
        let (items, unread) = self.read_due().await;
        let (mut done, mut failed) = (0_u32, 0_u32);
        for item in items {
            if SystemTime::now() + STOP_BEFORE_DEADLINE > deadline {
                info!(done, failed, "the rest left to the next round");
                return Ok(json!({"done": done, "failed": failed}));
            }
            if self.try_to_finish(item).await { done += 1 } else { failed += 1 }
        }
        info!(done, failed, "swept");
        unread.map_or_else(|| Ok(json!({"done": done, "failed": failed})), |error| Err(error.into()))
    }
}

impl Sweep {
    /// Reads every partition of the index before the work begins, so that the published age is that of the oldest entry of all.
    /// Returns the entries, and the error of a partition that could not be read.
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
        error!(file = %item.what.file(), cause = cause.as_ref() as &dyn Error, "still due");
        false
    }

    async fn finish(&self, item: DueItem) -> Result<(), BoxError> {
        match item.what {
            DueWhat::Removed(id) => self.delete_removed(item.owner, id).await,
            DueWhat::File(id) => {
                let finished = self.finish_file(item.owner, id).await;
                announce_events(&self.records, &self.deliveries).await;
                finished
            }
            DueWhat::Event(event) => self.announce_again(event).await,
            DueWhat::Delivery(id) => self.send_delivery(item.owner, id).await,
        }
    }

    /// Announces an event that nobody has announced, or whose message was lost.
    async fn announce_again(&self, event: EventRef) -> Result<(), BoxError> {
        if self.records.postpone_event(event, lambda_startup::now()).await? {
            self.deliveries.send_of(event.owner, &DeliveryMessage::Event(event)).await?;
        }
        Ok(())
    }

    /// Has the next attempt of a delivery made.
    async fn send_delivery(&self, owner: OwnerId, id: DeliveryId) -> Result<(), BoxError> {
        if self.records.postpone_delivery(owner, id, lambda_startup::now()).await? {
            let message = DeliveryMessage::Attempt { owner, delivery: id };
            self.deliveries.send_of(owner, &message).await?;
        }
        Ok(())
    }

    /// Deletes the bytes of a removed file.
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
