use std::time::{Duration, SystemTime};

use files_domain::{
    ClaimImport, File, FileName, FileRecords, ImportMessage, ImportedObject, StoreError, change_file,
    clean_content_type,
};
use files_objects::{ObjectsError, Upload, Uploaded};
use safe_fetch::{Source, SourceHeaders, SourceUrl};
use tracing::{info, warn};

use crate::stop::Stop;
use crate::transfer::{Stored, Transfer};
use crate::{BoxError, ImportFile};

/// Tries of a source that may do better next time, and the pause before the second one.
const MAX_TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// What is left of the function's time when a transfer is given up: enough to clean up after it.
const CLEAN_UP_TIME: Duration = Duration::from_secs(15);

/// Brings one import to its end.
pub(crate) struct Worker<'a, R> {
    pub(crate) import: &'a ImportFile<R>,
    pub(crate) file: File,
    deadline: SystemTime,
}

impl<'a, R: ClaimImport + FileRecords + Sync> Worker<'a, R> {
    pub(crate) fn new(import: &'a ImportFile<R>, file: File, deadline: SystemTime) -> Self {
        Self { import, file, deadline }
    }

    pub(crate) async fn run(mut self, order: &ImportMessage) -> Result<(), BoxError> {
        if !self.file.importing && self.finish_stored().await? {
            return Ok(());
        }
        self.abort_leftover().await?;
        let time_left = self.deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let fetched = tokio::time::timeout(time_left.saturating_sub(CLEAN_UP_TIME), self.fetch(order)).await;
        // Once all bytes are there, no clock of ours fails the file any more: what is left is to be finished.
        let finished = match fetched {
            Ok(Ok((stored, source))) => self.finish(stored, source).await,
            Ok(Err(stop)) => Err(stop),
            Err(_) => Err(Stop::Refused("the source took too long".to_owned())),
        };
        match finished {
            Ok(()) => Ok(()),
            Err(Stop::Refused(reason)) => self.fail(&reason).await,
            Err(Stop::Source(error)) => self.fail(&error.for_user()).await,
            Err(Stop::NotOurs) => {
                info!(file = %self.file.id, "the import was deleted, or has another worker");
                self.abort_leftover().await
            }
            Err(Stop::Ours(cause)) => Err(cause),
        }
    }

    /// A worker before this one had fetched everything and died just before the end. `false`: not everything is there.
    async fn finish_stored(&self) -> Result<bool, BoxError> {
        let File { owner, id, .. } = self.file;
        match self.import.objects.head_file(owner, id).await {
            Ok(_) => return Ok(true),
            Err(ObjectsError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(upload_id) = &self.file.upload_id else {
            return Ok(false);
        };
        let size = self.file.size.unwrap_or(0);
        let completed = self.import.objects.complete_stored_parts(owner, id, upload_id, size).await?;
        Ok(completed == Uploaded::Completed)
    }

    /// Parts of a try before are thrown away: what the source gives now need not be what it gave then.
    async fn abort_leftover(&mut self) -> Result<(), BoxError> {
        if let Some(upload_id) = self.file.upload_id.take() {
            self.import.objects.abort_upload(self.file.owner, self.file.id, &upload_id).await?;
        }
        Ok(())
    }

    async fn fail(&mut self, reason: &str) -> Result<(), BoxError> {
        self.abort_leftover().await?;
        let (mine, now) = (self.file.generation, lambda_startup::now());
        let failed = change_file(&self.import.records, self.file.owner, self.file.id, |file| {
            let ours = file.generation == mine && !file.status.is_terminal();
            if ours {
                file.fail(reason, now);
            }
            ours
        });
        failed.await?;
        info!(file = %self.file.id, reason, "import failed");
        Ok(())
    }

    /// From the source's last byte to a completed object.
    async fn finish(&mut self, stored: Stored, source: Source) -> Result<(), Stop> {
        if self.file.announced_sha256.as_ref().is_some_and(|announced| *announced != stored.sha256) {
            return Err(Stop::Refused("the source's bytes do not have the announced SHA-256".to_owned()));
        }
        let object = ImportedObject {
            size: stored.size,
            sha256: stored.sha256.clone(),
            content_type: source.content_type.as_deref().and_then(clean_content_type),
            name: source.file_name.as_deref().and_then(FileName::clean),
            upload_id: self.file.upload_id.clone(),
        };
        let content_type = self.save_imported(object).await?;
        self.store(stored, content_type.as_deref()).await
    }

    /// Fetches all bytes, trying again what may do better next time.
    async fn fetch(&mut self, order: &ImportMessage) -> Result<(Stored, Source), Stop> {
        let url = SourceUrl::parse(&order.file_url, &self.import.allowed)
            .map_err(|error| Stop::Refused(error.to_string()))?;
        let headers =
            SourceHeaders::new(order.headers.iter()).map_err(|error| Stop::Refused(error.to_string()))?;
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.fetch_once(&url, &headers).await {
                Err(Stop::Source(error)) => error,
                other => return other,
            };
            warn!(file = %self.file.id, tries, error = %error, "the source failed");
            if tries == MAX_TRIES || !error.is_retryable() {
                return Err(Stop::Refused(error.for_user()));
            }
            self.abort_leftover().await.map_err(Stop::Ours)?;
            tokio::time::sleep(pause).await; // back-off between two tries, not a wait for an event
            pause *= 3;
        }
    }

    async fn fetch_once(
        &mut self,
        url: &SourceUrl,
        headers: &SourceHeaders,
    ) -> Result<(Stored, Source), Stop> {
        let mut source = self.import.client.get_with(url, headers).await?;
        let stored = Transfer::new(self).run(&mut source).await?;
        Ok((stored, source))
    }

    /// Writes down that all bytes are there, before they become an object: S3's event may come at once.
    /// Gives the media type that the file has.
    async fn save_imported(&mut self, object: ImportedObject) -> Result<Option<String>, Stop> {
        let now = lambda_startup::now();
        let (mine, records) = (self.file.generation, &self.import.records);
        let mut after = self.file.clone();
        after.imported(object.clone(), now);
        match records.save_file(&self.file, &after).await {
            Ok(()) => return Ok(after.content_type),
            Err(StoreError::Changed) => {} // perhaps only sweep, which has put off what is due: look
            Err(error) => return Err(Stop::Ours(error.into())),
        }
        let changed = change_file(records, self.file.owner, self.file.id, |file| {
            let ours = file.generation == mine && !file.status.is_terminal();
            if ours {
                file.imported(object.clone(), now);
            }
            ours
        });
        let saved = changed.await.map_err(|error| Stop::Ours(error.into()))?;
        saved.map(|file| file.content_type).ok_or(Stop::NotOurs)
    }

    /// Makes the bytes an object.
    async fn store(&self, stored: Stored, content_type: Option<&str>) -> Result<(), Stop> {
        let File { owner, id, .. } = self.file;
        let objects = &self.import.objects;
        match (&self.file.upload_id, stored.whole) {
            (Some(upload_id), _) => {
                objects.complete_upload(owner, id, upload_id, &stored.parts).await?;
            }
            (None, whole) => {
                let upload = Upload { size: stored.size, sha256: &stored.sha256, content_type };
                objects.put_file(owner, id, whole.into(), upload).await?;
            }
        }
        info!(file = %id, size_bytes = stored.size, parts = stored.parts.len(), "imported");
        Ok(())
    }
}
