//! The third stage, for sources that support range requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use files_domain::{Checksum, PartPlan};
use files_objects::{Part, checksum_of_parts};
use safe_fetch::FetchError;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::concurrency::Concurrency;
use crate::error::ImportError;
use crate::fetched::Fetched;
use crate::hash::PartsHash;
use crate::lease::Lease;
use crate::plan::RangesPlan;
use crate::ranged_source::RangedSource;
use crate::reader::Reader;
use crate::transfer_part::{PartError, PartOutcome, Piece, transfer_part};
use crate::{BoxError, backoff};

/// The number of consecutive failures of the source, or of S3, that end this run.
const MAX_FAILURES: u32 = 5;
/// The interval at which the time budget, the throughput and the progress are checked.
const TICK: Duration = Duration::from_millis(250);

/// The transfer of a source in ranges.
struct RangesTransfer<'w, 'a> {
    lease: &'w mut Lease<'a>,
    source: Arc<RangedSource>,
    parts: PartPlan,
    missing: BTreeSet<u32>,
    stored: BTreeMap<u32, Part>,
    running: JoinSet<PartOutcome>,
    connections: Concurrency,
    /// The hash of the stored parts, if they are fetched in order.
    hash: Option<PartsHash>,
    /// The reader whose open response may contain the next part: that of the previous part, or of the first response.
    reader: Option<Reader>,
    /// Whether the first response is still being read, and no other connection has returned a part.
    has_first_response: bool,
    /// Whether the source refuses all requests but the first one.
    is_only_response: bool,
    failures: Failures,
    /// The end of the current backoff.
    backoff_until: Option<Instant>,
    /// The recent maximum time for a part. It decays by half per part.
    part_time: Duration,
}

/// Returns whether the error of another connection than the first one indicates that the URL is valid for one request only: the
/// request was refused, redirected elsewhere, or has another response than a range. A new version, and errors that may pass or that
/// the number of connections may have caused, indicate nothing.
fn indicates_one_request(error: &FetchError) -> bool {
    use FetchError::{Changed, DnsTemporary, OtherFile, Stalled, Timeout, Truncated};
    match error.cause() {
        OtherFile => true,
        Changed | Timeout | Stalled | Truncated | DnsTemporary(_) => false,
        _ => !error.may_be_too_many_connections(),
    }
}

/// The consecutive failures since a part was last stored.
struct Failures {
    source: u32,
    objects: u32,
    /// The time of the last counted failure. Failures of parts that began before it are not counted again.
    counted: Instant,
}

/// Transfers the missing parts: over several connections, or in order over one connection if they are hashed.
///
/// # Errors
/// [`ImportError::Source`] for a permanent error of the source, [`ImportError::GivenUp`] after too many transient ones,
/// [`ImportError::OutOfTime`] if the time budget is spent, [`ImportError::Lost`] if the upload or the lease is lost,
/// [`ImportError::Ours`] if S3 or DynamoDB failed.
pub(crate) async fn transfer_ranges(lease: &mut Lease<'_>, plan: RangesPlan) -> Result<Fetched, ImportError> {
    RangesTransfer::new(lease, plan).run().await
}

impl<'w, 'a> RangesTransfer<'w, 'a> {
    fn new(lease: &'w mut Lease<'a>, plan: RangesPlan) -> Self {
        let RangesPlan { source, parts, stored, hash, response } = plan;
        let source = Arc::new(source);
        let has_first_response = response.is_some();
        let reader = Reader::new(source.clone(), response, hash.is_some());
        Self {
            lease,
            parts,
            missing: (1..=parts.count()).filter(|number| !stored.contains_key(number)).collect(),
            stored,
            running: JoinSet::new(),
            connections: if hash.is_some() { Concurrency::one() } else { Concurrency::new() },
            hash,
            reader: Some(reader),
            has_first_response,
            is_only_response: false,
            failures: Failures { source: 0, objects: 0, counted: Instant::now() },
            backoff_until: None,
            part_time: Duration::ZERO,
            source,
        }
    }

    async fn run(mut self) -> Result<Fetched, ImportError> {
        let outcome = self.fetch_missing().await;
        self.running.shutdown().await; // no part may be stored after this point
        self.source.in_transit.store(0, Ordering::Relaxed);
        self.note_progress();
        outcome?;
        info!(file = %self.source.id, parts = self.stored.len(), connections = self.connections.limit(), "all parts are stored");
        let parts: Vec<Part> = self.stored.into_values().collect();
        let sha256 = self.hash.map(|hash| Checksum::Sha256(hash.finish()));
        Ok(Fetched::Parts {
            size: self.source.version.total,
            checksum: sha256.or_else(|| checksum_of_parts(&parts)),
            parts,
        })
    }

    async fn fetch_missing(&mut self) -> Result<(), ImportError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_parts();
            if self.running.is_empty() && self.missing.is_empty() {
                return Ok(());
            }
            if self.running.is_empty() && self.backoff_until.is_none() {
                return Err(ImportError::OutOfTime);
            }
            tokio::select! {
                Some(ended) = self.running.join_next() => {
                    self.part_ended(ended.map_err(|error| ImportError::Ours(error.into()))?)?;
                }
                _ = ticks.tick() => self.tick().await?,
            }
        }
    }

    /// Starts parts on all free connections, as long as the time budget allows for another part.
    fn start_parts(&mut self) {
        if self.backoff_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.backoff_until = None;
        while self.running.len() < self.connections.limit() && self.lease.budget.allows(self.part_time) {
            let Some(number) = self.next_part() else { return };
            let first = u64::from(number - 1) * self.parts.part_size();
            let length = self.parts.length(number).unwrap_or(0);
            let in_order = self.hash.is_some();
            let reader = self.reader.take_if(|reader| reader.is_at(first) || in_order);
            let reader = reader.unwrap_or_else(|| Reader::new(self.source.clone(), None, in_order));
            let is_of_first_response = reader.is_first();
            let piece = Piece { number, first, length, is_of_first_response, began: Instant::now() };
            self.running.spawn(transfer_part(self.source.clone(), piece, reader, self.hash.clone()));
        }
    }

    /// Returns the part at which the open response continues, or else the first missing one. Returns `None` if no part is
    /// missing, or if the source has only one response and another part is read from it.
    fn next_part(&mut self) -> Option<u32> {
        let at = self.reader.as_ref().and_then(|reader| reader.part(self.parts.part_size()));
        match at.filter(|number| self.missing.remove(number)) {
            Some(number) => Some(number),
            None if self.is_only_response => None,
            None => self.missing.pop_first(),
        }
    }

    async fn tick(&mut self) -> Result<(), ImportError> {
        if self.lease.budget.is_spent() {
            return Err(ImportError::OutOfTime);
        }
        self.connections.measure(Instant::now(), self.source.fetched(), self.running.len());
        self.note_progress();
        self.lease.save_at_intervals().await
    }

    /// Updates the progress and the hash state in the lease. Does not save them.
    fn note_progress(&mut self) {
        let stored: u64 = self.stored.values().map(|part| part.size).sum();
        let received = stored + self.source.in_transit.load(Ordering::Relaxed);
        self.lease.note_progress(received, Some(self.source.version.total));
        let import = &mut self.lease.file.state;
        if let (Some(resume), Some(hash)) = (&mut import.resume, &self.hash) {
            resume.hashed = Some(hash.serialize());
        }
    }

    /// Handles the outcome of a part.
    fn part_ended(&mut self, ended: PartOutcome) -> Result<(), ImportError> {
        let PartOutcome { piece, outcome, reader, hash } = ended;
        if piece.is_of_first_response && (outcome.is_err() || !reader.is_first()) {
            (self.has_first_response, self.is_only_response) = (false, false); // the first response broke off
        }
        match outcome {
            Ok(part) => {
                self.stored.insert(piece.number, part);
                self.part_time = piece.began.elapsed().max(self.part_time / 2);
                self.part_stored(reader, hash);
                Ok(())
            }
            Err(PartError::NoSuchUpload) => Err(ImportError::Lost),
            Err(PartError::Source(error))
                if self.has_first_response && !reader.is_first() && indicates_one_request(&error) =>
            {
                info!(file = %self.source.id, %error, "the source accepts one request only, reading its response to the end");
                self.missing.insert(piece.number);
                self.is_only_response = true;
                self.connections.lower(1);
                Ok(())
            }
            Err(PartError::Source(error)) if error.is_retryable() => {
                self.missing.insert(piece.number);
                self.source_failed(piece, error)
            }
            Err(PartError::Source(error)) => Err(ImportError::Source(error)),
            Err(PartError::Objects(cause)) => {
                self.missing.insert(piece.number);
                self.objects_failed(piece, cause)
            }
        }
    }

    /// Resets the failures after a part was stored, and keeps its reader if the next part may come from it.
    fn part_stored(&mut self, reader: Reader, hash: Option<PartsHash>) {
        self.lease.part_stored();
        (self.failures.source, self.failures.objects) = (0, 0);
        if self.hash.is_some() {
            (self.hash, self.reader) = (hash, Some(reader));
        } else if reader.is_first() && self.has_first_response {
            self.reader = Some(reader);
        } else if !reader.is_first() {
            // The source accepts further requests, so the first response can be closed.
            (self.has_first_response, self.reader) = (false, None);
        }
    }

    /// Handles a transient error of the source. Lowers the number of connections if there may be too many. Otherwise counts a
    /// failure and backs off.
    ///
    /// # Errors
    /// [`ImportError::GivenUp`] after [`MAX_FAILURES`], or if the backoff is too long for this run.
    fn source_failed(&mut self, piece: Piece, error: FetchError) -> Result<(), ImportError> {
        warn!(file = %self.source.id, part = piece.number, %error, "the source failed to send a part");
        let others = self.running.len();
        if error.may_be_too_many_connections() && others > 0 {
            self.connections.lower(others);
            return Ok(());
        }
        if piece.began < self.failures.counted {
            return Ok(());
        }
        self.failures.source += 1;
        let delay = error.retry_after().unwrap_or_else(|| backoff::delay(self.failures.source));
        let gives_up = self.failures.source >= MAX_FAILURES || delay > backoff::MAX_BACKOFF;
        if gives_up || !self.lease.budget.allows(delay) {
            return Err(ImportError::GivenUp(error));
        }
        self.back_off(delay);
        Ok(())
    }

    fn objects_failed(&mut self, piece: Piece, cause: BoxError) -> Result<(), ImportError> {
        warn!(file = %self.source.id, part = piece.number, cause = %cause, "S3 failed to store a part");
        if piece.began < self.failures.counted {
            return Ok(());
        }
        self.failures.objects += 1;
        if self.failures.objects >= MAX_FAILURES {
            return Err(ImportError::Ours(cause));
        }
        self.back_off(backoff::delay(self.failures.objects));
        Ok(())
    }

    fn back_off(&mut self, delay: Duration) {
        self.failures.counted = Instant::now();
        self.backoff_until = Some(Instant::now() + delay);
    }
}
