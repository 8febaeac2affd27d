//! How an import is begun, or gone on with.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use files_domain::{FileName, PartPlan, Progress, Resume, UploadRef, human_bytes, limits};
use files_objects::{ObjectsError, Part, StoredParts};
use files_queues::ImportMessage;
use safe_fetch::{FetchError, Source, SourceHeaders, SourceUrl, Target, Validator, Version};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::backoff;
use crate::finish::Fetched;
use crate::hash::PartsHash;
use crate::incoming::{Incoming, Said};
use crate::job::Job;
use crate::ordered::Ordered;
use crate::page::{Nature, Titled};
use crate::ranged::Ranged;
use crate::stop::Stop;
use crate::worker::Worker;

/// What is no larger comes in one stream.
const ONE_STREAM_BYTES: u64 = 16 * 1024 * 1024;
/// Tries of a source that cannot be resumed, in one run.
const MAX_TRIES: u32 = 3;
/// How often a source may change under its import: the last time it is read in one answer, as far as that goes.
pub(crate) const MAX_RESTARTS: u32 = 2;

impl<'a> Worker<'a> {
    /// Fetches all that is missing. A source that changes is begun with anew: no byte of one version is kept beside
    /// those of another.
    pub(crate) async fn fetch(&mut self, order: &ImportMessage) -> Result<Fetched, Stop> {
        let url = SourceUrl::parse(&order.file_url, &self.import.allowed)
            .map_err(|error| Stop::Refused(error.to_string()))?;
        let headers =
            SourceHeaders::new(order.headers.iter()).map_err(|error| Stop::Refused(error.to_string()))?;
        let target = Target { url, headers };
        loop {
            self.shown = None;
            let fetched = if let Some(ranged) = self.go_on(&target, order).await? {
                ranged.run().await
            } else {
                self.fetch_anew(&target, order).await
            };
            match fetched {
                Err(Stop::Source(FetchError::Changed)) if self.restarts < MAX_RESTARTS => {
                    self.restarts += 1;
                    info!(file = %self.file.id, restarts = self.restarts, "the source has changed");
                    self.abort_leftover().await.map_err(Stop::Ours)?;
                }
                other => return other,
            }
        }
    }

    /// What another run has begun, with the parts that S3 has of it. Where a page showed it, the page is asked again: what it
    /// named then may have been good for a while only.
    async fn go_on(
        &mut self,
        target: &Target,
        order: &ImportMessage,
    ) -> Result<Option<Ranged<'_, 'a>>, Stop> {
        let (Some(resume), Some(upload_id)) =
            (self.file.state.resume.clone(), self.file.state.upload_id.clone())
        else {
            return Ok(None);
        };
        self.restarts = self.restarts.max(resume.restarts);
        let stored = self
            .import
            .objects
            .stored_parts(UploadRef { owner: self.file.owner, id: self.file.id, upload_id: &upload_id })
            .await;
        let stored = match stored {
            Ok(stored) => stored,
            // Completed, aborted, or older than the bucket keeps unfinished uploads.
            Err(ObjectsError::NoSuchUpload) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(validator) = Validator::parse(&resume.validator) else { return Ok(None) };
        let stored = fitting(resume.plan(), stored);
        let Some((stored, hash)) = self.in_order_if_need_be(&resume, stored) else { return Ok(None) };
        let version = Version { total: resume.size, validator };
        info!(file = %self.file.id, parts = stored.len(), of = resume.plan().count(), "going on with an import");
        if resume.of_page {
            self.shown = Some(self.look_into(target, &order.headers).await?);
        }
        let target = self.shown.as_ref().map_or(target, |shown| &shown.target);
        let job = self.job(target, target.clone(), version, upload_id);
        let name = resume.name.as_deref().and_then(FileName::clean);
        let said = Said { name, content_type: resume.content_type.clone() };
        Ok(Some(Ranged::new(self, job, (resume.plan(), said), stored, hash, None)))
    }

    /// Where the parts are to be hashed in their order, only those count that are. `None`: not even they are all there.
    fn in_order_if_need_be(
        &self,
        resume: &Resume,
        mut stored: BTreeMap<u32, Part>,
    ) -> Option<(BTreeMap<u32, Part>, Option<PartsHash>)> {
        if !self.is_in_order() {
            return Some((stored, None));
        }
        let hash = resume.hashed.as_ref().and_then(PartsHash::read).unwrap_or_default();
        stored.retain(|number, _| *number <= hash.parts());
        (stored.len() as u64 == u64::from(hash.parts())).then_some((stored, Some(hash)))
    }

    fn is_in_order(&self) -> bool {
        self.file.announced_sha256.is_some() || self.restarts >= MAX_RESTARTS
    }

    async fn fetch_anew(&mut self, target: &Target, order: &ImportMessage) -> Result<Fetched, Stop> {
        let mut tries = 0;
        loop {
            self.abort_leftover().await.map_err(Stop::Ours)?;
            let error = match self.fetch_once(target, order).await {
                Err(Stop::Source(error)) if error.is_retryable() => error,
                other => return other,
            };
            tries += 1;
            warn!(file = %self.file.id, tries, %error, "the source failed");
            let pause = error.retry_after().unwrap_or_else(|| backoff::pause(tries + 1));
            if tries == MAX_TRIES || pause > backoff::LONGEST || !self.hours.allow(pause) {
                return Err(Stop::GivenUp(error));
            }
            tokio::time::sleep(pause).await; // back-off between two tries, not a wait for an event
        }
    }

    /// By what answers: the media, a playlist of them, or a page that shows where they are.
    async fn fetch_once(&mut self, target: &Target, order: &ImportMessage) -> Result<Fetched, Stop> {
        let mut target = target.clone();
        let mut source = self.open(&target).await?;
        if Nature::of(&source) == Nature::Page && self.import.pages.is_some() {
            drop(source); // its body is of no use
            let shown = self.look_into(&target, &order.headers).await?;
            target = shown.target.clone();
            self.shown = Some(shown);
            source = self.open(&target).await?;
        }
        match Nature::of(&source) {
            Nature::Page if self.shown.is_some() => {
                Err(Stop::Refused("what the page shows is a page again".to_owned()))
            }
            Nature::Manifest => Err(Stop::Refused("streams of MPEG-DASH cannot be imported".to_owned())),
            Nature::Playlist => self.fetch_stream(&target, source).await,
            Nature::Page | Nature::Media => self.fetch_media(&target, source).await,
        }
    }

    async fn open(&self, target: &Target) -> Result<Source, Stop> {
        let opened = timeout(self.hours.left(), self.client.open(target)).await;
        Ok(opened.map_err(|_| Stop::GivenUp(FetchError::Timeout))??)
    }

    async fn fetch_stream(&mut self, target: &Target, playlist: Source) -> Result<Fetched, Stop> {
        let stream = self.open_stream(target, playlist).await?;
        let extension = Some(stream.extension());
        self.fetch_in_order(stream, extension).await
    }

    /// In one go: what comes so cannot be gone on with.
    async fn fetch_in_order(
        &mut self,
        source: impl Incoming,
        extension: Option<&str>,
    ) -> Result<Fetched, Stop> {
        let name = self.shown.as_ref().and_then(|shown| shown.name(extension));
        let titled = Titled { inner: source, name: name.map(|name| name.as_str().to_owned()) };
        let whole = timeout(self.hours.left(), Ordered::new(self).run(titled)).await;
        whole.unwrap_or_else(|_| {
            Err(Stop::Refused("the source took too long and cannot be resumed".to_owned()))
        })
    }

    async fn fetch_media(&mut self, target: &Target, source: Source) -> Result<Fetched, Stop> {
        let max = self.import.max_file_bytes;
        if source.length.is_some_and(|length| length > max) {
            return Err(too_large(max));
        }
        match source.version.clone() {
            Some(version) if version.total > ONE_STREAM_BYTES => {
                self.begin(target, source, version).await?.run().await
            }
            _ => self.fetch_in_order(source, None).await,
        }
    }

    /// Begins to store a source in parts that can be asked for. What another run needs to go on is written down with the
    /// upload's id, before the first part.
    async fn begin(
        &mut self,
        target: &Target,
        source: Source,
        version: Version,
    ) -> Result<Ranged<'_, 'a>, Stop> {
        let mut said = source.said();
        if let Some(name) = self.shown.as_ref().and_then(|shown| shown.name(None)) {
            said.name = Some(name);
        }
        let plan = PartPlan::for_size(version.total).ok_or_else(|| too_large(limits::MAX_OBJECT_BYTES))?;
        let name = said.name.as_ref().filter(|_| self.file.state.name_from_source);
        self.file.state.resume = Some(Resume {
            size: version.total,
            part_size: plan.part_size(),
            validator: version.validator.as_str().to_owned(),
            restarts: self.restarts,
            name: name.map(|name| name.as_str().to_owned()),
            content_type: said.content_type.clone(),
            of_page: self.shown.is_some(),
            hashed: None,
        });
        let upload_id =
            self.begin_upload(&said, Progress { received: 0, total: Some(version.total) }).await?;
        let job = self.job(target, source.target.clone(), version, upload_id);
        let hash = self.is_in_order().then(PartsHash::default);
        Ok(Ranged::new(self, job, (plan, said), BTreeMap::new(), hash, Some(source)))
    }

    /// The upload's id goes into the record before its first part: whoever deletes the file must know it.
    pub(crate) async fn begin_upload(&mut self, said: &Said, progress: Progress) -> Result<String, Stop> {
        let (owner, id) = (self.file.owner, self.file.id);
        let content_type = self.file.imported_type(said.name.as_ref(), said.content_type.as_deref());
        let upload_id = self.import.objects.create_upload(owner, id, Some(&content_type)).await?;
        (self.file.state.upload_id, self.file.state.progress) = (Some(upload_id.clone()), Some(progress));
        if let Err(stop) = self.write_down().await {
            self.import.objects.abort_upload(UploadRef { owner, id, upload_id: &upload_id }).await?; // else nobody would know of it
            (self.file.state.upload_id, self.file.state.resume) = (None, None);
            return Err(stop);
        }
        Ok(upload_id)
    }

    fn job(&self, target: &Target, location: Target, version: Version, upload_id: String) -> Job {
        Job {
            client: self.client.clone(),
            version,
            objects: self.import.objects.clone(),
            owner: self.file.owner,
            id: self.file.id,
            upload_id,
            target: target.clone(),
            location: Mutex::new(location),
            fetched: AtomicU64::new(0),
            on_their_way: AtomicU64::new(0),
        }
    }
}

/// The stored parts that are of the plan.
fn fitting(plan: PartPlan, stored: StoredParts) -> BTreeMap<u32, Part> {
    let numbered =
        stored.parts().into_iter().filter_map(|part| Some((u32::try_from(part.number).ok()?, part)));
    numbered.filter(|(number, part)| plan.length(*number) == Some(part.size)).collect()
}

/// In the user's words.
pub(crate) fn too_large(limit: u64) -> Stop {
    Stop::Refused(format!("the source is larger than your limit of {}", human_bytes(limit)))
}
