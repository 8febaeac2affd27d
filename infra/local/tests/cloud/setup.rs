//! Folders of functions, and templates for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use files_local::faults::Faults;
use files_local::identity::Identities;
use files_local::log::Log;
use files_local::runtime::{Endpoints, Invocation, Jail, Lambda, Outcome, Refused, Settings, WhenBusy};
use files_local::template::{Model, Surroundings, load};
use serde_json::Value;
use tempfile::TempDir;

use crate::board::{self, Board};

/// Creates a folder with functions of these names, each of which is this test binary.
pub(crate) fn functions(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let (own, code) = (std::env::current_exe().unwrap(), folder.path().join(name));
        std::fs::create_dir(&code).unwrap();
        // A hard link fails across file systems.
        std::fs::hard_link(&own, code.join("program"))
            .or_else(|_| std::fs::copy(&own, code.join("program")).map(drop))
            .unwrap();
        let run = "#!/bin/sh\nexec \"$LAMBDA_TASK_ROOT/program\" --ignored --exact --nocapture function::serve_events\n";
        script(&code.join("bootstrap"), run);
    }
    folder
}

/// Writes an executable script from another process. If this process wrote it, a child that another thread starts at that moment
/// could inherit the open file, and executing it would fail ("text file busy").
pub(crate) fn script(file: &Path, text: &str) {
    let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let status = Command::new("sh").args(["-c", write, "sh", text]).arg(file).status();
    assert!(status.unwrap().success());
}

/// Reads a template with these resources in YAML, indented by two spaces.
pub(crate) fn model(resources: &str) -> Model {
    load(&format!("Resources:\n{resources}"), &Surroundings::default()).unwrap()
}

/// The log's output.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn log(&self) -> Log {
        Log::to(Box::new(self.clone()), false)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Functions in their own Lambda.
pub(crate) struct Running {
    pub(crate) lambda: Lambda,
    pub(crate) model: Model,
    pub(crate) lines: Lines,
    pub(crate) folder: TempDir,
    pub(crate) board: Board,
}

pub(crate) fn settings(functions: PathBuf, log: Log) -> Settings {
    let endpoints =
        Endpoints { s3: "http://s3".into(), dynamodb: "http://ddb".into(), ..Endpoints::default() };
    let (identities, faults) = (Identities::new([1; 32]), Faults::default());
    let jail = Jail::detect().unwrap();
    Settings { functions, jail, layers: Vec::new(), identities, endpoints, xray_daemon: None, faults, log }
}

/// Starts `resources`, with the binaries `names`.
pub(crate) fn start(names: &[&str], resources: &str) -> Running {
    let (folder, mut model, lines, board) =
        (functions(names), model(resources), Lines::default(), Board::start());
    for function in &mut model.functions {
        function.environment.insert(board::VARIABLE.to_owned(), board.address.clone());
    }
    let lambda = Lambda::new(&settings(folder.path().to_owned(), lines.log()), &model.functions).unwrap();
    Running { lambda, model, lines, folder, board }
}

/// Starts one function called `worker` with these properties.
pub(crate) fn worker(properties: &str) -> Running {
    let text = format!(
        "  W: {{Type: 'AWS::Serverless::Function', Properties: {{CodeUri: f/worker, {properties}}}}}"
    );
    start(&["worker"], &text)
}

impl Running {
    pub(crate) async fn invoke(&self, event: Value) -> Result<Outcome, Refused> {
        let payload = Bytes::from(event.to_string());
        self.lambda.invoke(Invocation::new("worker", payload, WhenBusy::Throttle)).await
    }

    /// Invokes the function, and returns the payload of the success.
    pub(crate) async fn succeed(&self, event: Value) -> Value {
        let outcome = self.invoke(event).await.unwrap();
        assert!(!outcome.failed, "{:?}", outcome.payload);
        serde_json::from_slice(&outcome.payload).unwrap()
    }

    /// Invokes the function, and returns the payload of the failure.
    pub(crate) async fn fail(&self, event: Value) -> Value {
        let outcome = self.invoke(event).await.unwrap();
        assert!(outcome.failed, "{:?}", outcome.payload);
        serde_json::from_slice(&outcome.payload).unwrap()
    }
}

/// Returns whether a process exists and is not a zombie.
pub(crate) fn is_alive(pid: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Waits until `done`, at most 30 s.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let over = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < over, "timeout while waiting until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
