//! Runs a probe.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use media_facts::MediaType;
use media_process::{Group, Server};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::command::{self, Failure, ProcessOutput, Query};
use crate::depth::{self, DEPTHS};
use crate::halt::{Halt, Reason};
use crate::limits::Limits;
use crate::media::Media;
use crate::reader::{ExceededBudget, Reader};
use crate::source::{RangeSource, ReadError};
use crate::{mp4, parse, reason};

/// The size of each buffer between the source and ffprobe: small, so that what an open-ended range reads ahead stays below the first
/// read of a place.
pub(crate) const BUFFER: usize = 16 * 1024;

/// Timeout of the wait for a killed process.
const REAP_TIMEOUT: Duration = Duration::from_secs(2);

/// Time for ffprobe to print its result after a read budget is exceeded.
const FINAL_OUTPUT_TIMEOUT: Duration = Duration::from_secs(5);

/// An ffprobe on this machine.
#[derive(Debug, Clone)]
pub struct Ffprobe {
    /// The executable.
    pub path: PathBuf,
    /// Resource limits of one probe.
    pub limits: Limits,
    /// The executable of ffmpeg that makes posters; `None`: no posters are made.
    pub ffmpeg: Option<PathBuf>,
}

/// The result of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeEnd {
    /// The description of the file.
    pub outcome: Outcome,
    /// Whether an ffprobe ended by a signal or was killed at a limit. An ffprobe that a file has compromised may end so.
    pub killed: bool,
    /// A JPEG of the file, within [`Limits::max_poster_bytes`].
    pub poster: Option<Vec<u8>>,
}

/// The outcome of a probe. Another probe of the same bytes has the same outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// ffprobe read the file or, with [`Media::partial`], a part of it.
    Media(Box<Media>),
    /// ffprobe could not read the file, for this reason in plain words.
    Unreadable(String),
}

/// A transient failure of a probe, which says nothing about the file.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The object could not be read.
    #[error("the object could not be read")]
    Source(#[source] ReadError),
    /// ffprobe could not be started.
    #[error("ffprobe could not be started")]
    Spawn(#[source] io::Error),
    /// The loopback server failed.
    #[error("the loopback server failed")]
    Server(#[source] io::Error),
}

impl From<Reason> for ProbeError {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Source(error) => Self::Source(error),
            Reason::Server(error) => Self::Server(error),
        }
    }
}

/// How a run of ffprobe ended.
pub(crate) enum End {
    Ran(Result<ProcessOutput, Failure>),
    Halted,
    TimedOut,
}

impl End {
    /// Returns whether ffprobe exited, or was stopped because the source or the server failed.
    fn is_by_itself(&self) -> bool {
        match self {
            Self::Ran(Ok(printed)) => printed.status.code().is_some(),
            Self::Halted => true,
            Self::Ran(Err(_)) | Self::TimedOut => false,
        }
    }

    /// Returns what stopped the program, in words of the log.
    pub(crate) fn limit(&self) -> &'static str {
        match self {
            Self::Ran(Ok(_)) => "none",
            Self::Ran(Err(_)) => "output",
            Self::Halted => "the object or the server failed",
            Self::TimedOut => "time",
        }
    }
}

/// The result of one run of ffprobe.
pub(crate) struct RunResult {
    pub(crate) outcome: Outcome,
    errors: String,
}

impl RunResult {
    fn unreadable(reason: &str) -> Self {
        Self { outcome: Outcome::Unreadable(reason.to_owned()), errors: String::new() }
    }
}

impl Ffprobe {
    /// Probes `source`. Dropping the future kills ffprobe.
    ///
    /// Needs a Tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// [`ProbeError`] for transient failures. Failures of ffprobe itself, including a timeout and a signal, are
    /// [`Outcome::Unreadable`].
    pub async fn probe<S: RangeSource>(&self, source: Arc<S>) -> Result<ProbeEnd, ProbeError> {
        if source.size() == 0 {
            let outcome = Outcome::Unreadable(reason::EMPTY.to_owned());
            return Ok(ProbeEnd { outcome, killed: false, poster: None });
        }
        let started = Instant::now();
        let halt = Arc::new(Halt::default());
        let reader = Arc::new(Reader::new(source, &self.limits, Arc::clone(&halt)));
        let server = Server::bind(BUFFER).map_err(ProbeError::Server)?;
        let url = server.url();
        let failed = Arc::clone(&halt);
        let mut serving =
            pin!(server.serve(Arc::clone(&reader), move |error| failed.raise(Reason::Server(error))));
        let deadline = started + self.limits.wall_clock;
        let (runs, killed) = (AtomicU32::new(0), AtomicBool::new(false));
        let probe = Probe { ffprobe: self, url, deadline, reader, halt, runs, killed };
        let outcome = probe.outcome(serving.as_mut()).await;
        let poster = match (&outcome, &self.ffmpeg) {
            (Ok(Outcome::Media(media)), Some(ffmpeg)) if media.partial.is_none() => {
                probe.poster(ffmpeg, media, serving).await
            }
            _ => None,
        };
        let (reads, bytes) = probe.reader.used();
        tracing::debug!(reads, bytes, milliseconds = started.elapsed().as_millis(), "probe ended");
        Ok(ProbeEnd { outcome: outcome?, killed: probe.killed.into_inner(), poster })
    }
}

/// A running probe.
pub(crate) struct Probe<'a, S> {
    pub(crate) ffprobe: &'a Ffprobe,
    pub(crate) url: String,
    pub(crate) deadline: Instant,
    pub(crate) reader: Arc<Reader<S>>,
    pub(crate) halt: Arc<Halt>,
    /// The number of started runs of ffprobe.
    runs: AtomicU32,
    killed: AtomicBool,
}

impl<S: RangeSource> Probe<'_, S> {
    /// Describes the file by ffprobe and by its own headers.
    async fn outcome(
        &self,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        let outcome = match self.describe(serving.as_mut()).await? {
            Outcome::Media(media) if self.is_misread(&media).await? => {
                self.retry_unreadable(reason::NOT_MEDIA.to_owned(), serving.as_mut()).await?
            }
            Outcome::Unreadable(reason) => self.retry_unreadable(reason, serving.as_mut()).await?,
            readable => readable,
        };
        let Outcome::Media(mut media) = outcome else { return Ok(outcome) };
        if media.partial.is_none() {
            self.complete(&mut media, serving).await?;
        }
        Ok(Outcome::Media(media))
    }

    /// Describes the file. Of a fragmented file, only the beginning is visible to ffprobe.
    async fn describe(
        &self,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        // A read error here also occurs in the run of ffprobe, which reports it.
        let in_time = timeout_at(self.deadline, mp4::detect_fragments(&self.reader)).await;
        if let Ok(Ok(Some(fragmented))) = in_time {
            self.reader.truncate(fragmented.visible);
            if let Outcome::Media(mut media) = self.describe_deeper(serving.as_mut()).await?
                && media.partial.is_none()
            {
                fragmented.correct(&mut media);
                return Ok(Outcome::Media(media));
            }
            self.reader.truncate(self.reader.size());
        }
        self.describe_deeper(serving).await
    }

    /// Analyses the file at increasing depth until no value is missing. If a deeper run fails, the previous result stands.
    async fn describe_deeper(
        &self,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        let mut before = None;
        for (step, depth) in DEPTHS.into_iter().enumerate() {
            let end = self.run(Query::Describe(depth), serving.as_mut()).await?;
            if let Some(reason) = self.halt.take() {
                return Err(reason.into());
            }
            let RunResult { outcome, errors } = match self.reader.exceeded_budget() {
                Some(exceeded) => cut_short(end, exceeded, &self.url),
                None => self.interpret(end)?,
            };
            match outcome {
                Outcome::Media(media) if media.partial.is_none() => {
                    if depth::is_enough(step, &media, &errors) {
                        return Ok(Outcome::Media(media));
                    }
                    before = Some(media);
                }
                worse => return Ok(before.map_or(worse, Outcome::Media)),
            }
        }
        Ok(before.map_or_else(|| Outcome::Unreadable(reason::UNKNOWN.to_owned()), Outcome::Media))
    }

    /// Runs ffprobe once. A probe has at most seven runs: three depths of a fragmented file's beginning and of the whole file, and one
    /// for the frame rate, for the tiles of a picture or for the container of the signature. All but the first have less processor time, which bounds the sum.
    pub(crate) async fn run(
        &self,
        query: Query,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<End, ProbeError> {
        let Ffprobe { path, limits, .. } = self.ffprobe;
        let cpu = if self.runs.fetch_add(1, Ordering::Relaxed) == 0 { limits.cpu } else { limits.later_cpu };
        let (child, group) =
            command::spawn(path, limits, cpu, query, &self.url).map_err(ProbeError::Spawn)?;
        Ok(self.ended(child, group, limits, self.deadline, serving).await)
    }

    /// Serves a program until it ends, and kills it at a limit.
    pub(crate) async fn ended(
        &self,
        mut child: Child,
        mut group: Group,
        limits: &Limits,
        deadline: Instant,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> End {
        let end = tokio::select! {
            biased;
            () = self.halt.raised() => End::Halted,
            ran = timeout_at(deadline, command::run(&mut child, limits)) => ran.map_or(End::TimedOut, End::Ran),
            () = self.final_output_timeout() => End::TimedOut,
            never = serving => match never {},
        };
        group.kill();
        if !end.is_by_itself() {
            self.killed.store(true, Ordering::Relaxed);
        }
        if !matches!(end, End::Ran(Ok(_))) {
            // Reaps the killed process, which would otherwise stay a zombie until the next probe.
            let _ = timeout(REAP_TIMEOUT, child.wait()).await;
        }
        end
    }

    async fn final_output_timeout(&self) {
        self.reader.until_budget_exceeded().await;
        sleep(FINAL_OUTPUT_TIMEOUT).await;
    }

    pub(crate) fn interpret(&self, end: End) -> Result<RunResult, ProbeError> {
        match end {
            End::Ran(Ok(printed)) => Ok(described(printed, &self.url)),
            End::Ran(Err(Failure::TooLong)) => Ok(RunResult::unreadable(reason::TOO_LONG)),
            End::Ran(Err(Failure::Wait(error))) => Err(ProbeError::Spawn(error)),
            // S3 was slow, not the file: a retry may succeed.
            End::TimedOut if self.reader.waited() * 2 > self.ffprobe.limits.wall_clock => {
                Err(ProbeError::Source(ReadError::new("the object was read too slowly for ffprobe")))
            }
            End::TimedOut | End::Halted => Ok(RunResult::unreadable(reason::TOO_SLOW)),
        }
    }
}

/// Returns the partial result of a run that exceeded a read budget.
fn cut_short(end: End, exceeded: ExceededBudget, url: &str) -> RunResult {
    let reason = reason::of_budget(exceeded);
    if let End::Ran(Ok(printed)) = end
        && let RunResult { outcome: Outcome::Media(mut media), errors } = described(printed, url)
        && media.media_type != MediaType::Other
    {
        media.mark_partial(reason);
        return RunResult { outcome: Outcome::Media(media), errors };
    }
    RunResult::unreadable(&reason)
}

fn described(printed: ProcessOutput, url: &str) -> RunResult {
    if !printed.errors.is_empty() {
        let errors = reason::for_log(&printed.errors, url);
        tracing::info!(status = %printed.status, errors, "ffprobe reported errors");
    }
    let outcome = match parse::media(&printed.output) {
        Ok(mut media) if printed.status.success() => {
            media.mark_estimate(&printed.errors);
            Outcome::Media(Box::new(media))
        }
        _ => Outcome::Unreadable(reason::of_end(&printed).to_owned()),
    };
    RunResult { outcome, errors: printed.errors }
}
