//! The cloud under test: a local one as a child process, or a deployment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use files_domain::{NewKey, Scope, Timestamp};
use serde_json::Value;

use crate::advancing_clock::AdvancingClock;
use crate::deployment::{self, NEEDS_LOCAL_CLOUD};
use crate::faults;
use crate::log_secrets::LogWatch;
pub use crate::process::{children, is_running, kill};
pub use crate::ready::Ready;
use crate::ready::{ready_file, ready_in};
use crate::supervisor::Supervisor;
use crate::wait::until;
use crate::{Backend, Response};

/// A cloud that the tests run against.
pub enum Cloud {
    /// A local cloud with its own data folder. It ends, and its folder is deleted, when this value is dropped or the test's
    /// process ends.
    Local(Box<Local>),
    /// An existing deployment, by its URL.
    Deployed(String),
}

/// A local cloud's process.
pub struct Local {
    supervisor: Mutex<Supervisor>,
    pub(crate) folder: PathBuf,
    pub(crate) ready: Ready,
    process: u32,
    pub(crate) log: Arc<LogWatch>,
    /// Runs while faults are injected.
    _clock: Option<AdvancingClock>,
}

impl Cloud {
    /// Runs `command` in `folder`, and waits until the cloud is ready.
    pub(crate) async fn run(folder: PathBuf, command: &[String]) -> Self {
        let mut supervisor = Supervisor::new(&folder, command);
        let process = supervisor.start();
        let ready = wait_ready(&folder, process).await;
        let clock = faults::seed().map(|_| AdvancingClock::start(folder.clone()));
        let log = Arc::new(LogWatch::new(&folder));
        let supervisor = Mutex::new(supervisor);
        Self::Local(Box::new(Local { supervisor, folder, ready, process, log, _clock: clock }))
    }

    pub(crate) fn as_local(&self) -> Option<&Local> {
        match self {
            Self::Local(local) => Some(local),
            Self::Deployed(_) => None,
        }
    }

    fn expect_local(&self) -> &Local {
        self.as_local().expect(NEEDS_LOCAL_CLOUD)
    }

    fn expect_local_mut(&mut self) -> &mut Local {
        match self {
            Self::Local(local) => local,
            Self::Deployed(_) => panic!("{NEEDS_LOCAL_CLOUD}"),
        }
    }

    /// Returns the content of `ready.json`.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.expect_local().ready
    }

    /// Returns the path of `ready.json`.
    #[must_use]
    pub fn ready_file(&self) -> PathBuf {
        ready_file(self.folder())
    }

    /// Returns the API's URL without a path.
    #[must_use]
    pub fn origin(&self) -> &str {
        match self {
            Self::Local(local) => &local.ready.api,
            Self::Deployed(address) => address,
        }
    }

    /// Returns the API's URL.
    #[must_use]
    pub fn api(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// Returns the id of the cloud's process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.expect_local().process
    }

    /// Creates another key of the owner called `name`.
    pub async fn key(
        &self,
        name: &str,
        scopes: impl IntoIterator<Item = Scope>,
        expires_at: Option<Timestamp>,
    ) -> String {
        let Self::Local(local) = self else {
            return deployment::key(name, scopes, expires_at);
        };
        let new = NewKey {
            owner_name: name.to_owned(),
            name: "test".to_owned(),
            scopes: scopes.into_iter().collect::<BTreeSet<_>>(),
            expires_at,
        };
        let keys = Backend::new(&local.ready, name).keys();
        let key = keys.create(&new, now()).await.expect("a key");
        key.reveal().to_owned()
    }

    /// Returns the calls of a function since the counts were reset: `{"dynamodb": {"GetItem": 1}}`.
    pub async fn calls(&self, function: &str) -> Value {
        let all = self.local(http::Method::GET, "calls").await.expect(200).json();
        all.get(function).cloned().unwrap_or_else(|| serde_json::json!({}))
    }

    /// Starts metering DynamoDB's units and bytes.
    pub async fn meter(&self) {
        self.local(http::Method::POST, "consumed").await.expect(204);
    }

    /// Returns the consumption of a function since the counts were reset:
    /// `{"read_units": 1.0, "write_units": 0.0, "bytes": 2048}`.
    pub async fn consumed(&self, function: &str) -> Value {
        let all = self.local(http::Method::GET, "consumed").await.expect(200).json();
        all.get(function).cloned().unwrap_or_else(|| serde_json::json!({}))
    }

    /// Resets the counts.
    pub async fn reset_calls(&self) {
        self.local(http::Method::DELETE, "calls").await.expect(204);
    }

    /// Runs `sweep` now, and waits until it succeeds.
    pub async fn sweep(&self) {
        if faults::seed().is_some() {
            until("sweep succeeds", async || self.try_sweep().await.then_some(())).await;
        } else {
            self.local(http::Method::POST, "schedule/sweep").await.expect(200);
        }
    }

    async fn local(&self, method: http::Method, path: &str) -> Response {
        self.local_with(method, path, String::new()).await
    }

    /// Sends a request to a route below `/_local`.
    pub(crate) async fn local_with(&self, method: http::Method, path: &str, body: String) -> Response {
        let url = format!("{}/_local/{path}", self.origin());
        Response::to(crate::client::http_client().request(method, url).body(body)).await
    }

    /// Kills the process without a chance to clean up.
    pub fn kill_hard(&mut self) {
        self.expect_local_mut().supervisor().end("KILL");
    }

    /// Stops the process as Ctrl-C does, and waits for its end. Returns its exit status.
    pub fn interrupt(&mut self) -> u32 {
        self.expect_local_mut().supervisor().end("INT")
    }

    /// Restarts the cloud on the same data.
    pub async fn restart(&mut self) {
        // The file of the last start would look like that of the next.
        let _ = std::fs::remove_file(self.ready_file());
        let local = self.expect_local_mut();
        local.process = local.supervisor().start();
        local.ready = wait_ready(&local.folder, local.process).await;
    }

    /// Returns the last lines of the log, for a failed test.
    #[must_use]
    pub fn log_tail(folder: &Path) -> String {
        let log = std::fs::read(folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Returns the folder of the log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.expect_local().folder
    }
}

impl Local {
    fn supervisor(&mut self) -> &mut Supervisor {
        self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.log.assert_no_secrets(); // before the supervisor deletes the log
    }
}

/// Returns the current time.
#[must_use]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}

async fn wait_ready(folder: &Path, process: u32) -> Ready {
    until("the cloud is ready", async || {
        assert!(is_running(process), "the cloud has ended:\n{}", Cloud::log_tail(folder));
        ready_in(folder)
    })
    .await
}
