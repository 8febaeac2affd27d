//! What an owner should have.

use std::collections::BTreeMap;

use files_domain::{ApiKey, Usage};
use proptest::sample::Index;
use serde_json::Value;
use test_app::CONTENT;

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    AwaitingUpload,
    AwaitingImport,
    Stored,
}

/// A file of the model.
#[derive(Clone, Debug)]
pub(crate) struct ModelFile {
    pub(crate) name: String,
    pub(crate) tag: Option<String>,
    /// Milliseconds since the epoch.
    pub(crate) expires_at: Option<u64>,
    pub(crate) stage: Stage,
}

/// An owner of the model.
pub(crate) struct ModelOwner {
    pub(crate) name: String,
    pub(crate) key: ApiKey,
    /// 0: no limit.
    pub(crate) max_files: u64,
    /// Seconds; 0: none.
    pub(crate) retention: u64,
    /// The files whose records exist, those that have expired included.
    pub(crate) files: BTreeMap<String, ModelFile>,
}

impl ModelFile {
    pub(crate) fn is_alive(&self, now: u64) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

impl ModelOwner {
    pub(crate) fn new(name: String, key: ApiKey) -> Self {
        Self { name, key, max_files: 0, retention: 0, files: BTreeMap::new() }
    }

    /// Selects one of the files that are `wanted`.
    pub(crate) fn choose(&self, index: &Index, wanted: impl Fn(&ModelFile) -> bool) -> Option<String> {
        let files: Vec<_> = self.files.iter().filter(|(_, file)| wanted(file)).map(|(id, _)| id).collect();
        (!files.is_empty()).then(|| files[index.index(files.len())].clone())
    }

    /// Returns whether one more file fits.
    pub(crate) fn has_room(&self) -> bool {
        self.max_files == 0 || (self.files.len() as u64) < self.max_files
    }

    /// Returns the sum of the files.
    pub(crate) fn usage(&self) -> Usage {
        let count =
            |stages: &[Stage]| self.files.values().filter(|file| stages.contains(&file.stage)).count() as u64;
        Usage {
            stored_bytes: count(&[Stage::AwaitingUpload, Stage::Stored]) * CONTENT.len() as u64,
            files: self.files.len() as u64,
            pending_uploads: count(&[Stage::AwaitingUpload]),
            imports: count(&[Stage::AwaitingImport]),
            previews: 0,
        }
    }

    /// Asserts that a file object of the API is as the model has it.
    pub(crate) fn assert_same(&self, id: &str, found: &Value) {
        let file = &self.files[id];
        let status = if file.stage == Stage::Stored { "success" } else { "pending" };
        assert_eq!(
            (&found["name"], &found["status"]),
            (&Value::from(&*file.name), &status.into()),
            "{found}"
        );
        assert_eq!(found["metadata"]["tag"].as_str(), file.tag.as_deref(), "{found}");
        assert_eq!(found["expires_at"].is_null(), file.expires_at.is_none(), "{found}");
    }
}
