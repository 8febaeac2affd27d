//! The function of S3's `ObjectCreated` events: probes stored objects with ffprobe.
//!
//! ffprobe reads untrusted bytes, so this function may be compromised: its role may only invoke `probe-record`, which presigns the
//! GET of the object and saves the report.

mod object;
mod record;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use files_domain::file_object_key;
use files_queues::{StoredObject, sqs_messages};
use lambda_startup::Downloads;
use media_probe::{Ffprobe, Outcome, corrected_content_type};
use probe_protocol::{Found, MediaFound, ProbeReport};
use serde_json::{Value, json};
use tracing::{error, info, warn};

use crate::object::Object;
pub use crate::record::{InvokeError, ProbeRecord};

type BoxError = Box<dyn Error + Send + Sync>;

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
    pub async fn handle(&self, event: Value) -> Result<Value, BoxError> {
        let objects = StoredObject::in_event(&event);
        let Some(messages) = sqs_messages(event) else {
            self.probe_all(&objects).await?;
            return Ok(json!({}));
        };
        let mut failure = None;
        for message in messages {
            // A body that is not JSON has no objects.
            let event = serde_json::from_str(&message.body.unwrap_or_default()).unwrap_or(Value::Null);
            if let Err(cause) = self.probe_all(&StoredObject::in_event(&event)).await {
                error!(
                    cause = cause.as_ref() as &dyn Error,
                    "handling a message failed, SQS delivers it again"
                );
                failure = Some(cause);
            }
        }
        failure.map_or_else(|| Ok(json!({})), Err)
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

    async fn probe_all(&self, objects: &[StoredObject]) -> Result<(), BoxError> {
        for object in objects {
            self.probe(object).await?;
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
