//! Serves `probe-file`, which runs ffprobe on untrusted bytes and may be compromised. Therefore this function gives access only to
//! files that await a probe and whose key the request has, and checks every value of a report. Size, checksum and declared type of
//! an object come from S3.

mod check;
mod poster;

use std::error::Error;
use std::time::Duration;

use files_domain::{
    File, FileId, FileName, FileState, FullProbe, OwnerId, PROBE_FACTS, ProbeDone, Probed, Status, Timestamp,
    parse_file_object_key,
};
use files_objects::{Objects, ObjectsError};
use files_queues::{DeliveryMessage, Queue};
use files_records::{Records, SavedProbe};
use lambda_runtime::LambdaEvent;
use lambda_startup::{EventHandler, announce_events};
use probe_protocol::{Found, ProbeReport, ProbeRequest, ProbeResponse};
use tracing::{info, warn};

pub use crate::check::Malformed;
use crate::check::checked;

type BoxError = Box<dyn Error + Send + Sync>;

/// Lifetime of the presigned GET: the timeout of `probe-file`.
const READ_LIFETIME: Duration = Duration::from_secs(120);

/// Longest file name extension, in bytes.
const MAX_EXTENSION_BYTES: usize = 12;

/// Handles the requests of `probe-file`.
pub struct ProbeRecord {
    /// The records.
    pub records: Records,
    /// The objects.
    pub objects: Objects,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
}

/// The ids in the key of a file's object.
#[derive(Clone, Copy)]
struct ObjectIds {
    owner: OwnerId,
    id: FileId,
}

impl EventHandler for ProbeRecord {
    type Event = ProbeRequest;
    type Response = ProbeResponse;

    /// Handles a request of `probe-file`. Requests may be duplicated or late, and the file may be deleted. Fails if the request is
    /// [`Malformed`], or the object has changed since it was read.
    async fn handle(&self, event: LambdaEvent<ProbeRequest>) -> Result<ProbeResponse, BoxError> {
        let now = lambda_startup::now();
        match event.payload {
            ProbeRequest::Begin { key } => self.begin(parse_key(&key)?, now).await,
            ProbeRequest::Finish(report) => {
                self.finish(parse_key(&report.key)?, checked(*report)?, now).await
            }
        }
    }
}

impl ProbeRecord {
    async fn begin(&self, ids: ObjectIds, now: Timestamp) -> Result<ProbeResponse, BoxError> {
        lambda_startup::trace_file(ids.id);
        let file = self.records.find_summary(ids.owner, ids.id).await?;
        if let Some(file) = file.as_ref().filter(|file| file.awaits_probe()) {
            let read = self.objects.presign_read(ids.owner, ids.id, now, READ_LIFETIME).await?;
            let ends_upload = matches!(file.state, FileState::AwaitingUpload);
            return Ok(ProbeResponse::Probe { url: read.url, extension: extension(&file.name), ends_upload });
        }
        self.end_without_probe(ids, file.as_ref()).await
    }

    /// Ends a request that has nothing to probe. Deletes bytes that arrived after their file failed or was deleted, unless their
    /// deletion is scheduled for `sweep`: the object may then block presigned PUTs.
    async fn end_without_probe(
        &self,
        ids: ObjectIds,
        file: Option<&File>,
    ) -> Result<ProbeResponse, BoxError> {
        info!(file = %ids.id, "nothing to probe");
        let is_over = match file {
            Some(file) => file.status() == Status::Failed,
            None => !self.records.is_being_removed(ids.owner, ids.id).await?,
        };
        if is_over {
            self.objects.delete_file(ids.owner, ids.id).await?;
        }
        Ok(ProbeResponse::NothingToDo)
    }

    /// Stores the result of a probe. Fails if the object has changed since it was read.
    async fn finish(
        &self,
        ids: ObjectIds,
        report: ProbeReport,
        now: Timestamp,
    ) -> Result<ProbeResponse, BoxError> {
        let ObjectIds { owner, id } = ids;
        lambda_startup::trace_file(id);
        let object = match self.objects.head_file(owner, id).await {
            Ok(object) => object,
            Err(ObjectsError::NotFound) => return Ok(ProbeResponse::NothingToDo), // deleted in the meantime
            Err(error) => return Err(error.into()),
        };
        if object.etag != report.etag {
            return Err(ObjectsError::Changed.into()); // or the sender never read it
        }
        let (probed, output) = parts(report.found)?;
        let verdict = verdict(&probed);
        if output.as_ref().is_some_and(|packed| packed.len() > files_records::MAX_INLINE_BYTES) {
            // Checks the record again: the object of the output may belong to a finished file.
            let file = self.records.find_summary(owner, id).await?;
            if !file.as_ref().is_some_and(File::awaits_probe) {
                return self.end_without_probe(ids, file.as_ref()).await;
            }
        }
        let full = self.store_output(ids, output).await?;
        let poster = self.store_poster(ids, report.poster).await;
        let ProbeReport { content_type, ffprobe: by, ends_upload, .. } = report;
        let done = ProbeDone { object, probed, content_type, full, poster, by, ends_upload, now };
        let saved = self.records.finish_probe(owner, id, &done).await?;
        announce_events(&self.records, &self.deliveries).await;
        info!(file = %id, size_bytes = done.object.size, verdict, outcome = saved.as_str(), "probed");
        if saved.leaves_orphan() {
            self.objects.delete_file(owner, id).await?; // deleted or failed during the probe
        }
        Ok(match saved {
            SavedProbe::Saved | SavedProbe::SavedAgain => ProbeResponse::Saved,
            SavedProbe::AlreadyTerminal(_) | SavedProbe::NoRecord => ProbeResponse::NothingToDo,
        })
    }

    /// Stores an output that is too large for its record in a separate object.
    async fn store_output(
        &self,
        ObjectIds { owner, id }: ObjectIds,
        output: Option<Vec<u8>>,
    ) -> Result<Option<FullProbe>, BoxError> {
        Ok(match output {
            Some(packed) if packed.len() > files_records::MAX_INLINE_BYTES => {
                self.objects.put_probe(owner, id, packed).await?;
                Some(FullProbe::InObject)
            }
            inline => inline.map(FullProbe::Inline),
        })
    }

    /// Stores a poster. Returns whether the file has one: what fails here costs the poster alone.
    async fn store_poster(&self, ObjectIds { owner, id }: ObjectIds, jpeg: Option<Vec<u8>>) -> bool {
        let Some(jpeg) = jpeg else { return false };
        let stored = self.objects.put_poster(owner, id, jpeg).await;
        stored.inspect_err(|error| warn!(error = error as &dyn Error, "no poster")).is_ok()
    }
}

/// Splits a result into the summary and ffprobe's complete output, compressed.
fn parts(found: Found) -> Result<(Probed, Option<Vec<u8>>), BoxError> {
    let media = match found {
        Found::Unreadable(reason) => return Ok((Probed::Unreadable(reason), None)),
        Found::Media(media) => *media,
    };
    let mut full = media.full;
    full[PROBE_FACTS] = serde_json::to_value(media.facts)?;
    let packed = files_records::pack_probe(&full)?;
    let (media_type, summary, partial) = (media.media_type, media.summary, media.partial);
    Ok((Probed::Media { media_type, summary, partial }, Some(packed)))
}

/// Returns how ffprobe got on with a file, in one word for the log.
fn verdict(probed: &Probed) -> &'static str {
    match probed {
        Probed::Media { partial: None, .. } => "media",
        Probed::Media { partial: Some(_), .. } => "partial",
        Probed::Unreadable(_) => "unreadable",
    }
}

/// Returns the end of a name, if it is one of a format: a few letters and digits.
fn extension(name: &FileName) -> Option<String> {
    let (_, extension) = name.as_str().rsplit_once('.')?;
    let is_one = (1..=MAX_EXTENSION_BYTES).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| extension.to_ascii_lowercase())
}

fn parse_key(key: &str) -> Result<ObjectIds, Malformed> {
    let (owner, id) = parse_file_object_key(key).map_err(|_| Malformed("key"))?;
    Ok(ObjectIds { owner, id })
}
