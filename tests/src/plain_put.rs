//! One plain PUT into the local S3.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use tokio::process::Command;

use crate::{Owner, memory};

/// Sends a file of `size` bytes with one PUT by curl, and deletes it. Returns the seconds of the PUT, and curl's peak memory in KB.
///
/// # Panics
/// If curl is missing or fails.
pub async fn plain_put(owner: &Owner, path: &Path, size: u64) -> (f64, u64) {
    let announced = owner.announce("plain.bin", usize::try_from(size).expect("a size"), "video/mp4").await;
    let upload = &announced["upload"];
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--request", "PUT", "--upload-file"]).arg(path);
    for (name, value) in upload["headers"].as_object().expect("headers") {
        command.args(["--header", &format!("{name}: {}", value.as_str().expect("a header"))]);
    }
    let started = Instant::now();
    let mut child = command
        .arg(upload["url"].as_str().expect("a URL"))
        .stdout(Stdio::null())
        .spawn()
        .expect("curl (Debian's package curl)");
    let process = child.id().expect("it runs");
    let watching = tokio::spawn(memory::watch(process));
    assert!(child.wait().await.expect("curl").success());
    let seconds = started.elapsed().as_secs_f64();
    owner.wait_until_success(&announced).await;
    owner.delete(&announced).await.expect(204);
    (seconds, watching.await.expect("the memory was polled"))
}
