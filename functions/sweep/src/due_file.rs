use files_domain::{
    BoxError, Detail, File, FileId, FileState, ObjectMeta, OwnerId, ProbeDone, Probed, Source, SourceHeaders,
    Timestamp, Unfinished, limits,
};
use files_objects::{ObjectsError, Uploaded};
use files_queues::{ImportMessage, StoredObject};
use files_records::RecordsError;
use tracing::info;

use crate::Sweep;

const HEADERS_LOST: &str = "the headers for the source are kept only in the queue, and their message was lost: create the import again";

/// A file whose deadline has passed.
struct DueFile {
    file: File,
    detail: Detail,
    /// Whether another try is allowed. The try is already counted.
    may_try: bool,
    now: Timestamp,
}

impl Sweep {
    /// Finishes a file whose deadline has passed. The index is eventually consistent, so the record is read again. A try is counted
    /// before it is made, so that tries back off and end even if they crash.
    pub(crate) async fn finish_file(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let (before, detail) = match self.records.get_file(owner, id).await {
            Ok(found) => found,
            Err(RecordsError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let now = lambda_startup::now();
        let Some(deadline) = before.deadline.filter(|deadline| deadline.at <= now) else { return Ok(()) };
        info!(file = %id, status = %before.status(), tries = deadline.tries, "deadline passed");
        let due = self.count_try(before, detail, now).await?;
        if due.file.has_expired(now) {
            return self.remove_expired(&due.file, now).await;
        }
        match due.file.state {
            FileState::AwaitingUpload | FileState::AwaitingParts(_) => self.finish_upload(&due).await,
            FileState::Importing(_) => self.queue_import_again(&due).await,
            FileState::Probing(_) => self.finish_probing(&due).await,
            FileState::Stored(_) | FileState::Failed { .. } => Ok(()), // it has not expired: the index was outdated
        }
    }

    /// Postpones the deadline in the record, if another try is allowed.
    async fn count_try(&self, before: File, detail: Detail, now: Timestamp) -> Result<DueFile, BoxError> {
        let postponed = before.clone().postponed(now);
        let may_try = postponed.is_some();
        let mut file = postponed.unwrap_or_else(|| before.clone());
        if detail.source_headers && file.import().is_some() {
            file = file.awaiting_message();
        }
        if may_try {
            self.records.save_file(&before, &file).await?;
            file.version += 1;
        }
        Ok(DueFile { file, detail, may_try, now })
    }

    /// Finishes an upload whose window is over. Its bytes may be stored and S3's event lost, or all its parts may be stored and only
    /// the request to complete it missing.
    async fn finish_upload(&self, due: &DueFile) -> Result<(), BoxError> {
        if let Some(object) = self.stored(&due.file).await? {
            return self.probe_again(due, object).await;
        }
        if due.may_try && self.complete_whole(due).await? {
            return Ok(()); // S3's event starts the probe
        }
        self.fail(due, "the upload expired: its bytes did not come in time").await
    }

    /// Completes a multipart upload if exactly its parts are stored.
    async fn complete_whole(&self, due: &DueFile) -> Result<bool, BoxError> {
        let (Some(plan), Some(upload)) = (due.file.part_plan(), due.file.upload_ref()) else {
            return Ok(false);
        };
        let parts = match self.objects.stored_parts(upload).await {
            Ok(stored) if plan.faults(&stored.list()).is_empty() => stored.parts(),
            Ok(_) | Err(ObjectsError::NoSuchUpload) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let Some(completing) = due.file.clone().completing(upload.upload_id, due.now) else {
            return Ok(false);
        };
        self.records.save_file(&due.file, &completing).await?;
        self.objects.complete_upload(upload, &parts).await?; // if the upload does not exist, the next try fails the file
        Ok(true)
    }

    /// Queues an import that was not queued, or whose worker crashed.
    async fn queue_import_again(&self, due: &DueFile) -> Result<(), BoxError> {
        let File { owner, id, .. } = due.file;
        match &due.detail.source_url {
            _ if due.detail.source_headers => self.await_message(due).await,
            Some(url) if due.may_try => {
                let (file_url, headers) = (url.clone(), SourceHeaders::default());
                self.imports.send(&ImportMessage { owner, id, file_url, headers, put_back: 0 }).await
            }
            _ => self.fail(due, "the import failed repeatedly").await,
        }
    }

    /// Waits for the message of an import with headers, which only the message contains. It is in the queue, or visible again after
    /// the visibility timeout. `sweep` cannot send another.
    async fn await_message(&self, due: &DueFile) -> Result<(), BoxError> {
        if due.may_try && due.now < due.file.message_lost_at() {
            return Ok(());
        }
        self.fail(due, HEADERS_LOST).await
    }

    /// Finishes a file whose probe is overdue.
    async fn finish_probing(&self, due: &DueFile) -> Result<(), BoxError> {
        let file = &due.file;
        if let Some(object) = self.stored(file).await? {
            return self.probe_again(due, object).await;
        }
        if let (Some(upload), true) = (file.upload_ref(), due.may_try) {
            let size = file.size.unwrap_or(0);
            let completed = self.objects.complete_stored_parts(upload, size).await?;
            // If the upload does not exist, another completion, which may take minutes, may have just ended.
            if completed == Uploaded::Completed || self.stored(file).await?.is_some() {
                return Ok(()); // S3's event starts the probe
            }
        }
        match file.source {
            Source::Url => self.queue_import_again(due).await,
            Source::Upload => self.fail(due, "the upload did not reach its storage").await,
        }
    }

    async fn probe_again(&self, due: &DueFile, object: ObjectMeta) -> Result<(), BoxError> {
        let File { owner, id, .. } = due.file;
        if due.may_try {
            let bucket = self.objects.bucket().to_owned();
            return self.probes.send(&StoredObject { bucket, owner, id }).await;
        }
        let probed =
            Probed::Unreadable("the file could not be probed: ffprobe was tried several times".to_owned());
        self.records.finish_probe(owner, id, &ProbeDone::new(object, probed, due.now)).await?;
        Ok(())
    }

    async fn remove_expired(&self, file: &File, now: Timestamp) -> Result<(), BoxError> {
        self.records.remove_file(file, now).await?;
        match file.presigned_put_end(now) {
            Some(_) => self.objects.block_file(file.owner, file.id).await?,
            None => {
                self.objects.discard(file.owner, file.id, &Unfinished::of(file)).await?;
                self.objects.delete_file(file.owner, file.id).await?;
            }
        }
        if !file.may_still_receive_bytes(now) {
            self.records.delete_removal_entry(file.owner, file.id).await?;
        }
        Ok(())
    }

    /// Fails a file unless its record has changed since it was read. Aborts its multipart upload and deletes temporary objects
    /// first, since a failed record does not name them. A worker that has just claimed the file does so itself.
    async fn fail(&self, due: &DueFile, reason: &str) -> Result<(), BoxError> {
        self.objects.discard(due.file.owner, due.file.id, &Unfinished::of(&due.file)).await?;
        if let Some(failed) = due.file.clone().failed(reason, due.now) {
            self.records.save_file(&due.file, &failed).await?;
        }
        Ok(())
    }

    async fn stored(&self, file: &File) -> Result<Option<ObjectMeta>, BoxError> {
        match self.objects.head_file(file.owner, file.id).await {
            Ok(object) => Ok(Some(object)),
            Err(ObjectsError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

// A lease is longer than the function's timeout, so a worker whose lease has expired has ended.
const _: () = assert!(limits::IMPORT_LEASE.as_secs() > 300);
