//! One probe from start to end.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use media_facts::MediaType;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::command::{self, Ask, Failure, Printed};
use crate::depth::{self, DEPTHS};
use crate::halt::{Halt, Reason};
use crate::limits::Limits;
use crate::media::Media;
use crate::process::Group;
use crate::reader::{Reader, Spent};
use crate::server::Server;
use crate::source::{RangeSource, ReadError};
use crate::{mp4, parse, reason};

/// How long a killed process may take to be gone.
const REAP: Duration = Duration::from_secs(2);

/// How long ffprobe may take to say what it saw when no more of the file is read for it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// An ffprobe on this machine.
#[derive(Debug, Clone)]
pub struct Ffprobe {
    /// The executable.
    pub path: PathBuf,
    /// What one probe may use.
    pub limits: Limits,
    /// The executable of ffmpeg that makes posters; `None`: no posters are made.
    pub ffmpeg: Option<PathBuf>,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeEnd {
    /// What it found.
    pub outcome: Outcome,
    /// Whether an ffprobe did not end by itself: it died by a signal, or had to be killed at a limit. So may one that a file
    /// has taken over.
    pub killed: bool,
    /// A JPEG of the file, within [`Limits::max_poster_bytes`].
    pub poster: Option<Vec<u8>>,
}

/// What a probe found. Asking again for the same bytes would find the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// ffprobe could read the file, or with [`Media::partial`] some of it.
    Media(Box<Media>),
    /// It could not; why, in plain words for the user.
    Unreadable(String),
}

/// A probe that says nothing about the file: try again.
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

/// How the race between ffprobe, its server and the clock ended.
pub(crate) enum End {
    Ran(Result<Printed, Failure>),
    Halted,
    TimedOut,
}

impl End {
    /// Whether ffprobe ended as programs do, or was stopped for no fault of its own.
    fn is_by_itself(&self) -> bool {
        match self {
            Self::Ran(Ok(printed)) => printed.status.code().is_some(),
            Self::Halted => true,
            Self::Ran(Err(_)) | Self::TimedOut => false,
        }
    }
}

/// What one run of ffprobe showed.
pub(crate) struct Look {
    pub(crate) outcome: Outcome,
    errors: String,
}

impl Look {
    fn unreadable(reason: &str) -> Self {
        Self { outcome: Outcome::Unreadable(reason.to_owned()), errors: String::new() }
    }
}

impl Ffprobe {
    /// Lets ffprobe read `source`. Dropping the future kills ffprobe.
    ///
    /// Needs a tokio runtime with I/O and time enabled, and runs on whichever of its threads polls it.
    ///
    /// # Errors
    /// [`ProbeError`] for what is worth a retry. Whatever ffprobe itself does, a timeout and death by a signal
    /// included, is [`Outcome::Unreadable`].
    pub async fn probe<S: RangeSource>(&self, source: Arc<S>) -> Result<ProbeEnd, ProbeError> {
        if source.size() == 0 {
            let outcome = Outcome::Unreadable(reason::EMPTY.to_owned());
            return Ok(ProbeEnd { outcome, killed: false, poster: None });
        }
        let started = Instant::now();
        let halt = Arc::new(Halt::default());
        let reader = Arc::new(Reader::new(source, &self.limits, Arc::clone(&halt)));
        let server = Server::bind().map_err(ProbeError::Server)?;
        let url = server.url();
        let mut serving = pin!(server.serve(Arc::clone(&reader), Arc::clone(&halt)));
        let deadline = started + self.limits.wall_clock;
        let probe = Probe { ffprobe: self, url, deadline, reader, halt, killed: AtomicBool::new(false) };
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

/// A probe under way.
pub(crate) struct Probe<'a, S> {
    pub(crate) ffprobe: &'a Ffprobe,
    pub(crate) url: String,
    pub(crate) deadline: Instant,
    pub(crate) reader: Arc<Reader<S>>,
    pub(crate) halt: Arc<Halt>,
    killed: AtomicBool,
}

impl<S: RangeSource> Probe<'_, S> {
    /// What the file is, by ffprobe and by its own headers.
    async fn outcome(
        &self,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        let outcome = match self.described(serving.as_mut()).await? {
            Outcome::Unreadable(reason) => self.again(reason, serving.as_mut()).await?,
            readable => readable,
        };
        let Outcome::Media(mut media) = outcome else { return Ok(outcome) };
        if media.partial.is_none() {
            self.complete(&mut media, serving).await?;
        }
        Ok(Outcome::Media(media))
    }

    /// Describes the file; of a fragmented one, shows ffprobe the beginning.
    async fn described(
        &self,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        // Whatever kept it from being read keeps ffprobe too, and is found there.
        let in_time = timeout_at(self.deadline, mp4::look(&self.reader)).await;
        if let Ok(Ok(Some(fragmented))) = in_time {
            self.reader.show(fragmented.shown);
            if let Outcome::Media(mut media) = self.look(serving.as_mut()).await?
                && media.partial.is_none()
            {
                fragmented.correct(&mut media);
                return Ok(Outcome::Media(media));
            }
            self.reader.show(self.reader.size());
        }
        self.look(serving).await
    }

    /// Looks deeper until nothing is open. A deeper look that fails takes nothing away from the one before.
    async fn look(
        &self,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        let mut before = None;
        for (step, depth) in DEPTHS.into_iter().enumerate() {
            let end = self.run(Ask::Describe(depth), serving.as_mut()).await?;
            if let Some(reason) = self.halt.take() {
                return Err(reason.into());
            }
            let Look { outcome, errors } = match self.reader.spent() {
                Some(spent) => cut_short(end, spent, &self.url),
                None => self.judge(end)?,
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

    /// Runs ffprobe once.
    pub(crate) async fn run(
        &self,
        ask: Ask,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<End, ProbeError> {
        let Ffprobe { path, limits, .. } = self.ffprobe;
        let (child, group) = command::spawn(path, limits, ask, &self.url).map_err(ProbeError::Spawn)?;
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
            () = self.last_words() => End::TimedOut,
            never = serving => match never {},
        };
        group.kill();
        if !end.is_by_itself() {
            self.killed.store(true, Ordering::Relaxed);
        }
        if !matches!(end, End::Ran(Ok(_))) {
            // Killed, so it is gone in no time; not waiting would leave a zombie until the next probe.
            let _ = timeout(REAP, child.wait()).await;
        }
        end
    }

    async fn last_words(&self) {
        self.reader.until_spent().await;
        sleep(LAST_WORDS).await;
    }

    pub(crate) fn judge(&self, end: End) -> Result<Look, ProbeError> {
        match end {
            End::Ran(Ok(printed)) => Ok(described(printed, &self.url)),
            End::Ran(Err(Failure::TooLong)) => Ok(Look::unreadable(reason::TOO_LONG)),
            End::Ran(Err(Failure::Wait(error))) => Err(ProbeError::Spawn(error)),
            // The store's slowness, not the file's: it may well be readable next time.
            End::TimedOut if self.reader.waited() * 2 > self.ffprobe.limits.wall_clock => {
                Err(ProbeError::Source(ReadError::new("the object was read too slowly for ffprobe")))
            }
            End::TimedOut | End::Halted => Ok(Look::unreadable(reason::TOO_SLOW)),
        }
    }
}

/// What ffprobe says of a file of which it was not shown everything that it asked for.
fn cut_short(end: End, spent: Spent, url: &str) -> Look {
    let reason = reason::of_budget(spent);
    if let End::Ran(Ok(printed)) = end
        && let Look { outcome: Outcome::Media(mut media), errors } = described(printed, url)
        && media.media_type != MediaType::Other
    {
        media.cut_short(reason);
        return Look { outcome: Outcome::Media(media), errors };
    }
    Look::unreadable(&reason)
}

fn described(printed: Printed, url: &str) -> Look {
    if !printed.errors.is_empty() {
        let errors = reason::for_log(&printed.errors, url);
        tracing::info!(status = %printed.status, errors, "ffprobe reported errors");
    }
    let outcome = match parse::media(&printed.output) {
        Ok(mut media) if printed.status.success() => {
            media.note_estimates(&printed.errors);
            Outcome::Media(Box::new(media))
        }
        _ => Outcome::Unreadable(reason::of_end(&printed).to_owned()),
    };
    Look { outcome, errors: printed.errors }
}
