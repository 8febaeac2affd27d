use std::time::{Duration, SystemTime};

use files_domain::{File, Import, UploadRef, limits};
use files_queues::ImportMessage;
use files_records::RecordsError;
use safe_fetch::{FetchError, SafeClient};
use tokio::time::Instant;
use tracing::info;

use crate::lanes;
use crate::page::Shown;
use crate::stop::{Setback, Stop};
use crate::{BoxError, ImportFile};

/// How often at most what has arrived is written down.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// Most that is kept of the function's time for what comes after a transfer, and that part of it where it is short.
const CLEAN_UP_TIME: Duration = Duration::from_secs(15);
/// See [`CLEAN_UP_TIME`].
const CLEAN_UP_SHARE: u32 = 4;

/// Brings one import to its end, or as far as one run of the function goes.
pub(crate) struct Worker<'a> {
    pub(crate) import: &'a ImportFile,
    pub(crate) file: File<Import>,
    pub(crate) hours: Hours,
    /// Keeps its connections for the time of this run.
    pub(crate) client: SafeClient,
    /// How often the source has changed.
    pub(crate) restarts: u32,
    /// What the page shows whose media are fetched.
    pub(crate) shown: Option<Shown>,
    /// Whether this run has stored a part that a next run will find.
    pub(crate) has_new_parts: bool,
    written_down: Instant,
}

/// The time for transfers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hours {
    end: Instant,
}

impl Hours {
    fn until(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let clean_up = CLEAN_UP_TIME.min(left / CLEAN_UP_SHARE);
        Self { end: Instant::now() + left.saturating_sub(clean_up) }
    }

    pub(crate) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    pub(crate) fn are_over(self) -> bool {
        self.left().is_zero()
    }

    /// Whether something can be done that takes so long.
    pub(crate) fn allow(self, takes: Duration) -> bool {
        self.left() > takes
    }
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        import: &'a ImportFile,
        file: File<Import>,
        deadline: SystemTime,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            import,
            file,
            hours: Hours::until(deadline),
            client: import.client.for_transfer(lanes::MOST)?,
            restarts: 0,
            shown: None,
            has_new_parts: false,
            written_down: Instant::now(), // by the claim
        })
    }

    pub(crate) async fn run(mut self, order: &ImportMessage) -> Result<(), BoxError> {
        // Once all bytes are there, no clock of ours fails the file any more: what is left is to be finished.
        let finished = match self.fetch_if_not_for_ever(order).await {
            Ok(fetched) => self.finish(fetched).await,
            Err(stop) => Err(stop),
        };
        match finished {
            Ok(()) => Ok(()),
            Err(Stop::Refused(reason)) => self.fail(&reason).await,
            Err(Stop::Source(error)) => self.fail(&error.for_user()).await,
            Err(Stop::GivenUp(error)) => self.rest(order, Setback::from(&error)).await,
            Err(Stop::OutOfTime) => self.go_on_later(order).await,
            Err(Stop::NotOurs) => self.let_go().await,
            Err(Stop::Ours(cause)) => Err(cause),
        }
    }

    async fn fetch_if_not_for_ever(&mut self, order: &ImportMessage) -> Result<crate::finish::Fetched, Stop> {
        if self.file.generation > limits::MAX_IMPORT_RUNS {
            return Err(Stop::Refused("the source took too long".to_owned()));
        }
        self.fetch(order).await
    }

    /// A part is stored that a next run will find: whatever was counted of failures counts from here.
    pub(crate) fn has_new_part(&mut self) {
        self.has_new_parts = true;
        self.file.state.transient_failures = 0;
        if let Some(deadline) = &mut self.file.deadline {
            deadline.tries = 0;
        }
    }

    /// Writes down how far it is.
    pub(crate) async fn write_down(&mut self) -> Result<(), Stop> {
        self.written_down = Instant::now();
        self.import.records.save_progress(&self.file, lambda_startup::now()).await?;
        self.file.version += 1;
        Ok(())
    }

    /// The same, unless that was done just now.
    pub(crate) async fn write_down_at_times(&mut self) -> Result<(), Stop> {
        if self.written_down.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.write_down().await
    }

    /// Parts that nobody will go on with are thrown away.
    pub(crate) async fn abort_leftover(&mut self) -> Result<(), BoxError> {
        self.file.state.resume = None;
        if let Some(upload_id) = self.file.state.upload_id.take() {
            let upload = UploadRef { owner: self.file.owner, id: self.file.id, upload_id: &upload_id };
            self.import.objects.abort_upload(upload).await?;
        }
        Ok(())
    }

    /// The time is over, and there is more to fetch: another run goes on at once. One that had nothing to show for all its
    /// time is a setback.
    async fn go_on_later(&mut self, order: &ImportMessage) -> Result<(), BoxError> {
        if !self.has_new_parts {
            let reason = "the source is too slow".to_owned();
            return self.rest(order, Setback { reason, at_least: Duration::ZERO }).await;
        }
        self.hand_on(order, Duration::ZERO).await
    }

    /// The source may do better later; how often it is given the chance is counted.
    async fn rest(&mut self, order: &ImportMessage, setback: Setback) -> Result<(), BoxError> {
        let rest = usize::try_from(self.file.state.transient_failures)
            .ok()
            .and_then(|count| limits::IMPORT_RESTS.get(count));
        let Some(rest) = rest else {
            return self.fail(&setback.reason).await;
        };
        self.file.state.transient_failures += 1;
        if self.file.state.resume.is_none() {
            self.abort_leftover().await?;
            self.file.state.progress = None;
        }
        let rest = setback.at_least.max(*rest).min(limits::MAX_QUEUE_DELAY);
        info!(file = %self.file.id, reason = setback.reason, rest_s = rest.as_secs(), "the import rests");
        self.hand_on(order, rest).await
    }

    /// Lets go of the import before it is queued: whoever takes the message must not find it held. Should the message be
    /// lost, `sweep` sends another.
    async fn hand_on(&mut self, order: &ImportMessage, delay: Duration) -> Result<(), BoxError> {
        let now = lambda_startup::now();
        let again_at = now.plus(delay + limits::IMPORT_SEND_GRACE);
        match self.import.records.release_import(&self.file, again_at, now).await {
            Ok(()) => {}
            Err(RecordsError::Changed) => return self.let_go().await,
            Err(error) => return Err(error.into()),
        }
        self.import.queue.send_later(order, delay).await
    }

    /// Deleted, ended, or another worker's. Whose upload it is decides what becomes of its parts: another worker goes on
    /// with the same one.
    async fn let_go(&mut self) -> Result<(), BoxError> {
        info!(file = %self.file.id, "the import was deleted, or has another worker");
        let found = self.import.records.get_file(self.file.owner, self.file.id).await;
        match found {
            Ok((file, _)) if self.has_same_upload(&file) => Ok(()),
            Ok(_) | Err(RecordsError::NotFound) => self.abort_leftover().await,
            Err(error) => Err(error.into()),
        }
    }

    /// Whether this run's claim is the file's latest, and the file is open.
    pub(crate) fn is_mine(&self, file: &File) -> bool {
        file.generation == self.file.generation && !file.state.is_terminal()
    }

    fn has_same_upload(&self, file: &File) -> bool {
        let upload_id = file.state.upload_id();
        upload_id.is_some() && upload_id == self.file.state.upload_id.as_deref()
    }

    /// Its parts go first: a failed record no longer knows of them. Those of another worker stay.
    async fn fail(&mut self, reason: &str) -> Result<(), BoxError> {
        let now = lambda_startup::now();
        if self.file.state.upload_id.is_some() {
            match self.import.records.get_file(self.file.owner, self.file.id).await {
                Ok((file, _)) if file.generation != self.file.generation => return Ok(()),
                Ok(_) | Err(RecordsError::NotFound) => self.abort_leftover().await?,
                Err(error) => return Err(error.into()),
            }
        }
        let failed = self.import.records.change_file(self.file.owner, self.file.id, |file| {
            if self.is_mine(&file) { file.failed(reason, now) } else { None }
        });
        failed.await?;
        info!(file = %self.file.id, reason, "import failed");
        Ok(())
    }
}
