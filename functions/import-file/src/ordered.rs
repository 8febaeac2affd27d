use bytes::{Bytes, BytesMut};
use files_domain::{Checksum, Progress};
use sha2::{Digest, Sha256};
use tokio::time::{Duration, MissedTickBehavior};

use crate::begin::too_large;
use crate::finish::Fetched;
use crate::incoming::Incoming;
use crate::parts::{MAX_PARTS, PART_BYTES, PartUploads};
use crate::stop::Stop;
use crate::worker::Worker;

/// How often it is looked whether there is something to write down.
const TICK: Duration = Duration::from_millis(500);

/// Streams bytes that come in order into parts: one is filled while the one before is on its way, so memory holds two,
/// whatever the size.
pub(crate) struct Ordered<'w, 'a> {
    worker: &'w mut Worker<'a>,
    buffer: BytesMut,
    received: u64,
    hash: Sha256,
    uploads: PartUploads,
}

impl<'w, 'a> Ordered<'w, 'a> {
    pub(crate) fn new(worker: &'w mut Worker<'a>) -> Self {
        let uploads = PartUploads::new(worker.import.objects.clone(), worker.file.owner, worker.file.id);
        Self { worker, buffer: BytesMut::new(), received: 0, hash: Sha256::new(), uploads }
    }

    pub(crate) async fn run(mut self, mut source: impl Incoming) -> Result<Fetched, Stop> {
        let limit = self.worker.import.max_file_bytes.min(PART_BYTES as u64 * MAX_PARTS);
        if source.length().is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        while let Some(chunk) = self.next_chunk(&mut source).await? {
            self.received += chunk.len() as u64;
            if self.received > limit {
                return Err(too_large(limit));
            }
            self.hash.update(&chunk);
            self.take(&chunk, &source).await?;
        }
        self.finish(&source).await
    }

    /// The next bytes. What has come is written down while they are waited for.
    async fn next_chunk(&mut self, source: &mut impl Incoming) -> Result<Option<Bytes>, Stop> {
        let total = source.length();
        let mut next = std::pin::pin!(source.next_chunk());
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                chunk = &mut next => return chunk,
                _ = ticks.tick() => self.write_down_at_times(total).await?,
            }
        }
    }

    async fn write_down_at_times(&mut self, total: Option<u64>) -> Result<(), Stop> {
        self.worker.file.state.progress = Some(Progress { received: self.received, total });
        self.worker.write_down_at_times().await
    }

    /// Appends a chunk; each full part is sent off.
    async fn take(&mut self, mut chunk: &[u8], source: &impl Incoming) -> Result<(), Stop> {
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

    async fn send_part(&mut self, source: &impl Incoming) -> Result<(), Stop> {
        let progress = Progress { received: self.received, total: source.length() };
        let upload_id = match &self.worker.file.state.upload_id {
            Some(upload_id) => upload_id.clone(),
            None => self.worker.begin_upload(&source.said(), progress).await?,
        };
        let part = std::mem::take(&mut self.buffer).freeze();
        self.uploads.send(upload_id, part).await?;
        self.write_down_at_times(progress.total).await
    }

    async fn finish(mut self, source: &impl Incoming) -> Result<Fetched, Stop> {
        let mut whole = Bytes::new();
        if self.worker.file.state.upload_id.is_none() {
            whole = std::mem::take(&mut self.buffer).freeze();
        } else if !self.buffer.is_empty() {
            self.send_part(source).await?;
        }
        Ok(Fetched {
            size: self.received,
            checksum: Some(Checksum::Sha256(hex::encode(self.hash.finalize()))),
            said: source.said(),
            parts: self.uploads.finish().await?,
            whole,
        })
    }
}
