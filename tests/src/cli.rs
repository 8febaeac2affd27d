//! The CLI `files`, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Owner;
use crate::programs::built;

/// A user's machine: its own home directory, with the URL and key of one owner in the environment.
pub struct Machine {
    home: TempDir,
    url: String,
    key: String,
}

/// The result of a command.
#[derive(Debug)]
pub struct CliResult {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Machine {
    /// Creates a machine for an owner.
    #[must_use]
    pub fn new(owner: &Owner) -> Self {
        let home = tempfile::Builder::new().prefix("files-home-").tempdir().expect("a folder");
        Self { home, url: owner.api().to_owned(), key: owner.key().to_owned() }
    }

    /// Sets another URL of the API.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// Returns the user's home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file into the home directory.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Returns the CLI with these arguments.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built().join("files"));
        command.args(arguments).env_clear().current_dir(self.home()).kill_on_drop(true);
        command.env("HOME", self.home()).env("FILES_URL", &self.url).env("FILES_API_KEY", &self.key);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the CLI.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the command is built")
    }

    /// Runs the CLI to its end.
    pub async fn run(&self, arguments: &[&str]) -> CliResult {
        CliResult::of(self.start(arguments)).await
    }
}

impl CliResult {
    /// Waits for the end of a started command.
    pub async fn of(child: Child) -> Self {
        let output = child.wait_with_output().await.expect("its output");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts the exit code, and returns the result.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Parses the output: one JSON object per line.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:#?}")))
            .collect()
    }
}

/// Sends SIGINT, as Ctrl-C does.
pub fn interrupt(child: &Child) {
    crate::process::signal("INT", child.id().expect("it is running"));
}
