//! The function of S3's `ObjectCreated` events: probes stored objects with ffprobe.
//!
//! ffprobe reads untrusted bytes, so this function may be compromised: its role may only invoke `probe-record`, which presigns the
//! GET of the object and saves the report.

mod object;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use files_domain::{BoxError, file_object_key};
use files_queues::{QueueEvent, SqsMessages, StoredObject, StoredObjects};
use lambda_startup::{Downloads, each_message};
use media_probe::{Ffprobe, Outcome, corrected_content_type};
use probe_protocol::{Found, MediaFound, ProbeReport};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::object::Object;
pub use crate::record::{InvokeError, ProbeRecord};

/// Probes stored objects.
pub struct ProbeFile {
    record: ProbeRecord,
    downloads: Downloads,
    ffprobe: Ffprobe,
    /// The version of ffprobe, if it can be run.
    version: Option<String>,
    /// Whether an ffprobe was killed in this process.
    tainted: AtomicBool,
}

impl ProbeFile {
    /// Returns a handler that probes with `ffprobe` of this `version`, and reports to `record`.
    #[must_use]
    pub fn new(record: ProbeRecord, downloads: Downloads, ffprobe: Ffprobe, version: Option<String>) -> Self {
        Self { record, downloads, ffprobe, version, tainted: AtomicBool::new(false) }
    }

    /// Handles an S3 event, or SQS messages with such events. After an error, Lambda retries an event twice, and SQS delivers a
    /// message again up to the queue's `maxReceiveCount`. After that, the record's deadline starts another probe.
    ///
    /// # Errors
    /// An object could not be read, or its result could not be saved. The whole invocation fails, since Lambda does not count partial
    /// batch failures as errors.
    pub async fn handle(&self, event: QueueEvent<StoredObjects>) -> Result<Value, BoxError> {
        match event {
            QueueEvent::Sqs(SqsMessages(messages)) => {
                each_message(messages, |body| self.probe_queued(body)).await?;
            }
            QueueEvent::Other(objects) => self.probe_all(objects).await?,
        }
        Ok(json!({}))
    }

    /// Ends this process if an ffprobe was killed in it, so that a compromised ffprobe cannot affect the next probe. Lambda starts a
    /// new process. Call this after the response is sent. If Lambda counts the invocation as failed nevertheless, its retry finds
    /// nothing to do.
    pub fn exit_if_tainted(&self) {
        if self.tainted.load(Ordering::Relaxed) {
            warn!("exiting because ffprobe was killed");
            std::process::exit(1);
        }
    }

    async fn probe_queued(&self, body: String) -> Result<(), BoxError> {
        // A body that is not JSON has no objects.
        self.probe_all(serde_json::from_str(&body).unwrap_or_default()).await
    }

    async fn probe_all(&self, StoredObjects(objects): StoredObjects) -> Result<(), BoxError> {
        for object in objects {
            self.probe(&object).await?;
        }
        Ok(())
    }

    /// Probes one object. A duplicate or late event has the same result.
    async fn probe(&self, stored: &StoredObject) -> Result<(), BoxError> {
        let key = file_object_key(stored.owner, stored.id);
        let Some(readable) = self.record.begin(&key).await? else {
            return Ok(()); // finished before, or deleted
        };
        let Some(object) = Object::open(self.downloads.clone(), readable.url).await?.map(Arc::new) else {
            return Ok(()); // deleted since
        };
        let probe = self.ffprobe.probe(Arc::clone(&object)).await?;
        self.tainted.fetch_or(probe.killed, Ordering::Relaxed);
        let report = self.report(key, readable.extension.as_deref(), &object, probe.outcome);
        let report = ProbeReport { ends_upload: readable.ends_upload, poster: probe.poster, ..report };
        self.record.finish(report).await?;
        info!(file = %stored.id, "probed");
        Ok(())
    }

    fn report(&self, key: String, extension: Option<&str>, object: &Object, outcome: Outcome) -> ProbeReport {
        let content_type = corrected_content_type(object.content_type(), extension, object.head(), &outcome);
        let found = match outcome {
            Outcome::Unreadable(reason) => Found::Unreadable(reason),
            Outcome::Media(media) => {
                let media_probe::Media { media_type, summary, facts, full, partial, .. } = *media;
                Found::Media(Box::new(MediaFound { media_type, summary, facts, full, partial }))
            }
        };
        let etag = object.etag().to_owned();
        ProbeReport {
            key,
            etag,
            content_type,
            ffprobe: self.version.clone(),
            ends_upload: false,
            poster: None,
            found,
        }
    }
}
