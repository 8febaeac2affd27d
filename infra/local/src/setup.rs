//! The operator's own command that prepares a cloud before it is ready: `files-local --setup`.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::ready::Ready;

/// Runs the command with `sh -c`, and waits for its end. It gets the content of `ready.json` on its standard input, the API's
/// address as `LOCAL_API` and the data folder's path as `LOCAL_DATA`. What it writes goes to this process's own output.
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
        .context("the setup command cannot be started")?;
    if let Some(mut input) = child.stdin.take() {
        // A command that ends without reading its input may have succeeded: its status decides.
        let _ = input.write_all(&serde_json::to_vec_pretty(ready)?).await;
    }
    let status = child.wait().await?;
    ensure!(status.success(), "the setup command failed ({status}): {command}");
    Ok(())
}
