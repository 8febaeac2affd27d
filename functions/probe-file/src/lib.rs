//! S3 `ObjectCreated`: reads a stored object with ffprobe.
//!
//! ffprobe reads strangers' bytes, so this function may be in their hands: its role lets it invoke `probe-record` and
//! nothing else of the application. That function tells it which object to read, and saves what it reports.

mod object;
mod record;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use files_domain::file_object_key;
use files_queues::{Delivered, StoredObject};
use lambda_startup::Downloads;
use media_probe::{Ffprobe, Outcome, true_content_type};
use probe_protocol::{Found, MediaFound, ProbeReport};
use serde_json::{Value, json};
use tracing::{error, info, warn};

use crate::object::Object;
pub use crate::record::{AskError, ProbeRecord};

type BoxError = Box<dyn Error + Send + Sync>;

/// Probes stored objects.
pub struct ProbeFile {
    record: ProbeRecord,
    downloads: Downloads,
    ffprobe: Ffprobe,
    /// What ffprobe says it is, if it could be asked.
    version: Option<String>,
    /// Whether an ffprobe has ended as one does that a file has taken over.
    tainted: AtomicBool,
}

impl ProbeFile {
    /// Probes with `ffprobe`, of the given version, on behalf of `record`.
    #[must_use]
    pub fn new(record: ProbeRecord, downloads: Downloads, ffprobe: Ffprobe, version: Option<String>) -> Self {
        Self { record, downloads, ffprobe, version, tainted: AtomicBool::new(false) }
    }

    /// Handles an event of S3, or messages that hold such events. An error has it come again: twice for an event, after
    /// which its record's deadline brings it back; a message as often as its queue says.
    ///
    /// # Errors
    /// An object could not be read, or its result not be saved. Lambda counts the error, which it would not do for a message
    /// that is only named as failed.
    pub async fn handle(&self, event: &Value) -> Result<Value, BoxError> {
        let Some(messages) = Delivered::in_event(event) else {
            self.probe_all(&StoredObject::in_event(event)).await?;
            return Ok(json!({}));
        };
        let mut failure = None;
        for message in messages {
            // A body that is not JSON names no object: there is nothing to do, now or later.
            let event = serde_json::from_str(&message.body).unwrap_or(Value::Null);
            if let Err(cause) = self.probe_all(&StoredObject::in_event(&event)).await {
                error!(cause = cause.as_ref() as &dyn Error, "a message will come again");
                failure = Some(cause);
            }
        }
        failure.map_or_else(|| Ok(json!({})), Err)
    }

    /// Ends this process if an ffprobe was killed in it: what a file may have left behind must not see the next one. Lambda
    /// starts a new one. To be called once the response has been sent; should Lambda count the invocation as failed all the
    /// same, the event comes again and finds nothing to do.
    pub fn exit_if_tainted(&self) {
        if self.tainted.load(Ordering::Relaxed) {
            warn!("this process ends: ffprobe was killed in it");
            std::process::exit(1);
        }
    }

    async fn probe_all(&self, objects: &[StoredObject]) -> Result<(), BoxError> {
        for object in objects {
            self.probe(object).await?;
        }
        Ok(())
    }

    /// Probes one object. Whatever happens before, twice or too late, the outcome is the same.
    async fn probe(&self, stored: &StoredObject) -> Result<(), BoxError> {
        let key = file_object_key(stored.owner, stored.id);
        let Some(url) = self.record.begin(&key).await? else {
            return Ok(()); // finished before, or deleted
        };
        let Some(object) = Object::open(self.downloads.clone(), url).await?.map(Arc::new) else {
            return Ok(()); // deleted since
        };
        let probe = self.ffprobe.probe(Arc::clone(&object)).await?;
        self.tainted.fetch_or(probe.killed, Ordering::Relaxed);
        let report = self.report(key, &object, probe.outcome);
        self.record.finish(report).await?;
        info!(file = %stored.id, "probed");
        Ok(())
    }

    fn report(&self, key: String, object: &Object, outcome: Outcome) -> ProbeReport {
        let content_type = true_content_type(object.content_type(), object.head(), &outcome);
        let found = match outcome {
            Outcome::Unreadable(reason) => Found::Unreadable(reason),
            Outcome::Media(media) => {
                let media_probe::Media { media_type, summary, facts, full, partial } = *media;
                Found::Media(Box::new(MediaFound { media_type, summary, facts, full, partial }))
            }
        };
        let etag = object.etag().to_owned();
        ProbeReport { key, etag, content_type, ffprobe: self.version.clone(), found }
    }
}
