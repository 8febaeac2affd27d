//! Other programs that transfer the same bytes into the same S3: Uppy Companion, and one plain PUT.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use files_tests::{Cloud, Owner, memory};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running Companion, stopped when it is dropped.
pub(crate) struct Companion {
    child: Child,
    port: String,
    _folder: tempfile::TempDir,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/companion")
}

impl Companion {
    /// Starts the Companion that `make bench-import` installs, with the cloud's S3; `None` if it is not installed.
    pub(crate) async fn start(cloud: &Cloud) -> Option<Self> {
        if !folder().join("node_modules/@uppy/companion").is_dir() {
            return None;
        }
        let temporary = tempfile::tempdir().expect("a folder");
        let ready = cloud.ready();
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder())
            .env("NODE_ENV", "production")
            .env("S3_ENDPOINT", &ready.s3)
            .env("S3_BUCKET", ready.bucket())
            .env("S3_REGION", &ready.region)
            .env("S3_KEY", &ready.access_key_id)
            .env("S3_SECRET", &ready.secret_access_key)
            .env("FOLDER", temporary.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("its output").expect("Companion starts");
            if let Some(port) = line.strip_prefix("port ") {
                break port.to_owned();
            }
        };
        // Its output is drained: a full pipe would block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { child, port, _folder: temporary })
    }

    /// Transfers a URL. Returns the seconds, and the peak memory in KB.
    pub(crate) async fn import(&self, url: &str, size: u64) -> (f64, u64) {
        let process = self.child.id().expect("it runs");
        memory::reset(process);
        let mut get = Command::new("node");
        get.args(["get.mjs", &self.port, url, &size.to_string()]).current_dir(folder()).kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_secs(900), get.output()).await.expect("it ends");
        let ended = ended.expect("Node.js");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let response: Value = serde_json::from_slice(&ended.stdout).expect("what get.mjs prints");
        (response["seconds"].as_f64().expect("seconds"), memory::peak_kb(process).unwrap_or(0))
    }
}

/// Deletes the objects that Companion stored, and returns their sizes.
pub(crate) async fn clear(owner: &Owner) -> Vec<u64> {
    let (s3, bucket) = (&owner.backend.s3, &owner.backend.bucket);
    let list = s3.list_objects_v2().bucket(bucket).send().await.expect("the bucket can be listed");
    let mut sizes = Vec::new();
    for object in list.contents.unwrap_or_default() {
        let key = object.key.unwrap_or_default();
        if !key.starts_with("files/") && !key.starts_with("probes/") {
            s3.delete_object().bucket(bucket).key(key).send().await.expect("the object is deleted");
            sizes.push(object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0));
        }
    }
    sizes
}
