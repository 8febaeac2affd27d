use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use files_domain::{ClaimImport, FileName, FileRecords, Progress, StoreError, clean_content_type};
use files_objects::Part;
use safe_fetch::Source;
use sha2::{Digest, Sha256};

use crate::parts::{MAX_PARTS, PART_BYTES, PartUploads};
use crate::stop::Stop;
use crate::worker::Worker;

/// How often at most what has arrived is written down.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// Bytes that have arrived: as parts of an upload, or, if they are few, here.
pub(crate) struct Stored {
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) whole: Bytes,
}

/// Streams a source into parts: one is filled while the one before is on its way, so memory holds two, whatever the size.
pub(crate) struct Transfer<'w, 'a, R> {
    worker: &'w mut Worker<'a, R>,
    buffer: BytesMut,
    hash: Sha256,
    uploads: PartUploads,
    written_down: Option<Instant>,
}

impl<'w, 'a, R: ClaimImport + FileRecords + Sync> Transfer<'w, 'a, R> {
    pub(crate) fn new(worker: &'w mut Worker<'a, R>) -> Self {
        let uploads = PartUploads::new(worker.import.objects.clone(), worker.file.owner, worker.file.id);
        Self { worker, buffer: BytesMut::new(), hash: Sha256::new(), uploads, written_down: None }
    }

    pub(crate) async fn run(mut self, source: &mut Source) -> Result<Stored, Stop> {
        let limit = self.worker.import.max_file_bytes.min(PART_BYTES as u64 * MAX_PARTS);
        if source.length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        while let Some(chunk) = source.next_chunk().await? {
            if source.received() > limit {
                return Err(too_large(limit));
            }
            self.hash.update(&chunk);
            self.take(&chunk, source).await?;
        }
        self.finish(source).await
    }

    /// Appends a chunk; each full part is sent off.
    async fn take(&mut self, mut chunk: &[u8], source: &Source) -> Result<(), Stop> {
        while !chunk.is_empty() {
            if self.buffer.capacity() == 0 {
                self.buffer.reserve(PART_BYTES); // at once: growing would hold the old and the new
            }
            let (now, later) = chunk.split_at(chunk.len().min(PART_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            chunk = later;
            if self.buffer.len() == PART_BYTES {
                self.send_part(source).await?;
            }
        }
        Ok(())
    }

    async fn send_part(&mut self, source: &Source) -> Result<(), Stop> {
        if self.worker.file.upload_id.is_none() {
            self.begin_upload(source).await?;
        }
        let upload_id = self.worker.file.upload_id.clone().unwrap_or_default();
        let part = std::mem::take(&mut self.buffer).freeze();
        self.uploads.send(upload_id, part).await?;
        if self.written_down.is_none_or(|at| at.elapsed() >= PROGRESS_INTERVAL) {
            self.write_down(source).await?;
        }
        Ok(())
    }

    /// The upload's id goes into the record before its first part: whoever deletes the file must know it.
    async fn begin_upload(&mut self, source: &Source) -> Result<(), Stop> {
        let (owner, id) = (self.worker.file.owner, self.worker.file.id);
        let name = source.file_name.as_deref().and_then(FileName::clean);
        let stated = source.content_type.as_deref().and_then(clean_content_type);
        let content_type = self.worker.file.imported_type(name.as_ref(), stated.as_deref());
        let upload_id = self.worker.import.objects.create_upload(owner, id, Some(&content_type)).await?;
        self.worker.file.upload_id = Some(upload_id.clone());
        let written = self.write_down(source).await;
        if written.is_err() {
            self.worker.import.objects.abort_upload(owner, id, &upload_id).await?; // else nobody would know of it
            self.worker.file.upload_id = None;
        }
        written
    }

    async fn write_down(&mut self, source: &Source) -> Result<(), Stop> {
        let progress = Progress { received: source.received(), total: source.length };
        let file = &mut self.worker.file;
        let records = &self.worker.import.records;
        match records.save_progress(file, progress, file.upload_id.as_deref(), lambda_startup::now()).await {
            Ok(()) => {
                file.version += 1;
                self.written_down = Some(Instant::now());
                Ok(())
            }
            Err(StoreError::Changed) => Err(Stop::NotOurs),
            Err(error) => Err(Stop::Ours(error.into())),
        }
    }

    async fn finish(mut self, source: &Source) -> Result<Stored, Stop> {
        let mut whole = Bytes::new();
        if self.worker.file.upload_id.is_none() {
            whole = std::mem::take(&mut self.buffer).freeze();
        } else if !self.buffer.is_empty() {
            self.send_part(source).await?;
        }
        let parts = self.uploads.finish().await?;
        Ok(Stored { size: source.received(), sha256: hex::encode(self.hash.finalize()), parts, whole })
    }
}

fn too_large(limit: u64) -> Stop {
    Stop::Refused(format!("the source is larger than the limit of {limit} bytes"))
}
