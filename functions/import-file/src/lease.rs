//! The lease of an import: updates of the record during a run, and the end of the run.

use std::time::{Duration, SystemTime};

use files_domain::{
    Announced, File, Import, Limit, OwnerLimits, Progress, Retrying, Streams, Timestamp, UploadRef, limits,
};
use files_objects::Objects;
use files_queues::ImportMessage;
use files_records::RecordsError;
use safe_fetch::{FetchError, Source};
use tokio::time::Instant;
use tracing::info;

use crate::error::{ImportError, TransientFailure};
use crate::fetched::SourceMetadata;
use crate::time_budget::TimeBudget;
use crate::{BoxError, ImportFile, ONE_STREAM_BYTES};

/// The minimum time between two writes of the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// An import that this run has claimed. Only this run writes its record, until the lease ends or another run claims the import
/// with a higher generation.
pub(crate) struct Lease<'a> {
    pub(crate) import: &'a ImportFile,
    pub(crate) file: File<Import>,
    pub(crate) budget: TimeBudget,
    /// Whether this run has stored a part that a later run can use.
    has_new_parts: bool,
    saved_at: Instant,
}

impl<'a> Lease<'a> {
    /// Creates the lease for a file that this run has just claimed. `deadline` is the end of the function's invocation.
    pub(crate) fn new(import: &'a ImportFile, file: File<Import>, deadline: SystemTime) -> Self {
        let budget = TimeBudget::until(deadline);
        Self { import, file, budget, has_new_parts: false, saved_at: Instant::now() }
    }

    /// Returns whether this run has stored something that a later run can use.
    pub(crate) fn has_new_parts(&self) -> bool {
        self.has_new_parts
    }

    /// Returns the limits of the file's owner.
    pub(crate) async fn limits(&self, now: Timestamp) -> Result<OwnerLimits, ImportError> {
        self.import.keys.limits(self.file.owner, now).await.map_err(|error| ImportError::Ours(error.into()))
    }

    /// Returns the most bytes that the file may have.
    pub(crate) fn largest_file(&self, limits: &OwnerLimits) -> u64 {
        let max = self.import.max_file_bytes;
        limits.get(Limit::FileBytes).map_or(max, |own| own.min(max))
    }

    /// Checks that a source of this size fits into the owner's limits, before its bytes are fetched. The commit checks again.
    pub(crate) async fn check_size(&self, size: u64) -> Result<(), ImportError> {
        let limits = self.limits(lambda_startup::now()).await?;
        let max = self.largest_file(&limits);
        let size = size.saturating_add(self.stored_streams());
        if size > max {
            return Err(ImportError::too_large(max));
        }
        if size <= ONE_STREAM_BYTES || limits.get(Limit::StoredBytes).is_none() {
            return Ok(());
        }
        let used = self.import.records.usage(self.file.owner).await?.stored_bytes;
        limits.check(Limit::StoredBytes, used, size).map_err(ImportError::over_limit)
    }

    /// Checks that a source that is read from its beginning again still sends the same file, or a new version of it. Sources send
    /// notices with status 200 too.
    ///
    /// # Errors
    /// [`FetchError::OtherFile`].
    pub(crate) fn check_same_file(&mut self, source: &Source) -> Result<(), ImportError> {
        let size = source.version.as_ref().map(|version| version.total).or(source.length);
        let now = Announced { size, content_type: source.content_type.clone() };
        let first = self.file.state.announced.get_or_insert_with(|| now.clone());
        if !now.continues(first, source.version.is_some()) {
            return Err(FetchError::OtherFile.into());
        }
        *first = now;
        Ok(())
    }

    /// Returns the objects that the import's upload belongs to: the files' own, or the temporary ones of the separate stream that is
    /// being fetched.
    pub(crate) fn objects(&self) -> Objects {
        match self.file.state.streams.as_deref().and_then(Streams::missing) {
            Some(kind) => self.import.objects.of_stream(kind),
            None => self.import.objects.clone(),
        }
    }

    /// Returns the size of the separate streams that are stored, in bytes.
    pub(crate) fn stored_streams(&self) -> u64 {
        self.file.state.streams.as_deref().map_or(0, Streams::size)
    }

    /// Notes how much of the source is fetched. The separate streams that are stored are added to it.
    pub(crate) fn note_progress(&mut self, received: u64, total: Option<u64>) {
        let stored = self.stored_streams();
        let (received, total) = (received + stored, total.map(|total| total + stored));
        self.file.state.progress = Some(Progress { received, total });
    }

    /// Forgets everything that has been fetched.
    ///
    /// # Errors
    /// S3 failed.
    pub(crate) async fn start_over(&mut self) -> Result<(), BoxError> {
        self.abort_upload().await?;
        self.delete_streams().await
    }

    /// Deletes the temporary objects of separate streams, if there are any.
    pub(crate) async fn delete_streams(&mut self) -> Result<(), BoxError> {
        if self.file.state.streams.take().is_some() {
            self.import.objects.delete_streams(self.file.owner, self.file.id).await?;
        }
        Ok(())
    }

    /// Records that a part is stored, and resets the failure counters.
    pub(crate) fn part_stored(&mut self) {
        self.has_new_parts = true;
        self.file.state.transient_failures = 0;
        if let Some(deadline) = &mut self.file.deadline {
            deadline.tries = 0;
        }
    }

    /// Saves the progress, the upload id and the resume state.
    ///
    /// # Errors
    /// [`ImportError::Lost`] if the lease is lost, [`ImportError::Ours`] if the call failed.
    pub(crate) async fn save(&mut self) -> Result<(), ImportError> {
        self.saved_at = Instant::now();
        self.import.records.save_progress(&self.file, lambda_startup::now()).await?;
        self.file.version += 1;
        Ok(())
    }

    /// Calls [`save`](Self::save), at most every [`PROGRESS_INTERVAL`].
    pub(crate) async fn save_at_intervals(&mut self) -> Result<(), ImportError> {
        if self.saved_at.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.save().await
    }

    /// Creates the multipart upload, and saves its id in the record before the first part is stored, so that deleting the file
    /// aborts the upload too.
    pub(crate) async fn begin_upload(
        &mut self,
        metadata: &SourceMetadata,
        progress: Progress,
    ) -> Result<String, ImportError> {
        let (owner, id) = (self.file.owner, self.file.id);
        let content_type = self.file.imported_type(metadata.name.as_ref(), metadata.content_type.as_deref());
        let upload_id = self.objects().create_upload(owner, id, Some(&content_type)).await?;
        self.file.state.upload_id = Some(upload_id.clone());
        self.note_progress(progress.received, progress.total);
        if let Err(error) = self.save().await {
            // Without a record of its id, no other process could abort the upload.
            self.objects().abort_upload(UploadRef { owner, id, upload_id: &upload_id }).await?;
            (self.file.state.upload_id, self.file.state.resume) = (None, None);
            return Err(error);
        }
        Ok(upload_id)
    }

    /// Aborts the upload, if there is one, and clears the resume state.
    pub(crate) async fn abort_upload(&mut self) -> Result<(), BoxError> {
        self.file.state.resume = None;
        if let Some(upload_id) = self.file.state.upload_id.take() {
            let upload = UploadRef { owner: self.file.owner, id: self.file.id, upload_id: &upload_id };
            self.objects().abort_upload(upload).await?;
        }
        Ok(())
    }

    /// Ends the lease according to the outcome of the run.
    ///
    /// # Errors
    /// The cause of [`ImportError::Ours`], or an error of the calls that end the lease: SQS delivers the message again.
    pub(crate) async fn conclude(
        mut self,
        message: &ImportMessage,
        outcome: Result<(), ImportError>,
    ) -> Result<(), BoxError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(ImportError::Refused(reason) | ImportError::Unusable(reason)) => self.fail(&reason).await,
            Err(ImportError::Source(error)) => self.fail(&error.for_user()).await,
            Err(ImportError::GivenUp(error)) => self.back_off(message, TransientFailure::from(&error)).await,
            Err(ImportError::OutOfTime) => self.continue_in_next_run(message).await,
            Err(ImportError::Lost) => self.release_lost().await,
            Err(ImportError::Ours(cause)) => Err(cause),
        }
    }

    /// Requeues without delay. A run that stored no part in its whole time budget counts as a transient failure.
    async fn continue_in_next_run(&mut self, message: &ImportMessage) -> Result<(), BoxError> {
        if !self.has_new_parts {
            let reason = "the source is too slow".to_owned();
            return self.back_off(message, TransientFailure { reason, retry_after: Duration::ZERO }).await;
        }
        self.file.state.retrying = None;
        self.requeue(message, Duration::ZERO).await
    }

    /// Requeues with a delay that grows with each consecutive failure, and saves the reason and the time of the next attempt.
    /// Fails the import after the last delay.
    async fn back_off(&mut self, message: &ImportMessage, failure: TransientFailure) -> Result<(), BoxError> {
        let delay = usize::try_from(self.file.state.transient_failures)
            .ok()
            .and_then(|count| limits::IMPORT_BACKOFFS.get(count));
        let Some(delay) = delay else {
            return self.fail(&failure.reason).await;
        };
        self.file.state.transient_failures += 1;
        if self.file.state.resume.is_none() {
            self.abort_upload().await?;
            self.file.state.progress = None;
        }
        let delay = failure.retry_after.max(*delay).min(limits::MAX_QUEUE_DELAY);
        let delay_s = delay.as_secs();
        info!(file = %self.file.id, outcome = "backs_off", reason = failure.reason, delay_s, "the import backs off");
        let next_try_at = lambda_startup::now().plus(delay);
        self.file.state.retrying = Some(Retrying { reason: failure.reason, next_try_at });
        self.requeue(message, delay).await
    }

    /// Releases the lease, then sends the message, so that the worker that receives it can claim the import. If the message is
    /// lost,
    /// `sweep` sends another one.
    async fn requeue(&mut self, message: &ImportMessage, delay: Duration) -> Result<(), BoxError> {
        let now = lambda_startup::now();
        let again_at = now.plus(delay + limits::IMPORT_SEND_GRACE);
        match self.import.records.release_import(&self.file, again_at, now).await {
            Ok(()) => {}
            Err(RecordsError::Changed) => return self.release_lost().await,
            Err(error) => return Err(error.into()),
        }
        self.import.queue.send_later(message, delay).await
    }

    /// Ends the run after the lease is lost. Aborts the upload unless the record still names it, because then another worker
    /// resumes it.
    async fn release_lost(&mut self) -> Result<(), BoxError> {
        info!(file = %self.file.id, "lost the lease: the file was deleted or another worker claimed it");
        let found = self.import.records.get_file(self.file.owner, self.file.id).await;
        match found {
            Ok((file, _)) if self.has_same_upload(&file) => Ok(()),
            Ok(file) if self.is_resumed(&file.0) => self.abort_upload().await,
            Ok(_) | Err(RecordsError::NotFound) => self.start_over().await,
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether another worker resumes the import from the streams that are stored.
    fn is_resumed(&self, file: &File) -> bool {
        matches!(&file.state, files_domain::FileState::Importing(import) if import.streams.is_some())
    }

    /// Returns whether this run has the latest claim of the file, and the import has not ended.
    pub(crate) fn is_ours(&self, file: &File) -> bool {
        file.generation == self.file.generation && !file.state.is_terminal()
    }

    fn has_same_upload(&self, file: &File) -> bool {
        let upload_id = file.state.upload_id();
        upload_id.is_some() && upload_id == self.file.state.upload_id.as_deref()
    }

    /// Fails the import. Aborts the upload first, because a failed record no longer names it. Does nothing if another worker has
    /// claimed the file.
    async fn fail(&mut self, reason: &str) -> Result<(), BoxError> {
        let now = lambda_startup::now();
        if self.file.state.upload_id.is_some() || self.file.state.streams.is_some() {
            match self.import.records.get_file(self.file.owner, self.file.id).await {
                Ok((file, _)) if file.generation != self.file.generation => return Ok(()),
                Ok(_) | Err(RecordsError::NotFound) => self.start_over().await?,
                Err(error) => return Err(error.into()),
            }
        }
        let failed = self.import.records.change_file(self.file.owner, self.file.id, |file| {
            if self.is_ours(&file) { file.failed(reason, now) } else { None }
        });
        failed.await?;
        info!(file = %self.file.id, outcome = "failed", reason, "import failed");
        Ok(())
    }
}
