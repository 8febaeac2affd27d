use files_domain::{
    BoxError, Detail, DueKind, File, FileId, FileRecords, FinishProbe, ObjectMeta, OwnerId, ProbeDone,
    Probed, QueueImport, QueueProbe, RemoveFile, Source, StoreError, Timestamp, fail_file, limits,
};
use files_objects::{ObjectsError, Uploaded};
use tracing::info;

use crate::Sweep;

impl Sweep {
    /// Does what a file's record says is due. The index may lag, so the record has the last word.
    pub(crate) async fn finish_file(&self, owner: OwnerId, id: FileId) -> Result<(), BoxError> {
        let (file, detail) = match self.records.get_file(owner, id).await {
            Ok(found) => found,
            Err(StoreError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let now = lambda_startup::now();
        let Some(due) = file.due.filter(|due| due.at <= now) else {
            return Ok(());
        };
        info!(file = %id, due = ?due.kind, tries = due.tries, "due");
        if file.has_expired(now) {
            return self.remove_expired(&file, now).await;
        }
        match due.kind {
            DueKind::Upload => self.finish_upload(&file, now).await,
            DueKind::Import => self.queue_import_again(&file, &detail, now).await,
            DueKind::Probe => self.finish_probing(&file, &detail, now).await,
            DueKind::Expire => self.remove_expired(&file, now).await,
        }
    }

    /// A presigned upload whose time is over: perhaps its bytes came and only the event was lost.
    async fn finish_upload(&self, file: &File, now: Timestamp) -> Result<(), BoxError> {
        match self.stored(file).await? {
            Some(object) => self.probe_again(file, object, now).await,
            None => self.fail(file, "the upload expired: its bytes did not come in time", now).await,
        }
    }

    /// An import that was not sent, or whose worker is gone.
    async fn queue_import_again(&self, file: &File, detail: &Detail, now: Timestamp) -> Result<(), BoxError> {
        let Some(url) = &detail.source_url else {
            return self.fail(file, "the import's URL is lost", now).await;
        };
        let mut after = file.clone();
        if !after.postpone_due(now) {
            return self.fail(file, "the import failed repeatedly", now).await;
        }
        self.records.save_file(file, &after).await?;
        self.imports.queue_import(file.owner, file.id, url).await
    }

    /// Bytes that should be stored by now but are not probed.
    async fn finish_probing(&self, file: &File, detail: &Detail, now: Timestamp) -> Result<(), BoxError> {
        if let Some(object) = self.stored(file).await? {
            return self.probe_again(file, object, now).await;
        }
        if let Some(upload_id) = &file.upload_id {
            let completed = self.objects.complete_stored_parts(file.owner, file.id, upload_id).await?;
            if completed == Uploaded::Completed {
                return self.postpone(file, now).await.map(|_| ()); // S3's event has it probed
            }
        }
        match file.source {
            Source::Url => self.queue_import_again(file, detail, now).await,
            Source::Upload => self.fail(file, "the upload did not reach its storage", now).await,
        }
    }

    async fn probe_again(&self, file: &File, object: ObjectMeta, now: Timestamp) -> Result<(), BoxError> {
        if self.postpone(file, now).await? {
            return self.probes.queue_probe(file.owner, file.id).await;
        }
        let probed =
            Probed::Unreadable("the file could not be probed: ffprobe was tried several times".to_owned());
        let done = ProbeDone { object, probed, full: None, now };
        self.records.finish_probe(file.owner, file.id, &done).await?;
        Ok(())
    }

    /// `false`: it was tried often enough.
    async fn postpone(&self, file: &File, now: Timestamp) -> Result<bool, BoxError> {
        let mut after = file.clone();
        if !after.postpone_due(now) {
            return Ok(false);
        }
        self.records.save_file(file, &after).await?;
        Ok(true)
    }

    async fn remove_expired(&self, file: &File, now: Timestamp) -> Result<(), BoxError> {
        self.records.remove_file(None, file, now).await?;
        self.objects.delete_file(file.owner, file.id, file.upload_id.as_deref()).await?;
        if !file.may_still_receive_bytes() {
            self.records.forget_removed(file.owner, file.id).await?;
        }
        Ok(())
    }

    async fn fail(&self, file: &File, reason: &str, now: Timestamp) -> Result<(), BoxError> {
        if let Some(upload_id) = &file.upload_id {
            self.objects.abort_upload(file.owner, file.id, upload_id).await?;
        }
        fail_file(&self.records, file.owner, file.id, reason, now).await?;
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
