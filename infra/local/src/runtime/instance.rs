//! One process of a function.

use std::net::SocketAddr;
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

/// Maximum of a log line in bytes; a longer one is split.
const MAX_LINE: usize = 256 * 1024;

/// A running process that waits for an event or works on one.
pub(super) struct Instance {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    exit: watch::Receiver<Option<String>>,
    kill: Arc<Notify>,
}

/// The result of giving an event to a process.
pub(super) enum Attempt {
    /// The process responded, and can take the next event.
    Responded(Outcome),
    /// The process ended before it responded.
    Ended(Outcome),
    /// The process ended before it took the event.
    NotTaken(Outcome),
}

/// The links from a process to the cloud: when to stop, and what shows that the process lives.
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the Runtime API")?;
        let api = listener.local_addr()?;
        let child = spawn(program, settings, spawner, api).await?;
        let id = child.id().with_context(|| cannot_start(program))?;
        let (jobs, receiver) = mpsc::channel(1);
        let processes = settings.faults.processes().clone();
        let shared = Arc::new(Shared::new(receiver, id, processes.clone()));
        let user = settings.jail.user_of(id);
        let listener = ListenerForUser { listener, user };
        let server = tokio::spawn(axum::serve(listener, router(shared.clone())).into_future());
        let (exited, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let killed = kill.clone();
        processes.add(id, kill.clone(), exit.clone());
        let has_own_user = settings.jail.keeps_apart();
        tokio::spawn(async move {
            let status = supervise(child, &killed, ties.stopped).await;
            processes.remove(id);
            server.abort();
            if has_own_user {
                // As in Lambda, the processes that it started end with it.
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

    /// Gives an event to the process, and waits for the outcome.
    pub(super) async fn run(&mut self, function: &Function, invocation: &Invocation) -> Attempt {
        let id = &invocation.request_id;
        let timeout = match invocation.interruption {
            Some(Interruption::Deadline(time)) => time,
            _ => function.timeout,
        };
        let (taken, deadline) = oneshot::channel();
        let (reply, response) = oneshot::channel();
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
        let deadline = match self.wait_until_taken(deadline, function, id).await {
            Ok(deadline) => deadline,
            Err(attempt) => return attempt,
        };
        let killed = killed(invocation.interruption);
        tokio::select! {
            biased;
            Ok(outcome) = response => Attempt::Responded(outcome),
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

    /// Waits until the process takes its event. Returns the deadline of the invocation, or the result if the process ends or is
    /// not ready in time.
    async fn wait_until_taken(
        &self,
        mut taken: oneshot::Receiver<Instant>,
        function: &Function,
        request_id: &str,
    ) -> Result<Instant, Attempt> {
        let limit = INIT_LIMIT.max(function.timeout);
        tokio::select! {
            biased;
            taken = timeout_at(Instant::now() + limit, &mut taken) => match taken {
                Ok(Ok(deadline)) => Ok(deadline),
                Ok(Err(_)) => Err(Attempt::NotTaken(self.ended(request_id).await)),
                Err(_) => Err(Attempt::Ended(self.timed_out(request_id, limit.as_secs_f64()).await)),
            },
            status = exit_of(self.exit.clone()) => Err(Attempt::NotTaken(self.exit_failure(request_id, &status))),
        }
    }

    /// Kills the process after its time limit, and returns the failure.
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

fn cannot_start(program: &Program) -> String {
    format!("cannot start {}", program.function.binary)
}

/// Starts the confined process, and logs its output.
async fn spawn(program: &Program, settings: &Settings, spawner: &Spawner, api: SocketAddr) -> Result<Child> {
    let function = &program.function;
    let cannot = || cannot_start(program);
    let cell = program.cell.as_ref().context("its code is missing here").with_context(cannot)?;
    let mut command = Command::from(cell.command());
    command.env_clear().envs(environment::variables(function, settings, &cell.task, &api.to_string()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawner.spawn(command, cell.entry()).await.with_context(cannot)?;
    follow(child.stdout.take(), &function.binary, &settings.log);
    follow(child.stderr.take(), &function.binary, &settings.log);
    Ok(child)
}

/// Waits until an injected fault kills the process; for ever without such a fault.
async fn killed(interruption: Option<Interruption>) {
    match interruption {
        Some(Interruption::Kill(after)) => tokio::time::sleep(after).await,
        _ => std::future::pending().await,
    }
}

/// Waits for the end of the process, and returns its status.
async fn exit_of(mut exit: watch::Receiver<Option<String>>) -> String {
    match exit.wait_for(Option::is_some).await {
        Ok(status) => status.clone().unwrap_or_default(),
        Err(_) => "with error: unknown".to_owned(),
    }
}

/// Waits for the end of the process, or kills it on request.
async fn supervise(mut child: Child, kill: &Notify, mut stopped: watch::Receiver<bool>) -> String {
    let requested = async {
        tokio::select! {
            () = kill.notified() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    };
    let status = tokio::select! {
        status = child.wait() => status,
        () = requested => {
            if let Some(id) = child.id() {
                signal_group(id, Signal::KILL);
            }
            child.wait().await
        }
    };
    status.map_or_else(|error| format!("with error: {error}"), exit::describe)
}

/// Logs the output of a process line by line.
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

/// Logs a failed invocation.
pub(super) fn log_failure(log: &Log, function: &Function, outcome: &Outcome) {
    log.line(&function.binary, Level::Error, &String::from_utf8_lossy(&outcome.payload));
}
