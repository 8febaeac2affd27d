//! S3 notifications: every created object invokes the functions whose notification matches, at least once.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::asynchronous::{Asynchronous, Stopping};
use super::timestamp;
use crate::account::{REGION, bucket_arn};
use crate::faults::{Action, Service};
use crate::log::{Level, Log};
use crate::s3::{ObjectCreated, S3};
use crate::template::{Function, ObjectSource};

/// Maximum of events that are read at once, besides those in delivery.
const BATCH: usize = 100;

/// Interval at which events are read even without a notification.
const POLL: Duration = Duration::from_secs(5);

/// Characters that S3 does not encode in an event's key. A space becomes a plus sign.
const KEPT_IN_KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// Delivers the events of one bucket.
pub struct ObjectTrigger {
    s3: S3,
    bucket: String,
    functions: Arc<Vec<Function>>,
    asynchronous: Asynchronous,
    log: Log,
}

impl ObjectTrigger {
    /// Creates the trigger of those `functions` that have notifications of `bucket`.
    #[must_use]
    pub fn new(s3: S3, bucket: &str, functions: &[Function], asynchronous: Asynchronous, log: Log) -> Self {
        let wanting =
            |function: &&Function| function.object_sources.iter().any(|source| source.bucket == bucket);
        let functions = Arc::new(functions.iter().filter(wanting).cloned().collect());
        Self { s3, bucket: bucket.to_owned(), functions, asynchronous, log }
    }

    /// Delivers events until the future is dropped. Unfinished events are delivered again by the next run.
    pub async fn run(self) {
        let changed = self.s3.events_changed();
        let (done, mut finished) = mpsc::unbounded_channel();
        let delivered = watch::Sender::new(0);
        let mut in_flight = HashSet::new();
        loop {
            for event in self.pending(in_flight.len() + BATCH).await {
                if in_flight.insert(event.id) {
                    self.deliver(event, done.clone(), &delivered);
                }
            }
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                Some(id) = finished.recv() => {
                    in_flight.remove(&id);
                    delivered.send_if_modified(|last| std::mem::replace(last, id.max(*last)) < id);
                }
            }
        }
    }

    /// Decides the deliveries of an event. Not in a separate task, so that the decisions have the order of the events.
    fn deliveries(&self, event: &ObjectCreated, delivered: &watch::Sender<i64>) -> Vec<Delivery> {
        let delivery = |function: &Function| {
            let source = wanted(function, &self.bucket, event)?;
            Some(Delivery {
                payload: Bytes::from(notification(event, &self.bucket, source).to_string()),
                action: self.asynchronous.faults().decide(
                    &function.binary,
                    Service::Trigger,
                    "ObjectCreated",
                ),
                function: function.clone(),
                asynchronous: self.asynchronous.clone(),
                event: event.id,
                delivered: delivered.subscribe(),
            })
        };
        self.functions.iter().filter_map(delivery).collect()
    }

    async fn pending(&self, limit: usize) -> Vec<ObjectCreated> {
        let s3 = self.s3.clone();
        match tokio::task::spawn_blocking(move || s3.pending_events(limit)).await {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => {
                self.log.line("s3", Level::Error, &format!("cannot read pending events: {error:#}"));
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    fn deliver(
        &self,
        event: ObjectCreated,
        done: mpsc::UnboundedSender<i64>,
        delivered: &watch::Sender<i64>,
    ) {
        let (s3, log) = (self.s3.clone(), self.log.clone());
        let deliveries = self.deliveries(&event, delivered);
        tokio::spawn(async move {
            let invocations = deliveries.into_iter().map(Delivery::perform);
            let outcome: Result<Vec<()>, Stopping> = join_all(invocations).await.into_iter().collect();
            // The event stays unfinished, and in flight until this run ends.
            if outcome.is_err() {
                return;
            }
            let id = event.id;
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || s3.finish_event(id)).await {
                log.line("s3", Level::Error, &format!("cannot finish an event: {error:#}"));
            }
            let _ = done.send(id);
        });
    }
}

/// The delivery of an event to one function.
struct Delivery {
    function: Function,
    asynchronous: Asynchronous,
    payload: Bytes,
    event: i64,
    delivered: watch::Receiver<i64>,
    action: Option<Action>,
}

impl Delivery {
    async fn perform(mut self) -> Result<(), Stopping> {
        let invoke = || self.asynchronous.invoke(&self.function, self.payload.clone());
        match self.action {
            Some(Action::Duplicate) => {
                let (first, second) = tokio::join!(invoke(), invoke());
                return first.and(second);
            }
            Some(Action::DelayMs(delay)) => {
                self.asynchronous.clock().sleep(Duration::from_millis(delay)).await;
            }
            Some(Action::OutOfOrder) => {
                let later = self.delivered.wait_for(|delivered| *delivered > self.event);
                let _ = tokio::time::timeout(POLL, later).await;
            }
            _ => {}
        }
        self.asynchronous.invoke(&self.function, self.payload.clone()).await
    }
}

fn wanted<'a>(function: &'a Function, bucket: &str, event: &ObjectCreated) -> Option<&'a ObjectSource> {
    let fits =
        |source: &&ObjectSource| source.bucket == bucket && source.matches(&event.event_name, &event.key);
    function.object_sources.iter().find(fits)
}

fn notification(event: &ObjectCreated, bucket: &str, source: &ObjectSource) -> Value {
    let key = utf8_percent_encode(&event.key, KEPT_IN_KEY).to_string().replace(' ', "+");
    let request = Uuid::new_v4().simple().to_string().to_uppercase();
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": timestamp(event.time),
        "eventName": event.event_name,
        "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": &request[..16], "x-amz-id-2": request},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": source.configuration_id,
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "LOCAL"}, "arn": bucket_arn(bucket)},
            "object": {
                "key": key,
                "size": event.size,
                "eTag": event.etag.trim_matches('"'),
                "sequencer": event.sequencer,
            },
        },
    }]})
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_notification_has_the_documented_shape() {
        let event = ObjectCreated {
            id: 1,
            event_name: "ObjectCreated:Put".to_owned(),
            key: "files/a b+ü&c.mp4".to_owned(),
            size: 7,
            etag: "\"d41d8\"".to_owned(),
            sequencer: "0055AED6DCD90281E5".to_owned(),
            time: OffsetDateTime::UNIX_EPOCH,
        };
        let source = ObjectSource {
            bucket: "b".to_owned(),
            configuration_id: "Probe.Created".to_owned(),
            events: Vec::new(),
            prefix: String::new(),
            suffix: String::new(),
        };
        let mut notification = notification(&event, "b", &source);
        notification["Records"][0].as_object_mut().unwrap().remove("responseElements").unwrap();
        insta::assert_json_snapshot!(notification);
    }
}
