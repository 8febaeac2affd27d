use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use files_domain::{Checksum, PartPlan, Progress};
use files_objects::{Part, checksum_of_parts};
use safe_fetch::{FetchError, Source};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::finish::Fetched;
use crate::hash::PartsHash;
use crate::incoming::Said;
use crate::job::Job;
use crate::lanes::Lanes;
use crate::reader::Reader;
use crate::stop::Stop;
use crate::streamed::{Ended, PartError, Piece, stream};
use crate::worker::Worker;
use crate::{BoxError, backoff};

/// How often in a row the source, or S3, may fail before it is given up for this run.
const MAX_FAILURES: u32 = 5;
/// How often it is looked what time it is, how fast it goes, and what there is to write down.
const TICK: Duration = Duration::from_millis(250);

/// Fetches the parts that are missing of a source that can be asked for them: by several connections, or, where the
/// SHA-256 of the whole is wanted, by one in order.
pub(crate) struct Ranged<'w, 'a> {
    worker: &'w mut Worker<'a>,
    job: Arc<Job>,
    plan: PartPlan,
    said: Said,
    missing: BTreeSet<u32>,
    stored: BTreeMap<u32, Part>,
    running: JoinSet<Ended>,
    lanes: Lanes,
    /// Of the stored parts, where they are fetched in order.
    hash: Option<PartsHash>,
    /// An answer that the next part may be read from.
    reader: Option<Reader>,
    failures: Failures,
    rest_until: Option<Instant>,
    /// The longest that a part has taken of late.
    part_time: Duration,
}

/// What failed since a part was last stored.
struct Failures {
    source: u32,
    objects: u32,
    /// What began before that belongs to the failure that was counted last.
    counted: Instant,
}

impl<'w, 'a> Ranged<'w, 'a> {
    /// `stored`: what S3 has already; `hash`: of just these parts; `answer`: one that begins with the first byte.
    pub(crate) fn new(
        worker: &'w mut Worker<'a>,
        job: Job,
        (plan, said): (PartPlan, Said),
        stored: BTreeMap<u32, Part>,
        hash: Option<PartsHash>,
        answer: Option<Source>,
    ) -> Self {
        let job = Arc::new(job);
        let reader = Reader::new(job.clone(), answer, hash.is_some());
        Self {
            worker,
            plan,
            said,
            missing: (1..=plan.count()).filter(|number| !stored.contains_key(number)).collect(),
            stored,
            running: JoinSet::new(),
            lanes: if hash.is_some() { Lanes::one() } else { Lanes::new() },
            hash,
            reader: Some(reader),
            failures: Failures { source: 0, objects: 0, counted: Instant::now() },
            rest_until: None,
            part_time: Duration::ZERO,
            job,
        }
    }

    pub(crate) async fn run(mut self) -> Result<Fetched, Stop> {
        let outcome = self.fetch_missing().await;
        self.running.shutdown().await; // what is on its way must not arrive after what comes now
        self.job.on_their_way.store(0, Ordering::Relaxed);
        self.note();
        outcome?;
        info!(file = %self.job.id, parts = self.stored.len(), connections = self.lanes.limit(), "all parts are stored");
        let parts: Vec<Part> = self.stored.into_values().collect();
        let sha256 = self.hash.map(|hash| Checksum::Sha256(hash.finish()));
        Ok(Fetched {
            size: self.job.version.total,
            checksum: sha256.or_else(|| checksum_of_parts(&parts)),
            said: self.said,
            parts,
            whole: bytes::Bytes::new(),
        })
    }

    async fn fetch_missing(&mut self) -> Result<(), Stop> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_parts();
            if self.running.is_empty() && self.missing.is_empty() {
                return Ok(());
            }
            if self.running.is_empty() && self.rest_until.is_none() {
                return Err(Stop::OutOfTime);
            }
            tokio::select! {
                Some(ended) = self.running.join_next() => {
                    self.take(ended.map_err(|error| Stop::Ours(error.into()))?)?;
                }
                _ = ticks.tick() => self.tick().await?,
            }
        }
    }

    /// As many as there are connections, while a part can still be had in the time that is left.
    fn start_parts(&mut self) {
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.rest_until = None;
        while self.running.len() < self.lanes.limit() && self.worker.hours.allow(self.part_time) {
            let Some(number) = self.missing.pop_first() else { return };
            let first = u64::from(number - 1) * self.plan.part_size();
            let length = self.plan.length(number).unwrap_or(0);
            let piece = Piece { number, first, length, began: Instant::now() };
            let in_order = self.hash.is_some();
            let reader = self.reader.take();
            let reader = reader.unwrap_or_else(|| Reader::new(self.job.clone(), None, in_order));
            self.running.spawn(stream(self.job.clone(), piece, reader, self.hash.clone()));
        }
    }

    async fn tick(&mut self) -> Result<(), Stop> {
        if self.worker.hours.are_over() {
            return Err(Stop::OutOfTime);
        }
        self.lanes.measure(Instant::now(), self.job.fetched(), self.running.len());
        self.note();
        self.worker.write_down_at_times().await
    }

    /// What is to be written down of it.
    fn note(&mut self) {
        let stored: u64 = self.stored.values().map(|part| part.size).sum();
        let received = stored + self.job.on_their_way.load(Ordering::Relaxed);
        let import = &mut self.worker.file.state;
        import.progress = Some(Progress { received, total: Some(self.job.version.total) });
        if let (Some(resume), Some(hash)) = (&mut import.resume, &self.hash) {
            resume.hashed = Some(hash.written());
        }
    }

    fn take(&mut self, ended: Ended) -> Result<(), Stop> {
        let Ended { piece, outcome, reader, hash } = ended;
        match outcome {
            Ok(part) => {
                self.stored.insert(piece.number, part);
                self.worker.has_new_part();
                self.part_time = piece.began.elapsed().max(self.part_time / 2);
                (self.failures.source, self.failures.objects) = (0, 0);
                if self.hash.is_some() {
                    (self.hash, self.reader) = (hash, Some(reader));
                }
                Ok(())
            }
            Err(PartError::NoSuchUpload) => Err(Stop::NotOurs),
            Err(PartError::Source(error)) if error.is_retryable() => {
                self.missing.insert(piece.number);
                self.source_failed(piece, error)
            }
            Err(PartError::Source(error)) => Err(Stop::Source(error)),
            Err(PartError::Objects(cause)) => {
                self.missing.insert(piece.number);
                self.objects_failed(piece, cause)
            }
        }
    }

    /// One connection too many is none that failed; otherwise all of them rest for a while, and some day it is enough.
    fn source_failed(&mut self, piece: Piece, error: FetchError) -> Result<(), Stop> {
        warn!(file = %self.job.id, part = piece.number, %error, "a part did not come");
        let others = self.running.len();
        if error.may_be_crowding() && others > 0 {
            self.lanes.lower(others);
            return Ok(());
        }
        if piece.began < self.failures.counted {
            return Ok(());
        }
        self.failures.source += 1;
        let pause = error.retry_after().unwrap_or_else(|| backoff::pause(self.failures.source));
        let enough = self.failures.source >= MAX_FAILURES || pause > backoff::LONGEST;
        if enough || !self.worker.hours.allow(pause) {
            return Err(Stop::GivenUp(error));
        }
        self.rest(pause);
        Ok(())
    }

    fn objects_failed(&mut self, piece: Piece, cause: BoxError) -> Result<(), Stop> {
        warn!(file = %self.job.id, part = piece.number, cause = %cause, "a part was not stored");
        if piece.began < self.failures.counted {
            return Ok(());
        }
        self.failures.objects += 1;
        if self.failures.objects >= MAX_FAILURES {
            return Err(Stop::Ours(cause));
        }
        self.rest(backoff::pause(self.failures.objects));
        Ok(())
    }

    fn rest(&mut self, pause: Duration) {
        self.failures.counted = Instant::now();
        self.rest_until = Some(Instant::now() + pause);
    }
}
