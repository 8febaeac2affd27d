//! Reads the source through the cache, within the read budgets.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_process::Content;
use tokio::sync::{Mutex, Notify};

use crate::cache::{BLOCK, BlockCache};
use crate::halt::{Halt, Reason};
use crate::limits::Limits;
use crate::read_ahead::{ReadAhead, blocks};
use crate::source::{RangeSource, ReadError};

// A read is aborted if a budget is exceeded, or for the reason in [`Halt`].
pub(crate) use media_process::ReadAborted;

/// A source, read through a cache that all connections of ffprobe share.
pub(crate) struct Reader<S> {
    source: Arc<S>,
    size: u64,
    visible_size: AtomicU64,
    max_bytes: AtomicU64,
    max_requests: u64,
    requests: AtomicU64,
    reads: AtomicU64,
    read_bytes: AtomicU64,
    halt: Arc<Halt>,
    budget: Budget,
    waiting: StdMutex<Waiting>,
    excerpt: OnceLock<Excerpt>,
    // Locked during a read, so that no block is read twice; ffprobe waits for one read at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cache: BlockCache,
    ahead: ReadAhead,
}

/// A file that consists of some bytes and of a part of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) head: Bytes,
    pub(crate) part: Range<u64>,
}

/// A budget that was exceeded, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExceededBudget {
    Bytes(u64),
    Requests(u64),
}

/// Holds the first budget that is exceeded, and wakes the probe.
#[derive(Debug, Default)]
struct Budget {
    exceeded: OnceLock<ExceededBudget>,
    changed: Notify,
}

/// Time spent waiting for the source.
#[derive(Default)]
struct Waiting {
    total: Duration,
    since: Option<Instant>,
}

impl<S: RangeSource> Reader<S> {
    pub(crate) fn new(source: Arc<S>, limits: &Limits, halt: Arc<Halt>) -> Self {
        Self {
            size: source.size(),
            visible_size: AtomicU64::new(source.size()),
            source,
            max_bytes: AtomicU64::new(limits.max_read_bytes),
            max_requests: limits.max_requests,
            requests: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            halt,
            budget: Budget::default(),
            waiting: StdMutex::default(),
            excerpt: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// Returns the file's size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the size of the part that is visible to ffprobe.
    pub(crate) fn visible_size(&self) -> u64 {
        self.visible_size.load(Ordering::Relaxed)
    }

    /// Truncates the file at `end` for ffprobe.
    pub(crate) fn truncate(&self, end: u64) {
        self.visible_size.store(end.min(self.size), Ordering::Relaxed);
    }

    /// Serves this instead of the file from now on, and reads nothing after it.
    pub(crate) fn serve_only(&self, excerpt: Excerpt) {
        self.truncate(excerpt.part.end);
        // The first one stays.
        let _ = self.excerpt.set(excerpt);
    }

    /// Allows only this many more bytes, within the budget.
    pub(crate) fn allow(&self, bytes: u64) {
        let most = self.read_bytes.load(Ordering::Relaxed).saturating_add(bytes);
        self.max_bytes.fetch_min(most, Ordering::Relaxed);
    }

    /// Reads these bytes through the cache. They must lie within the file.
    pub(crate) async fn bytes(&self, range: Range<u64>) -> Result<Vec<u8>, ReadAborted> {
        let mut bytes = Vec::new();
        while let position = range.start + bytes.len() as u64
            && position < range.end
        {
            let chunk = self.block(position).await?;
            let left = usize::try_from(range.end - position).unwrap_or(usize::MAX);
            bytes.extend_from_slice(&chunk[..chunk.len().min(left)]);
        }
        Ok(bytes)
    }

    /// Reads these bytes in one read that bypasses the cache. They must lie within the file.
    pub(crate) async fn fetch(&self, range: Range<u64>) -> Result<Bytes, ReadAborted> {
        if range.is_empty() { Ok(Bytes::new()) } else { self.read(range).await }
    }

    /// Returns the bytes of the file from `position` to the end of its block at most; never empty for a position within the file.
    async fn block(&self, position: u64) -> Result<Bytes, ReadAborted> {
        let block = position / BLOCK;
        let mut state = self.state.lock().await;
        if !state.cache.contains(block) {
            self.fill(&mut state, block).await?;
        }
        let offset = usize::try_from(position % BLOCK).unwrap_or(usize::MAX);
        match state.cache.get(block) {
            Some(bytes) if offset < bytes.len() => Ok(bytes.slice(offset..)),
            _ => self.end(Reason::Source(ReadError::new("read outside of the object"))),
        }
    }

    async fn fill(&self, state: &mut State, block: u64) -> Result<(), ReadAborted> {
        let State { cache, ahead } = state;
        let plan = ahead.plan(block, blocks(self.visible_size()), |other| cache.contains(other));
        let bytes = self.read(plan.start * BLOCK..(plan.end * BLOCK).min(self.size)).await?;
        cache.insert(plan.start, &bytes);
        Ok(())
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, ReadAborted> {
        let length = range.end - range.start;
        if self.reads.load(Ordering::Relaxed) >= self.max_requests {
            return self.exceed(ExceededBudget::Requests(self.max_requests));
        }
        let max_bytes = self.max_bytes.load(Ordering::Relaxed);
        if self.read_bytes.load(Ordering::Relaxed).saturating_add(length) > max_bytes {
            return self.exceed(ExceededBudget::Bytes(max_bytes));
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_bytes.fetch_add(length, Ordering::Relaxed);
        let timer = Timer::start(&self.waiting, &self.halt);
        let result = self.source.read(range.start, range.end).await;
        drop(timer);
        match result {
            Ok(bytes) if bytes.len() as u64 == length => Ok(bytes),
            Ok(bytes) => self.end(Reason::Source(ReadError::new(format!(
                "the source returned {} bytes of {length} at {}",
                bytes.len(),
                range.start
            )))),
            Err(error) => self.end(Reason::Source(error)),
        }
    }

    /// Returns the first budget that was exceeded, if any. ffprobe reads an incomplete file after that.
    pub(crate) fn exceeded_budget(&self) -> Option<ExceededBudget> {
        self.budget.exceeded.get().copied()
    }

    /// Waits until a budget is exceeded. Supports one waiter.
    pub(crate) async fn until_budget_exceeded(&self) {
        self.budget.changed.notified().await;
    }

    fn exceed<T>(&self, budget: ExceededBudget) -> Result<T, ReadAborted> {
        if self.budget.exceeded.set(budget).is_ok() {
            self.budget.changed.notify_one();
        }
        Err(ReadAborted)
    }

    fn end<T>(&self, reason: Reason) -> Result<T, ReadAborted> {
        self.halt.raise(reason);
        Err(ReadAborted)
    }

    /// Returns the time spent waiting for the source, including a read in progress.
    pub(crate) fn waited(&self) -> Duration {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.total + waiting.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns the number of reads of the source and their bytes, for the log.
    pub(crate) fn used(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed), self.read_bytes.load(Ordering::Relaxed))
    }
}

impl<S: RangeSource> Content for Reader<S> {
    fn length(&self) -> u64 {
        match self.excerpt.get() {
            Some(Excerpt { head, part }) => head.len() as u64 + (part.end - part.start),
            None => self.visible_size(),
        }
    }

    fn count_request(&self) -> Result<(), ReadAborted> {
        if self.requests.fetch_add(1, Ordering::Relaxed) < self.max_requests {
            return Ok(());
        }
        self.exceed(ExceededBudget::Requests(self.max_requests))
    }

    /// The bytes from `position` to the end of its block at most; never empty for a position within the file.
    async fn chunk(&self, position: u64) -> Result<Bytes, ReadAborted> {
        let Some(Excerpt { head, part }) = self.excerpt.get() else { return self.block(position).await };
        match usize::try_from(position) {
            Ok(position) if position < head.len() => Ok(head.slice(position..)),
            _ => {
                let position = part.start.saturating_add(position - head.len() as u64);
                let mut bytes = self.block(position).await?;
                bytes.truncate(usize::try_from(part.end.saturating_sub(position)).unwrap_or(usize::MAX));
                Ok(bytes)
            }
        }
    }
}

/// Adds the time until it is dropped, which a cancelled read does too.
struct Timer<'a> {
    waiting: &'a StdMutex<Waiting>,
    halt: &'a Halt,
}

impl<'a> Timer<'a> {
    fn start(waiting: &'a StdMutex<Waiting>, halt: &'a Halt) -> Self {
        waiting.lock().unwrap_or_else(PoisonError::into_inner).since = Some(Instant::now());
        Self { waiting, halt }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A panic ends only the connection, which ffprobe would take for the end of the file.
            self.halt.raise(Reason::Source(ReadError::new("the source panicked")));
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = waiting.since.take() {
            waiting.total += since.elapsed();
        }
    }
}
