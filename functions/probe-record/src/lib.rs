//! The record's side of a probe. `probe-file`, which invokes this function, runs ffprobe on untrusted bytes and may be
//! compromised: it reads and changes only files that await a probe and whose key it names, and every value of its report is
//! checked. Size, checksum and declared type of an object come from S3.

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

/// Lifetime of the presigned GET: as long as `probe-file` may run.
const READ_LIFETIME: Duration = Duration::from_secs(120);

/// Longest extension that names a format, in bytes.
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

/// The file that a key names.
#[derive(Clone, Copy)]
struct Named {
    owner: OwnerId,
    id: FileId,
}

impl EventHandler for ProbeRecord {
    type Event = ProbeRequest;
    type Response = ProbeResponse;

    /// Handles one request of `probe-file`. Requests may come twice, late, or after the file was deleted. Fails if the request
    /// is [`Malformed`], or the object has changed since it was read.
    async fn handle(&self, event: LambdaEvent<ProbeRequest>) -> Result<ProbeResponse, BoxError> {
        let now = lambda_startup::now();
        match event.payload {
            ProbeRequest::Begin { key } => self.begin(named(&key)?, now).await,
            ProbeRequest::Finish(report) => self.finish(named(&report.key)?, checked(*report)?, now).await,
        }
    }
}

impl ProbeRecord {
    async fn begin(&self, named: Named, now: Timestamp) -> Result<ProbeResponse, BoxError> {
        let file = self.records.find_summary(named.owner, named.id).await?;
        if let Some(file) = file.as_ref().filter(|file| file.awaits_probe()) {
            let read = self.objects.presign_read(named.owner, named.id, now, READ_LIFETIME).await?;
            let ends_upload = matches!(file.state, FileState::AwaitingUpload);
            return Ok(ProbeResponse::Probe { url: read.url, extension: extension(&file.name), ends_upload });
        }
        self.end_without_probe(named, file.as_ref()).await
    }

    /// Ends a request that has nothing to probe. Deletes bytes that came after the end of their file, unless `sweep` has the
    /// deletion of the file's object as scheduled work: the object then may hold the place against presigned PUTs.
    async fn end_without_probe(&self, named: Named, file: Option<&File>) -> Result<ProbeResponse, BoxError> {
        info!(file = %named.id, "nothing to probe");
        let is_over = match file {
            Some(file) => file.status() == Status::Failed,
            None => !self.records.is_being_removed(named.owner, named.id).await?,
        };
        if is_over {
            self.objects.delete_file(named.owner, named.id, None).await?;
        }
        Ok(ProbeResponse::NothingToDo)
    }

    /// Stores the result of a probe. Fails if the object has changed since it was read.
    async fn finish(
        &self,
        named: Named,
        report: ProbeReport,
        now: Timestamp,
    ) -> Result<ProbeResponse, BoxError> {
        let Named { owner, id } = named;
        let object = match self.objects.head_file(owner, id).await {
            Ok(object) => object,
            Err(ObjectsError::NotFound) => return Ok(ProbeResponse::NothingToDo), // deleted in the meantime
            Err(error) => return Err(error.into()),
        };
        if object.etag != report.etag {
            return Err(ObjectsError::Changed.into()); // or never read
        }
        let (probed, output) = parts(report.found)?;
        if output.as_ref().is_some_and(|packed| packed.len() > files_records::MAX_INLINE_BYTES) {
            // Checks the record again: the object of the output may belong to a finished file.
            let file = self.records.find_summary(owner, id).await?;
            if !file.as_ref().is_some_and(File::awaits_probe) {
                return self.end_without_probe(named, file.as_ref()).await;
            }
        }
        let full = self.store_output(named, output).await?;
        let poster = self.store_poster(named, report.poster).await;
        let ProbeReport { content_type, ffprobe: by, ends_upload, .. } = report;
        let done = ProbeDone { object, probed, content_type, full, poster, by, ends_upload, now };
        let saved = self.records.finish_probe(owner, id, &done).await?;
        announce_events(&self.records, &self.deliveries).await;
        info!(file = %id, size_bytes = done.object.size, outcome = saved.as_str(), "probed");
        if saved.leaves_orphan() {
            self.objects.delete_file(owner, id, None).await?; // deleted or failed during the probe
        }
        Ok(match saved {
            SavedProbe::Saved | SavedProbe::SavedAgain => ProbeResponse::Saved,
            SavedProbe::AlreadyTerminal(_) | SavedProbe::NoRecord => ProbeResponse::NothingToDo,
        })
    }

    /// Puts an output that is too large for its record into an object of its own.
    async fn store_output(
        &self,
        Named { owner, id }: Named,
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
    async fn store_poster(&self, Named { owner, id }: Named, jpeg: Option<Vec<u8>>) -> bool {
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

/// Returns the end of a name, if it is one of a format: a few letters and digits.
fn extension(name: &FileName) -> Option<String> {
    let (_, extension) = name.as_str().rsplit_once('.')?;
    let is_one = (1..=MAX_EXTENSION_BYTES).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| extension.to_ascii_lowercase())
}

fn named(key: &str) -> Result<Named, Malformed> {
    let (owner, id) = parse_file_object_key(key).map_err(|_| Malformed("key"))?;
    Ok(Named { owner, id })
}
