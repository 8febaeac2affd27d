//! The function that runs every minute and finishes work whose deadline has passed. The records have the deadlines. Each step is
//! idempotent and the same as in the function that normally takes it.

mod due_file;
mod round_robin;

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use files_domain::{BoxError, DeliveryId, EventRef, FileId, OwnerId};
use files_objects::Objects;
use files_queues::{DeliveryMessage, ImportMessage, Queue, StoredObject};
use files_records::{DUE_SHARDS, DueItem, Records, RecordsError, ScheduledWork};
use futures_util::future::join_all;
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, MetricUnit, announce_events, publish_metric};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tracing::{debug, error, info};

use crate::round_robin::{Batch, RoundRobin};

/// Maximum number of entries read of one partition of the index: many more than a run handles, so that an owner with many entries does not
/// hide other owners.
const MAX_SHARD_ENTRIES: u32 = 25_000;
/// Files handled at the same time.
const WORKERS: usize = 64;
/// Timeout of one file.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time before the function's deadline at which it takes no further entries: longer than the timeout of one file.
const STOP_BEFORE_DEADLINE: Duration = Duration::from_secs(13);

/// Finishes work whose deadline has passed.
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
    /// The schedule's event is ignored.
    type Event = IgnoredAny;
    type Response = Value;

    /// Handles the entries of the index whose deadline has passed, many files concurrently and owners in round-robin order, until the
    /// function's time is over. Failures are logged, keep their entry, and do not delay other entries. Publishes the age of the oldest
    /// such entry in seconds as the metric `OldestDueAge`. If a partition of the index cannot be read, the others are handled, and the
    /// invocation fails.
    async fn handle(&self, event: LambdaEvent<IgnoredAny>) -> Result<Value, BoxError> {
        let end = event.context.deadline() - STOP_BEFORE_DEADLINE;
        let (items, unread) = self.read_due().await;
        let (queue, tally) = (RoundRobin::new(items), Tally::default());
        join_all((0..WORKERS).map(|_| self.work(&queue, &tally, end))).await;
        let (done, failed) = (tally.done.into_inner(), tally.failed.into_inner());
        match (done, failed, queue.left()) {
            (0, 0, 0) => debug!("no scheduled work is overdue"), // most runs
            (_, _, left) => info!(done, failed, left, "swept"),
        }
        unread.map_or_else(|| Ok(json!({"done": done, "failed": failed})), |error| Err(error.into()))
    }
}

/// The number of handled files.
#[derive(Debug, Default)]
struct Tally {
    done: AtomicU32,
    failed: AtomicU32,
}

impl Sweep {
    /// Handles batches until `end`.
    async fn work(&self, queue: &RoundRobin, tally: &Tally, end: SystemTime) {
        while let Some(Batch { mut items, mut rest }) = queue.take() {
            while SystemTime::now() < end
                && let Some(item) = items.pop_front()
            {
                let done = self.finish_with_timeout(item).await;
                (if done { &tally.done } else { &tally.failed }).fetch_add(1, Ordering::Relaxed);
            }
            let is_over = !items.is_empty() || SystemTime::now() >= end;
            items.append(&mut rest);
            queue.put_back(items);
            if is_over {
                return;
            }
        }
    }

    /// Reads all partitions of the index before the work begins, so that the published age covers all entries. Returns the entries,
    /// and the error of a partition that could not be read.
    async fn read_due(&self) -> (Vec<DueItem>, Option<RecordsError>) {
        let now = lambda_startup::now();
        let (mut items, mut oldest, mut unread) = (Vec::new(), now, None);
        for due in
            join_all((0..DUE_SHARDS).map(|shard| self.records.due(shard, now, MAX_SHARD_ENTRIES))).await
        {
            match due {
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

    async fn finish_with_timeout(&self, item: DueItem) -> bool {
        let cause = match tokio::time::timeout(FILE_TIMEOUT, self.finish(item)).await {
            Ok(Ok(())) => return true,
            Ok(Err(cause)) => cause,
            Err(elapsed) => elapsed.into(),
        };
        error!(file = %item.what.file(), cause = cause.as_ref() as &dyn Error, "scheduled work failed");
        false
    }

    async fn finish(&self, item: DueItem) -> Result<(), BoxError> {
        match item.what {
            ScheduledWork::Removed(id) => self.delete_removed(item.owner, id).await,
            ScheduledWork::File(id) => {
                let finished = self.finish_file(item.owner, id).await;
                announce_events(&self.records, &self.deliveries).await;
                finished
            }
            ScheduledWork::Event(event) => self.announce_again(event).await,
            ScheduledWork::Delivery(id) => self.send_delivery(item.owner, id).await,
        }
    }

    /// Queues an event that was not queued, or whose message was lost.
    async fn announce_again(&self, event: EventRef) -> Result<(), BoxError> {
        if self.records.postpone_event(event, lambda_startup::now()).await? {
            self.deliveries.send(&DeliveryMessage::Event(event)).await?;
        }
        Ok(())
    }

    /// Queues the next attempt of a delivery.
    async fn send_delivery(&self, owner: OwnerId, id: DeliveryId) -> Result<(), BoxError> {
        if self.records.postpone_delivery(owner, id, lambda_startup::now()).await? {
            let message = DeliveryMessage::Attempt { owner, delivery: id };
            self.deliveries.send(&message).await?;
        }
        Ok(())
    }

    /// Deletes the bytes of a removed file.
    async fn delete_removed(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let unfinished = match self.records.removed_file(owner, id).await {
            Ok(unfinished) => unfinished,
            Err(RecordsError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.objects.discard(owner, id, &unfinished).await?;
        self.objects.delete_file(owner, id).await?;
        self.records.delete_removal_entry(owner, id).await?;
        info!(file = %id, "deleted the bytes of a removed file");
        Ok(())
    }
}
