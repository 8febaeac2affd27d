//! The third stage, for sources that are read as one stream.

use bytes::{Bytes, BytesMut};
use files_domain::{Checksum, Progress};
use sha2::{Digest, Sha256};
use tokio::time::{Duration, MissedTickBehavior, timeout};

use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::incoming::Incoming;
use crate::lease::Lease;
use crate::part_uploads::{MAX_PARTS, PART_BYTES, PartUploads};

/// The interval at which the progress is checked for saving.
const TICK: Duration = Duration::from_millis(500);

/// Transfers the bytes of a source in order, within the time budget.
///
/// # Errors
/// [`ImportError::Refused`] if the file is too large or the time is over, because a stream cannot be resumed; the errors of the
/// source, of S3 and of the lease.
pub(crate) async fn transfer_stream(
    lease: &mut Lease<'_>,
    source: Incoming,
    metadata: &SourceMetadata,
) -> Result<Fetched, ImportError> {
    let whole = timeout(lease.budget.left(), StreamTransfer::new(lease, metadata).run(source)).await;
    whole.unwrap_or_else(|_| {
        Err(ImportError::Refused("the source took too long and cannot be resumed".to_owned()))
    })
}

/// Fills one part while the previous one is uploaded. Memory holds at most two parts.
struct StreamTransfer<'w, 'a> {
    lease: &'w mut Lease<'a>,
    metadata: &'w SourceMetadata,
    buffer: BytesMut,
    received: u64,
    hash: Sha256,
    uploads: PartUploads,
}

impl<'w, 'a> StreamTransfer<'w, 'a> {
    fn new(lease: &'w mut Lease<'a>, metadata: &'w SourceMetadata) -> Self {
        let uploads = PartUploads::new(lease.objects(), lease.file.owner, lease.file.id);
        Self { lease, metadata, buffer: BytesMut::new(), received: 0, hash: Sha256::new(), uploads }
    }

    async fn run(mut self, mut source: Incoming) -> Result<Fetched, ImportError> {
        let limits = self.lease.limits(lambda_startup::now()).await?;
        let limit = self.lease.largest_file(&limits).min(PART_BYTES as u64 * MAX_PARTS);
        if source.length().is_some_and(|length| length > limit) {
            return Err(ImportError::too_large(limit));
        }
        while let Some(chunk) = self.next_chunk(&mut source).await? {
            self.received += chunk.len() as u64;
            if self.received > limit {
                return Err(ImportError::too_large(limit));
            }
            self.hash.update(&chunk);
            self.append(&chunk, &source).await?;
        }
        self.finish(&source).await
    }

    /// Returns the next bytes. Saves the progress while waiting for them.
    async fn next_chunk(&mut self, source: &mut Incoming) -> Result<Option<Bytes>, ImportError> {
        let total = source.length();
        let mut next = std::pin::pin!(source.next_chunk());
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                chunk = &mut next => return chunk,
                _ = ticks.tick() => self.save_at_intervals(total).await?,
            }
        }
    }

    async fn save_at_intervals(&mut self, total: Option<u64>) -> Result<(), ImportError> {
        self.lease.note_progress(self.received, total);
        self.lease.save_at_intervals().await
    }

    /// Appends a chunk, and uploads each full part.
    async fn append(&mut self, mut chunk: &[u8], source: &Incoming) -> Result<(), ImportError> {
        while !chunk.is_empty() {
            if self.buffer.capacity() == 0 {
                self.buffer.reserve(PART_BYTES); // in one allocation: growing would need memory for the old and the new buffer
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

    async fn send_part(&mut self, source: &Incoming) -> Result<(), ImportError> {
        let progress = Progress { received: self.received, total: source.length() };
        let upload_id = match &self.lease.file.state.upload_id {
            Some(upload_id) => upload_id.clone(),
            None => self.lease.begin_upload(self.metadata, progress).await?,
        };
        let part = std::mem::take(&mut self.buffer).freeze();
        self.uploads.send(upload_id, part).await?;
        self.save_at_intervals(progress.total).await
    }

    async fn finish(mut self, source: &Incoming) -> Result<Fetched, ImportError> {
        let sha256 = hex::encode(std::mem::take(&mut self.hash).finalize());
        if self.lease.file.state.upload_id.is_none() {
            return Ok(Fetched::Whole { bytes: std::mem::take(&mut self.buffer).freeze(), sha256 });
        }
        if !self.buffer.is_empty() {
            self.send_part(source).await?;
        }
        let (size, parts) = (self.received, self.uploads.finish().await?);
        Ok(Fetched::Parts { parts, size, checksum: Some(Checksum::Sha256(sha256)) })
    }
}
