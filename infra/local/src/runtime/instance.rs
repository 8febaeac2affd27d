//! One process of a function.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::api::{Job, Shared, failure, router};
use super::jail::end_all;
use super::listener::ListenerForUser;
use super::spawner::{Spawner, signal_group};
use super::{INIT_LIMIT, Interruption, Invocation, Outcome, Program, Settings, environment, exit};
use crate::account::function_arn;
use crate::log::{Level, Log};
use crate::template::Function;

/// Longest line of a function's log; a longer one is cut into several.
const MAX_LINE: usize = 256 * 1024;

/// A running process that waits for an event or works on one.
pub(super) struct Instance {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    exit: watch::Receiver<Option<String>>,
    kill: Arc<Notify>,
}

/// What became of an event given to a process.
pub(super) enum Attempt {
    /// The process is there for the next event.
    Answered(Outcome),
    /// The process is gone, and this is the outcome.
    Ended(Outcome),
    /// The process was gone before it took the event.
    NotTaken(Outcome),
}

/// Ends what belongs to a process; also what says that it lives.
pub(super) struct Ties {
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) alive: mpsc::Sender<()>,
}

impl Instance {
    /// Starts a process with a Runtime API of its own.
    pub(super) async fn start(
        program: &Program,
        settings: &Settings,
        spawner: &Spawner,
        ties: Ties,
    ) -> Result<Self> {
        let function = &program.function;
        let cannot = || format!("cannot start {}", function.binary);
        let cell = program.cell.as_ref().context("no code of it is here").with_context(cannot)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the Runtime API")?;
        let api = listener.local_addr()?;
        let mut command = Command::from(cell.command());
        command.env_clear().envs(environment::variables(function, settings, &cell.task, &api.to_string()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawner.spawn(command, cell.entry()).await.with_context(cannot)?;
        let id = child.id().with_context(cannot)?;
        let user = settings.jail.user_of(id);
        follow(child.stdout.take(), &function.binary, &settings.log);
        follow(child.stderr.take(), &function.binary, &settings.log);
        let (jobs, receiver) = mpsc::channel(1);
        let processes = settings.faults.processes().clone();
        let shared = Arc::new(Shared::new(receiver, id, processes.clone()));
        let listener = ListenerForUser { listener, user };
        let server = tokio::spawn(axum::serve(listener, router(shared.clone())).into_future());
        let (exited, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let ended = kill.clone();
        processes.add(id, kill.clone(), exit.clone());
        let has_own_user = settings.jail.keeps_apart();
        tokio::spawn(async move {
            let status = supervise(child, &ended, ties.stopped).await;
            processes.remove(id);
            server.abort();
            if has_own_user {
                // Whatever it started ends with it, as in Lambda.
                let _ = tokio::task::spawn_blocking(move || end_all(user)).await;
            }
            exited.send_replace(Some(status));
            drop(ties.alive);
        });
        Ok(Self { jobs, shared, exit, kill })
    }

    /// Returns whether the process has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.exit.borrow().is_some()
    }

    /// Ends the process.
    pub(super) async fn end(&self) {
        self.kill.notify_one();
        exit_of(self.exit.clone()).await;
    }

    /// Gives the process an event, and waits for the outcome.
    pub(super) async fn run(&mut self, function: &Function, invocation: &Invocation) -> Attempt {
        let id = &invocation.request_id;
        let (taken, mut taken_at) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let timeout = match invocation.interruption {
            Some(Interruption::Deadline(time)) => time,
            _ => function.timeout,
        };
        let job = Job {
            request_id: id.clone(),
            function_arn: function_arn(&function.name),
            payload: invocation.payload.clone(),
            lineage: invocation.lineage.clone().then(&function.name),
            timeout,
            close_connections: matches!(invocation.interruption, Some(Interruption::CloseConnections)),
            taken,
            reply,
        };
        if self.jobs.send(job).await.is_err() {
            return Attempt::NotTaken(self.ended(id).await);
        }
        let init_limit = INIT_LIMIT.max(function.timeout);
        let init_over = Instant::now() + init_limit;
        let deadline = tokio::select! {
            biased;
            taken = timeout_at(init_over, &mut taken_at) => match taken {
                Ok(Ok(deadline)) => deadline,
                Ok(Err(_)) => return Attempt::NotTaken(self.ended(id).await),
                Err(_) => return Attempt::Ended(self.timed_out(id, init_limit.as_secs_f64()).await),
            },
            status = exit_of(self.exit.clone()) => return Attempt::NotTaken(self.exit_failure(id, &status)),
        };
        let killed = killed(invocation.interruption);
        tokio::select! {
            biased;
            Ok(outcome) = answer => Attempt::Answered(outcome),
            status = exit_of(self.exit.clone()) => Attempt::Ended(self.exit_failure(id, &status)),
            () = tokio::time::sleep_until(deadline) => {
                Attempt::Ended(self.timed_out(id, timeout.as_secs_f64()).await)
            }
            () = killed => {
                self.end().await;
                Attempt::Ended(self.ended(id).await)
            }
        }
    }

    /// Kills the process, whose time is over.
    async fn timed_out(&self, request_id: &str, seconds: f64) -> Outcome {
        self.end().await;
        let message = format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
        failure("Sandbox.Timedout", &message)
    }

    async fn ended(&self, request_id: &str) -> Outcome {
        let status = exit_of(self.exit.clone()).await;
        self.exit_failure(request_id, &status)
    }

    fn exit_failure(&self, request_id: &str, status: &str) -> Outcome {
        match self.shared.init_error() {
            Some(payload) => Outcome { payload, failed: true },
            None => {
                let message = format!("RequestId: {request_id} Error: Runtime exited {status}");
                failure("Runtime.ExitError", &message)
            }
        }
    }
}

/// Waits until it is time to kill the process, if it is to be killed.
async fn killed(interruption: Option<Interruption>) {
    match interruption {
        Some(Interruption::Kill(after)) => tokio::time::sleep(after).await,
        _ => std::future::pending().await,
    }
}

/// Waits until the process has ended, and returns how.
async fn exit_of(mut exit: watch::Receiver<Option<String>>) -> String {
    match exit.wait_for(Option::is_some).await {
        Ok(status) => status.clone().unwrap_or_default(),
        Err(_) => "with error: unknown".to_owned(),
    }
}

/// Waits for the process's end, or ends it.
async fn supervise(mut child: Child, kill: &Notify, mut stopped: watch::Receiver<bool>) -> String {
    let asked = async {
        tokio::select! {
            () = kill.notified() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    };
    let status = tokio::select! {
        status = child.wait() => status,
        () = asked => {
            if let Some(id) = child.id() {
                signal_group(id, Signal::KILL);
            }
            child.wait().await
        }
    };
    status.map_or_else(|error| format!("with error: {error}"), exit::describe)
}

/// Logs what a process writes, line by line.
fn follow(stream: Option<impl AsyncRead + Unpin + Send + 'static>, source: &str, log: &Log) {
    let (Some(stream), source, log) = (stream, source.to_owned(), log.clone()) else {
        return;
    };
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            let (used, complete) = match reader.fill_buf().await {
                Err(_) | Ok([]) => break,
                Ok(buffer) => match buffer.iter().position(|byte| *byte == b'\n') {
                    Some(end) => (extend(&mut line, &buffer[..end]) + 1, true),
                    None => (extend(&mut line, buffer), line.len() > MAX_LINE),
                },
            };
            reader.consume(used);
            if complete {
                show(&log, &source, &mut line);
            }
        }
        show(&log, &source, &mut line);
    });
}

fn extend(line: &mut Vec<u8>, bytes: &[u8]) -> usize {
    line.extend_from_slice(bytes);
    bytes.len()
}

fn show(log: &Log, source: &str, line: &mut Vec<u8>) {
    if !line.is_empty() {
        log.function_line(source, String::from_utf8_lossy(line).trim_end());
        line.clear();
    }
}

/// Logs that an invocation failed.
pub(super) fn tell(log: &Log, function: &Function, outcome: &Outcome) {
    log.line(&function.binary, Level::Error, &String::from_utf8_lossy(&outcome.payload));
}
