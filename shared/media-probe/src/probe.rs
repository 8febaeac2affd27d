//! One probe from start to end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::time::timeout;

use crate::command::{self, Failure, Printed};
use crate::halt::Halt;
use crate::limits::Limits;
use crate::media::Media;
use crate::reader::Reader;
use crate::sandbox::Group;
use crate::server::Server;
use crate::source::{RangeSource, ReadError};
use crate::{parse, reason};

/// How long a killed process may take to be gone.
const REAP: Duration = Duration::from_secs(2);

/// An ffprobe on this machine.
#[derive(Debug, Clone)]
pub struct Ffprobe {
    /// The executable.
    pub path: PathBuf,
    /// What one probe may use.
    pub limits: Limits,
}

/// What a probe found. Asking again for the same bytes would find the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// ffprobe could read the file.
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

/// How the race between ffprobe, its server and the clock ended.
enum End {
    Ran(Result<Printed, Failure>),
    Halted,
    TimedOut,
}

impl Ffprobe {
    /// Lets ffprobe read `source`. Dropping the future kills ffprobe.
    ///
    /// Needs a tokio runtime with I/O and time enabled, and runs on whichever of its threads polls it.
    ///
    /// # Errors
    /// [`ProbeError`] for what is worth a retry. Whatever ffprobe itself does, a timeout and death by a signal
    /// included, is [`Outcome::Unreadable`].
    pub async fn probe<S: RangeSource>(&self, source: Arc<S>) -> Result<Outcome, ProbeError> {
        if source.size() == 0 {
            return Ok(Outcome::Unreadable(reason::EMPTY.to_owned()));
        }
        let started = Instant::now();
        let halt = Arc::new(Halt::default());
        let reader = Arc::new(Reader::new(source, &self.limits, Arc::clone(&halt)));
        let server = Server::bind().map_err(ProbeError::Server)?;
        let (address, url) = (server.address(), server.url());
        let mut child = command::spawn(&self.path, &self.limits, address, &url).map_err(ProbeError::Spawn)?;
        let mut group = Group::led_by(child.id());
        let end = self.race(&mut child, server, &reader, &halt).await;
        group.kill();
        if !matches!(end, End::Ran(Ok(_))) {
            // Killed, so it is gone in no time; not waiting would leave a zombie until the next probe.
            let _ = timeout(REAP, child.wait()).await;
        }
        let (reads, bytes) = reader.used();
        tracing::debug!(reads, bytes, milliseconds = started.elapsed().as_millis(), "ffprobe ended");
        if let Some(reason) = halt.take() {
            return reason::of_halt(reason).map(Outcome::Unreadable);
        }
        self.judge(end, reader.waited(), &url)
    }

    async fn race<S: RangeSource>(
        &self,
        child: &mut Child,
        server: Server,
        reader: &Arc<Reader<S>>,
        halt: &Arc<Halt>,
    ) -> End {
        tokio::select! {
            biased;
            () = halt.raised() => End::Halted,
            ran = timeout(self.limits.wall_clock, command::run(child, &self.limits)) => {
                ran.map_or(End::TimedOut, End::Ran)
            }
            never = server.serve(Arc::clone(reader), Arc::clone(halt)) => match never {},
        }
    }

    fn judge(&self, end: End, waited: Duration, url: &str) -> Result<Outcome, ProbeError> {
        let unreadable = |reason: &str| Ok(Outcome::Unreadable(reason.to_owned()));
        match end {
            End::Ran(Ok(printed)) => Ok(described(&printed, url)),
            End::Ran(Err(Failure::TooLong)) => unreadable(reason::TOO_LONG),
            End::Ran(Err(Failure::Wait(error))) => Err(ProbeError::Spawn(error)),
            // The store's slowness, not the file's: it may well be readable next time.
            End::TimedOut if waited * 2 > self.limits.wall_clock => {
                Err(ProbeError::Source(ReadError::new("the object was read too slowly for ffprobe")))
            }
            End::TimedOut | End::Halted => unreadable(reason::TOO_SLOW),
        }
    }
}

fn described(printed: &Printed, url: &str) -> Outcome {
    if !printed.errors.is_empty() {
        let errors = reason::for_log(&printed.errors, url);
        tracing::info!(status = %printed.status, errors, "ffprobe reported errors");
    }
    if printed.status.success()
        && let Ok(media) = parse::media(&printed.output)
    {
        return Outcome::Media(Box::new(media));
    }
    Outcome::Unreadable(reason::of_end(printed).to_owned())
}
