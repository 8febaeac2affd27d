//! Lambda: starts the functions' binaries and serves the Runtime API to them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod api;
mod environment;
mod exit;
mod instance;
mod jail;
mod lineage;
mod listener;
mod pool;
mod spawner;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::faults::{Action, ErrorKind, Faults, Service};
use crate::identity::Identities;
use crate::log::{Level, Log};
use crate::template::Function;
use jail::{Cell, Code};
pub use jail::{Jail, LayerFile};
pub(crate) use lineage::trace_header;
pub use lineage::{Lineage, MAX_ROUNDS};
use pool::Pool;
use spawner::Spawner;

/// Maximum of an event and of a response: 6 MiB and 100 bytes.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024 + 100;

/// Maximum of concurrent processes of one function.
pub const MAX_PROCESSES: usize = 10;

/// The time until a process must ask for its first event. As in Lambda, a function with a longer timeout has that long.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The settings that all functions share.
#[derive(Clone)]
pub struct Settings {
    /// The folder of the binaries.
    pub functions: PathBuf,
    /// The confinement of their processes.
    pub jail: Jail,
    /// The files in `/opt` for functions with layers. All such functions share one set.
    pub layers: Vec<LayerFile>,
    /// The functions' keys.
    pub identities: Identities,
    /// Endpoints of the services.
    pub endpoints: Endpoints,
    /// What receives the segments of traced functions in place of the X-Ray daemon, if anything does.
    pub xray_daemon: Option<std::net::SocketAddr>,
    /// Faults to inject into invocations and processes.
    pub faults: Faults,
    /// The log of the functions.
    pub log: Log,
}

/// URLs of the local services.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// S3.
    pub s3: String,
    /// DynamoDB.
    pub dynamodb: String,
    /// SQS.
    pub sqs: String,
    /// EventBridge.
    pub eventbridge: String,
    /// Lambda, for functions that invoke others.
    pub lambda: String,
}

/// The behaviour while all processes of a function are busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    /// Refuse with 429, as for synchronous invocations.
    Throttle,
    /// Wait for a process, as for pollers and asynchronous invocations.
    Wait,
}

/// One invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The function: the name of its binary.
    pub function: String,
    /// The event.
    pub payload: Bytes,
    /// The request id; retries keep it.
    pub request_id: String,
    /// The behaviour while every process is busy.
    pub when_busy: WhenBusy,
    /// The chain of events that led to this invocation.
    pub lineage: Lineage,
    /// The fault that is injected while the function works on it.
    pub(crate) interruption: Option<Interruption>,
}

/// A fault that is injected into an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interruption {
    /// The process is killed this long after it took the event.
    Kill(Duration),
    /// The time limit is this, and the function is told so.
    Deadline(Duration),
    /// The process's connections are closed before it is resumed for the event.
    CloseConnections,
}

impl Invocation {
    /// Creates an invocation with a new request id.
    #[must_use]
    pub fn new(function: &str, payload: Bytes, when_busy: WhenBusy) -> Self {
        let (lineage, request_id) = (Lineage::default(), Uuid::new_v4().to_string());
        Self { function: function.to_owned(), payload, request_id, when_busy, lineage, interruption: None }
    }
}

/// The result of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The function's response, or Lambda's description of its failure.
    pub payload: Bytes,
    /// Whether the function failed: it returned an error, crashed, or timed out.
    pub failed: bool,
}

/// The reason why an event did not reach a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The function does not exist.
    UnknownFunction,
    /// Every process is busy.
    TooManyRequests,
    /// The event is too large.
    RequestTooLarge,
    /// The cloud is stopping.
    Stopping,
}

/// A function and its cell, which is `None` if its code is missing here.
struct Program {
    function: Function,
    cell: Option<Cell>,
}

/// All functions. Cheap to clone.
#[derive(Clone)]
pub struct Lambda {
    inner: Arc<Inner>,
}

struct Inner {
    faults: Faults,
    pools: BTreeMap<String, Arc<Pool>>,
    stop: watch::Sender<bool>,
    /// Each process holds a clone of this sender while it lives.
    alive: std::sync::Mutex<Option<mpsc::Sender<()>>>,
    ended: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

impl Lambda {
    /// Prepares the functions; a process starts with the first invocation that needs it.
    ///
    /// # Errors
    /// A binary is missing. Missing code of a Python function makes only its invocations fail.
    pub fn new(settings: &Settings, functions: &[Function]) -> Result<Self> {
        let code = |function: &Function| Code::find(&settings.functions, function);
        let (python, missing): (Vec<_>, Vec<_>) = functions
            .iter()
            .filter(|function| code(function).is_none())
            .partition(|function| function.is_python);
        let names = |functions: &[&Function]| {
            functions.iter().map(|function| function.binary.as_str()).collect::<Vec<_>>().join(", ")
        };
        let folder = settings.functions.display();
        if !missing.is_empty() {
            bail!(
                "no binary of {} in {folder}: build them, or name another folder with --functions",
                names(&missing)
            );
        }
        if !python.is_empty() {
            let text = format!(
                "no {} in {folder}: functions in Python need a virtual environment with awslambdaric there",
                names(&python)
            );
            settings.log.line("files-local", Level::Warn, &text);
        }
        let (stop, stopped) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        let spawner = Arc::new(Spawner::start()?);
        let pool = |function: &Function| {
            let cell = code(function).map(|code| settings.jail.cell(function, &code, &settings.layers));
            let program = Program { function: function.clone(), cell: cell.transpose()? };
            let pool = Pool::new(program, settings, spawner.clone(), stopped.clone(), alive.clone());
            Ok((function.binary.clone(), Arc::new(pool)))
        };
        let pools = functions.iter().map(pool).collect::<Result<_>>()?;
        let (alive, ended) = (std::sync::Mutex::new(Some(alive)), tokio::sync::Mutex::new(ended));
        Ok(Self { inner: Arc::new(Inner { faults: settings.faults.clone(), pools, stop, alive, ended }) })
    }

    /// Invokes a function and waits for the outcome. Dropping the future does not stop the function.
    ///
    /// # Errors
    /// The event did not reach the function.
    pub async fn invoke(&self, mut invocation: Invocation) -> Result<Outcome, Refused> {
        let pool = self.inner.pools.get(&invocation.function).ok_or(Refused::UnknownFunction)?.clone();
        if invocation.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Refused::RequestTooLarge);
        }
        let millis = Duration::from_millis;
        match self.inner.faults.decide(&invocation.function, Service::Lambda, "Invoke") {
            Some(Action::Error(ErrorKind::Throttling)) => return Err(Refused::TooManyRequests),
            Some(Action::Error(_)) => {
                return Ok(api::failure("ServiceException", "The service encountered an internal error."));
            }
            Some(Action::DelayMs(delay)) => tokio::time::sleep(millis(delay)).await,
            Some(Action::KillAfterMs(after)) => {
                invocation.interruption = Some(Interruption::Kill(millis(after)));
            }
            Some(Action::DeadlineMs(time)) => {
                invocation.interruption = Some(Interruption::Deadline(millis(time)));
            }
            Some(Action::CloseFrozen) => invocation.interruption = Some(Interruption::CloseConnections),
            _ => {}
        }
        let task = tokio::spawn(async move { pool.invoke(invocation).await });
        task.await.unwrap_or(Err(Refused::Stopping))
    }

    /// Returns the faults to inject.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Ends every process, and waits until all have ended.
    pub async fn stop(&self) {
        self.inner.stop.send_replace(true);
        for pool in self.inner.pools.values() {
            pool.close();
        }
        self.inner.alive.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let _ = self.inner.ended.lock().await.recv().await;
    }
}
