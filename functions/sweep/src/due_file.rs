use files_domain::{
    BoxError, Detail, DueKind, File, FileId, ObjectMeta, OwnerId, ProbeDone, Probed, Source, SourceHeaders,
    Timestamp, limits,
};
use files_objects::{ObjectsError, Uploaded};
use files_queues::{ImportMessage, StoredObject};
use files_records::RecordsError;
use tracing::info;

use crate::Sweep;

const HEADERS_LOST: &str = "the headers for the source are kept only in the queue, and their message was lost: create the import again";

/// A file whose time has come.
struct DueFile {
    file: File,
    detail: Detail,
    /// Whether what is due may be tried (that try is counted already), or has been tried often enough.
    may_try: bool,
    now: Timestamp,
}

impl Sweep {
    /// Does what a file's record says is due. The index may lag, so the record has the last word. A try is counted before
    /// it is made: whatever goes wrong with it, the next one comes later, and some day it was the last.
    pub(crate) async fn finish_file(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let (before, detail) = match self.records.get_file(owner, id).await {
            Ok(found) => found,
            Err(RecordsError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let now = lambda_startup::now();
        let Some(due) = before.due.filter(|due| due.at <= now) else { return Ok(()) };
        info!(file = %id, due = ?due.kind, tries = due.tries, "due");
        let mut file = before.clone();
        let may_try = file.postpone_due(now);
        if detail.source_headers && due.kind == DueKind::Import {
            file.await_message();
        }
        if may_try {
            self.records.save_file(&before, &file).await?;
            file.version += 1;
        }
        if file.has_expired(now) {
            return self.remove_expired(&file, now).await;
        }
        let due_file = DueFile { file, detail, may_try, now };
        match due.kind {
            DueKind::Upload => self.finish_upload(&due_file).await,
            DueKind::Import => self.queue_import_again(&due_file).await,
            DueKind::Probe => self.finish_probing(&due_file).await,
            DueKind::Expire => Ok(()), // its time is not over: the index was ahead
        }
    }

    /// A presigned upload whose time is over: perhaps its bytes came and only the event was lost, or all of its parts and
    /// only the word that they are all.
    async fn finish_upload(&self, due: &DueFile) -> Result<(), BoxError> {
        if let Some(object) = self.stored(&due.file).await? {
            return self.probe_again(due, object).await;
        }
        if due.may_try && self.complete_whole(due).await? {
            return Ok(()); // S3's event has it probed
        }
        self.fail(due, "the upload expired: its bytes did not come in time").await
    }

    /// Completes an upload that nobody has completed, if just its parts are there.
    async fn complete_whole(&self, due: &DueFile) -> Result<bool, BoxError> {
        let (Some(plan), Some(upload)) = (due.file.part_plan(), due.file.upload_ref()) else {
            return Ok(false);
        };
        let parts = match self.objects.stored_parts(upload).await {
            Ok(stored) if plan.faults(&stored.list()).is_empty() => stored.parts(),
            Ok(_) | Err(ObjectsError::NoSuchUpload) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut completing = due.file.clone();
        if !completing.completing(upload.upload_id, due.now) {
            return Ok(false);
        }
        self.records.save_file(&due.file, &completing).await?;
        self.objects.complete_upload(upload, &parts).await?; // if it is gone, the next try sees to it
        Ok(true)
    }

    /// An import that was not sent, or whose worker is gone.
    async fn queue_import_again(&self, due: &DueFile) -> Result<(), BoxError> {
        let File { owner, id, .. } = due.file;
        match &due.detail.source_url {
            _ if due.detail.source_headers => self.await_message(due).await,
            Some(url) if due.may_try => {
                let (file_url, headers) = (url.clone(), SourceHeaders::default());
                self.imports.send(&ImportMessage { owner, id, file_url, headers }).await
            }
            _ => self.fail(due, "the import failed repeatedly").await,
        }
    }

    /// Only the message can say with which headers the source is to be asked: it waits in its queue, or comes again by
    /// itself once its worker is gone for longer than its visibility timeout. Nobody here can send another.
    async fn await_message(&self, due: &DueFile) -> Result<(), BoxError> {
        if due.may_try && due.now < due.file.message_lost_at() {
            return Ok(());
        }
        self.fail(due, HEADERS_LOST).await
    }

    /// Bytes that should be stored by now but are not probed.
    async fn finish_probing(&self, due: &DueFile) -> Result<(), BoxError> {
        let file = &due.file;
        if let Some(object) = self.stored(file).await? {
            return self.probe_again(due, object).await;
        }
        if let (Some(upload), true) = (file.upload_ref(), due.may_try) {
            let size = file.size.unwrap_or(0);
            let completed = self.objects.complete_stored_parts(upload, size).await?;
            // Gone may mean that another one's completion, which S3 took minutes for, has come to its end just now.
            if completed == Uploaded::Completed || self.stored(file).await?.is_some() {
                return Ok(()); // S3's event has it probed
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
        self.objects.delete_file(file.owner, file.id, file.upload_id.as_deref()).await?;
        if !file.may_still_receive_bytes() {
            self.records.forget_removed(file.owner, file.id).await?;
        }
        Ok(())
    }

    /// Only if nothing has happened to it since it was looked at. Its parts go first: a failed record no longer knows of
    /// them. Should a worker have begun on it just now, it throws them away itself.
    async fn fail(&self, due: &DueFile, reason: &str) -> Result<(), BoxError> {
        if let Some(upload) = due.file.upload_ref() {
            self.objects.abort_upload(upload).await?;
        }
        let mut after = due.file.clone();
        after.fail(reason, due.now);
        self.records.save_file(&due.file, &after).await?;
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

// A lease outlives the function's time, so a worker whose lease is over cannot still be at work.
const _: () = assert!(limits::IMPORT_LEASE.as_secs() > 300);
