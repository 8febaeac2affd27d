//! Runs the operator's command that prepares a cloud: `files-local --setup`.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::ready::Ready;

/// Runs the command with `sh -c`, and waits for its end. Its standard input is the content of `ready.json`; `LOCAL_API` is the
/// API's URL, and `LOCAL_DATA` the data folder. Its output goes to this process's own output.
///
/// # Errors
/// The command cannot be started, or fails.
pub(crate) async fn run(command: &str, ready: &Ready, data: &Path) -> Result<()> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("LOCAL_API", &ready.api)
        .env("LOCAL_DATA", data)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the setup command")?;
    if let Some(mut input) = child.stdin.take() {
        // A command that does not read its input may still succeed: its status decides.
        let _ = input.write_all(&serde_json::to_vec_pretty(ready)?).await;
    }
    let status = child.wait().await?;
    ensure!(status.success(), "the setup command failed ({status}): {command}");
    Ok(())
}
