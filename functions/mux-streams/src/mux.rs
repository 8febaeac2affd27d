//! One join: a run of ffmpeg that shows the streams, and one that copies them.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use lambda_startup::Downloads;
use media_process::Server;
use mux_protocol::{Container, MuxRefusal};
use tokio::process::Child;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use crate::alignment::Described;
use crate::assembly::{Assembled, Assembly, AssemblyError};
use crate::command::{self, Job, Limits};
use crate::object::{ObjectError, StreamObject};
use crate::packed;
use crate::parts::PartStore;
use crate::sink::{Sink, SinkError};

/// The size of the buffers between a server and ffmpeg.
const BUFFER: usize = 256 * 1024;
/// How long a killed process may take to be gone.
const REAP: Duration = Duration::from_secs(2);
/// The maximum length of ffmpeg's errors in the log.
const MAX_LOGGED: usize = 500;

/// An ffmpeg on this machine.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    /// The executable.
    pub path: PathBuf,
    /// What one run may use.
    pub limits: Limits,
}

/// The two streams to join, and how.
#[derive(Debug)]
pub struct Streams {
    /// The presigned GET of the picture.
    pub picture: http::Uri,
    /// The presigned GET of the sound.
    pub sound: http::Uri,
    /// The container to write.
    pub container: Container,
    /// The maximum time.
    pub time: Duration,
}

/// What came of one run.
#[derive(Debug)]
pub struct Run {
    /// The stored object, or why there is none.
    pub outcome: Result<Assembled, MuxRefusal>,
    /// Whether ffmpeg had to be killed, or died by a signal. So may one that a file has taken over.
    pub killed: bool,
}

/// A run that says nothing about the streams: a later one may succeed.
#[derive(Debug, thiserror::Error)]
pub enum MuxError {
    /// An object could not be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The output could not be stored.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// ffmpeg or a server could not be started.
    #[error("ffmpeg could not be started")]
    Start(#[from] io::Error),
}

/// What the first run of ffmpeg shows.
struct Description {
    inputs: Described,
    /// Whether it had to be killed, or died by a signal.
    killed: bool,
}

/// How both runs of ffmpeg ended.
struct Ended {
    end: End,
    /// Whether one had to be killed, or died by a signal.
    killed: bool,
}

/// How ffmpeg ended.
enum End {
    Ended(ExitStatus, String),
    Sink(SinkError),
    TimedOut,
}

/// The stored streams that ffmpeg reads.
struct Inputs {
    picture: Arc<StreamObject>,
    sound: Arc<StreamObject>,
}

impl Inputs {
    async fn open(client: Downloads, picture: http::Uri, sound: http::Uri) -> Result<Self, ObjectError> {
        Ok(Self {
            picture: Arc::new(StreamObject::open(client.clone(), picture).await?),
            sound: Arc::new(StreamObject::open(client, sound).await?),
        })
    }

    /// Serves each stream by its server. If a server fails, ffmpeg waits until the deadline.
    async fn serve(&self, servers: (Server, Server)) -> Infallible {
        let log = |error: io::Error| warn!(%error, "the loopback server failed");
        let (never, _) = tokio::join!(
            servers.0.serve(Arc::clone(&self.picture), log),
            servers.1.serve(Arc::clone(&self.sound), log)
        );
        never
    }

    /// Waits until a stream cannot be read, and returns why.
    async fn failed(&self) -> ObjectError {
        tokio::select! { error = self.picture.failed() => error, error = self.sound.failed() => error }
    }

    /// Returns why a stream could not be read, if it could not.
    fn take_failure(&self) -> Option<ObjectError> {
        self.picture.take_failure().or_else(|| self.sound.take_failure())
    }
}

impl Ffmpeg {
    /// Joins two streams and stores the parts of the result. Dropping the future kills ffmpeg.
    ///
    /// # Errors
    /// [`MuxError`] for what is worth a retry. Whatever the streams cause is the outcome of the run.
    pub async fn join<S: PartStore>(
        &self,
        client: Downloads,
        streams: Streams,
        mut assembly: Assembly<S>,
    ) -> Result<Run, MuxError> {
        let deadline = Instant::now() + streams.time;
        let inputs = Inputs::open(client, streams.picture, streams.sound).await?;
        let (picture_bytes, sound_bytes) = (inputs.picture.size(), inputs.sound.size());
        info!(picture_bytes, sound_bytes, container = ?streams.container, "joining");
        let (servers, sink) = ((Server::bind(BUFFER)?, Server::bind(BUFFER)?), Sink::bind().await?);
        let job = Job {
            picture: servers.0.url(),
            sound: servers.1.url(),
            container: streams.container,
            output: sink.url(),
        };
        let packed = packed::timestamp(&inputs.sound.beginning().await);
        let work = self.describe_and_copy(&job, packed, sink, &mut assembly, (streams.time, deadline));
        let Ended { end, killed } = tokio::select! {
            biased;
            error = inputs.failed() => return Err(error.into()), // which kills ffmpeg
            ended = work => ended?,
            never = inputs.serve(servers) => match never {},
        };
        // ffmpeg takes the end of a connection for the end of the file.
        if let Some(error) = inputs.take_failure() {
            return Err(error.into());
        }
        let outcome = match self.judge(end, streams.time)? {
            Some(refusal) => Err(refusal),
            None => finish(assembly).await?,
        };
        Ok(Run { outcome, killed })
    }

    async fn describe_and_copy<S: PartStore>(
        &self,
        job: &Job,
        packed: Option<u64>,
        sink: Sink,
        assembly: &mut Assembly<S>,
        (time, deadline): (Duration, Instant),
    ) -> io::Result<Ended> {
        let described = self.describe(job, time, deadline).await?;
        let alignment = described.inputs.align(packed);
        info!(?alignment, "the streams are described");
        let arguments = job.joining(&self.limits, alignment);
        let (mut child, mut group) = command::spawn(&self.path, &self.limits, time, arguments)?;
        let end = run(&mut child, sink, assembly, deadline).await;
        group.kill();
        let exited = matches!(&end, End::Ended(status, _) if status.code().is_some());
        if !matches!(end, End::Ended(..)) {
            let _ = timeout(REAP, child.wait()).await; // not waiting would leave a zombie
        }
        Ok(Ended { end, killed: described.killed || !exited })
    }

    /// Lets ffmpeg show the streams. What it does not show is unknown: the run that joins them finds out why.
    async fn describe(&self, job: &Job, time: Duration, deadline: Instant) -> io::Result<Description> {
        let arguments = job.describing(&self.limits);
        let (mut child, mut group) = command::spawn(&self.path, &self.limits, time, arguments)?;
        let messages = media_process::errors(child.stderr.take());
        let ended = timeout_at(deadline, async { tokio::join!(child.wait(), messages) }).await;
        group.kill();
        let Ok((status, messages)) = ended else {
            let _ = timeout(REAP, child.wait()).await;
            return Ok(Description { inputs: Described::default(), killed: true });
        };
        Ok(Description { inputs: Described::parse(&messages), killed: status?.code().is_none() })
    }

    /// Returns why the streams are refused, or `None` if ffmpeg has written all of the output.
    fn judge(&self, end: End, time: Duration) -> Result<Option<MuxRefusal>, MuxError> {
        match end {
            End::Ended(status, errors) => {
                if !errors.is_empty() {
                    info!(%status, errors = loggable(&errors), "ffmpeg reported errors");
                }
                Ok(command::refusal(status, &errors, &self.limits, time))
            }
            End::TimedOut => Ok(Some(MuxRefusal::Time { seconds: time.as_secs() })),
            End::Sink(SinkError::Assembly(error)) => of_assembly(error).map(Some),
            End::Sink(error) => Err(error.into()),
        }
    }
}

fn of_assembly(error: AssemblyError) -> Result<MuxRefusal, MuxError> {
    match error {
        AssemblyError::Size(bytes) => Ok(MuxRefusal::Size { bytes }),
        AssemblyError::Position { .. } => {
            warn!(%error, "the muxer goes back too far");
            Ok(MuxRefusal::Container)
        }
        AssemblyError::Store(_) => Err(SinkError::from(error).into()),
    }
}

async fn finish<S: PartStore>(assembly: Assembly<S>) -> Result<Result<Assembled, MuxRefusal>, MuxError> {
    match assembly.finish().await {
        Ok(assembled) => Ok(Ok(assembled)),
        Err(error) => of_assembly(error).map(Err),
    }
}

/// Waits until ffmpeg has ended and its output is received.
async fn run<S: PartStore>(
    child: &mut Child,
    sink: Sink,
    assembly: &mut Assembly<S>,
    deadline: Instant,
) -> End {
    let errors = media_process::errors(child.stderr.take());
    let mut ended = pin!(async { tokio::join!(child.wait(), errors) });
    let mut receiving = pin!(sink.receive(assembly));
    let mut received = false;
    let (status, errors) = loop {
        tokio::select! {
            biased;
            result = &mut receiving, if !received => match result {
                Ok(()) => received = true,
                Err(error) => return End::Sink(error),
            },
            ended = &mut ended => break ended,
            () = sleep_until(deadline) => return End::TimedOut,
        }
    };
    let status = match status {
        Ok(status) => status,
        Err(error) => return End::Sink(error.into()),
    };
    if status.success() && !received {
        match timeout_at(deadline, receiving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return End::Sink(error),
            Err(_) => return End::TimedOut,
        }
    }
    End::Ended(status, errors)
}

/// Removes addresses and control characters, which could come from the streams.
fn loggable(errors: &str) -> String {
    let words = errors.split_whitespace().filter(|word| !word.contains("://"));
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(MAX_LOGGED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_logged() {
        let errors = "Error opening output\u{1b} ftp://mux:secret@127.0.0.1:1/joined: I/O\n error";
        assert_eq!(loggable(errors), "Error opening output I/O error");
    }
}
