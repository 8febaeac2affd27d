//! `ready.json`, which the local cloud writes once it is ready.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The content of `ready.json`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of ready.json")]
pub struct Ready {
    pub api: String,
    pub s3: String,
    pub dynamodb: String,
    pub sqs: String,
    pub lambda: String,
    pub resources: BTreeMap<String, String>,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl Ready {
    /// Returns the name of the files table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.resources["FilesTable"]
    }

    /// Returns the name of the keys table.
    #[must_use]
    pub fn keys_table(&self) -> &str {
        &self.resources["KeysTable"]
    }

    /// Returns the name of the bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.resources["FilesBucket"]
    }
}

/// Returns the path of the file in the cloud's folder.
pub(crate) fn ready_file(folder: &Path) -> PathBuf {
    folder.join("data/ready.json")
}

/// Reads the file of the cloud in `folder`, or returns `None` if the cloud is not ready.
pub(crate) fn ready_in(folder: &Path) -> Option<Ready> {
    serde_json::from_slice(&std::fs::read(ready_file(folder)).ok()?).ok()
}
