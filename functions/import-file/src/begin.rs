//! How an import is begun, or gone on with.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use files_domain::{FileName, PartPlan, Progress, Resume, UploadRef, human_bytes, limits};
use files_objects::{ObjectsError, Part, StoredParts};
use files_queues::ImportMessage;
use media_source::{Content, MediaSource, Request, Resolved};
use safe_fetch::{FetchError, Source, SourceUrl, Target, Validator, Version};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::backoff;
use crate::finish::Fetched;
use crate::hash::PartsHash;
use crate::incoming::{Incoming, SourceMetadata};
use crate::job::Job;
use crate::ordered::Ordered;
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
        let request = Request::new(url, &order.headers).map_err(|error| Stop::Refused(error.to_string()))?;
        loop {
            self.page = None;
            let fetched = if let Some(ranged) = self.go_on(&request).await? {
                ranged.run().await
            } else {
                self.fetch_anew(&request).await
            };
            match fetched {
                // Who sends other bytes than it was asked for is not asked for parts again.
                Err(Stop::Source(FetchError::WrongRange)) if self.restarts < MAX_RESTARTS => {
                    self.restarts = MAX_RESTARTS;
                    info!(file = %self.file.id, "the source sends wrong parts");
                    self.abort_leftover().await.map_err(Stop::Ours)?;
                }
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
    async fn go_on(&mut self, request: &Request) -> Result<Option<Ranged<'_, 'a>>, Stop> {
        let (Some(resume), Some(upload_id)) = (self.file.resume.clone(), self.file.upload_id.clone()) else {
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
        let mut target = request.target.clone();
        if resume.of_page {
            let resolved = self.resolve(request).await?;
            (target, self.page) = (resolved.target, resolved.page);
        }
        let job = self.job(&target, target.clone(), version, upload_id);
        let name = resume.name.as_deref().and_then(FileName::clean);
        let metadata = SourceMetadata { name, content_type: resume.content_type.clone() };
        Ok(Some(Ranged::new(self, job, (resume.plan(), metadata), stored, hash, None)))
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

    async fn fetch_anew(&mut self, request: &Request) -> Result<Fetched, Stop> {
        let mut tries = 0;
        loop {
            self.abort_leftover().await.map_err(Stop::Ours)?;
            let error = match self.fetch_once(request).await {
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

    /// By what the URL leads to: a file in parts or in one stream, or the segments of a playlist.
    async fn fetch_once(&mut self, request: &Request) -> Result<Fetched, Stop> {
        let Resolved { content, target, name, content_type, page } = self.resolve(request).await?;
        self.page = page;
        let metadata = SourceMetadata { name, content_type };
        match content {
            Content::File(source) => self.fetch_file(&target, source, metadata).await,
            stream => self.fetch_in_order(Incoming::new(self.client.clone(), stream, metadata)).await,
        }
    }

    /// Resolves the URL in the time that is left.
    async fn resolve(&self, request: &Request) -> Result<Resolved, Stop> {
        let (client, import) = (self.client.clone(), self.import);
        let source = MediaSource { client, allowed: import.allowed.clone(), pages: import.pages.clone() };
        let resolved = timeout(self.hours.left(), source.resolve(request)).await;
        Ok(resolved.map_err(|_| Stop::GivenUp(FetchError::Timeout))??)
    }

    /// In one go: what comes so cannot be gone on with.
    async fn fetch_in_order(&mut self, source: Incoming) -> Result<Fetched, Stop> {
        let whole = timeout(self.hours.left(), Ordered::new(self).run(source)).await;
        whole.unwrap_or_else(|_| {
            Err(Stop::Refused("the source took too long and cannot be resumed".to_owned()))
        })
    }

    async fn fetch_file(
        &mut self,
        target: &Target,
        source: Box<Source>,
        metadata: SourceMetadata,
    ) -> Result<Fetched, Stop> {
        let max = self.import.max_file_bytes;
        if source.length.is_some_and(|length| length > max) {
            return Err(too_large(max));
        }
        match source.version.clone() {
            Some(version) if version.total > ONE_STREAM_BYTES => {
                self.begin(target, (*source, metadata), version).await?.run().await
            }
            _ => {
                self.fetch_in_order(Incoming::new(self.client.clone(), Content::File(source), metadata)).await
            }
        }
    }

    /// Begins to store a source in parts that can be asked for. What another run needs to go on is written down with the
    /// upload's id, before the first part.
    async fn begin(
        &mut self,
        target: &Target,
        (source, metadata): (Source, SourceMetadata),
        version: Version,
    ) -> Result<Ranged<'_, 'a>, Stop> {
        let plan = PartPlan::for_size(version.total).ok_or_else(|| too_large(limits::MAX_OBJECT_BYTES))?;
        let name = metadata.name.as_ref().filter(|_| self.file.name_from_source);
        self.file.resume = Some(Resume {
            size: version.total,
            part_size: plan.part_size(),
            validator: version.validator.as_str().to_owned(),
            restarts: self.restarts,
            name: name.map(|name| name.as_str().to_owned()),
            content_type: metadata.content_type.clone(),
            of_page: self.page.is_some(),
            hashed: None,
        });
        let upload_id =
            self.begin_upload(&metadata, Progress { received: 0, total: Some(version.total) }).await?;
        let job = self.job(target, source.target.clone(), version, upload_id);
        let hash = self.is_in_order().then(PartsHash::default);
        Ok(Ranged::new(self, job, (plan, metadata), BTreeMap::new(), hash, Some(source)))
    }

    /// The upload's id goes into the record before its first part: whoever deletes the file must know it.
    pub(crate) async fn begin_upload(
        &mut self,
        metadata: &SourceMetadata,
        progress: Progress,
    ) -> Result<String, Stop> {
        let (owner, id) = (self.file.owner, self.file.id);
        let content_type = self.file.imported_type(metadata.name.as_ref(), metadata.content_type.as_deref());
        let upload_id = self.import.objects.create_upload(owner, id, Some(&content_type)).await?;
        (self.file.upload_id, self.file.progress) = (Some(upload_id.clone()), Some(progress));
        if let Err(stop) = self.write_down().await {
            self.import.objects.abort_upload(UploadRef { owner, id, upload_id: &upload_id }).await?; // else nobody would know of it
            (self.file.upload_id, self.file.resume) = (None, None);
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
