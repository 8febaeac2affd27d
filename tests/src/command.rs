//! The client's command, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Owner;
use crate::programs::built;

/// A user's machine: a home of its own, and the address and key of one owner in the environment.
pub struct Machine {
    home: TempDir,
    url: String,
    key: String,
}

/// How the command ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Machine {
    /// A machine of this owner's.
    #[must_use]
    pub fn new(owner: &Owner) -> Self {
        let home = tempfile::Builder::new().prefix("files-home-").tempdir().expect("a folder");
        Self { home, url: owner.api().to_owned(), key: owner.key().to_owned() }
    }

    /// The same with another address of the API.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// The user's home.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file into the home.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// The command with these arguments.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built().join("files"));
        command.args(arguments).env_clear().current_dir(self.home()).kill_on_drop(true);
        command.env("HOME", self.home()).env("FILES_URL", &self.url).env("FILES_API_KEY", &self.key);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the command is built")
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.start(arguments)).await
    }
}

impl Ran {
    /// How a started command ends.
    pub async fn of(child: Child) -> Self {
        let output = child.wait_with_output().await.expect("its output");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// This, if it ended with the code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The objects of its output, one a line.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:#?}")))
            .collect()
    }
}

/// Presses Ctrl-C.
pub fn interrupt(child: &Child) {
    let id = child.id().expect("it is running").to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -INT {id}");
}
