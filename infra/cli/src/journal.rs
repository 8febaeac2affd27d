//! Stores idempotency keys and ids of uploads and imports in progress, so that the next run of the same command resumes them. The
//! stored parts of an upload are listed by the API.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::Api;
use crate::failure::Failure;
use crate::json::Json;
use crate::settings::folder;

/// The journal entry of one upload or import.
pub(crate) struct Journal {
    path: PathBuf,
}

/// The content of a journal entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The idempotency key of the request that creates the file.
    pub(crate) once: String,
    /// The id of the file, once known.
    pub(crate) id: Option<String>,
}

impl Journal {
    /// Returns the entry for a subject: the request, the local file and the server.
    pub(crate) fn of(subject: &[&str]) -> Self {
        Self::within(folder("XDG_STATE_HOME", ".local/state").join("creations"), subject)
    }

    fn within(folder: PathBuf, subject: &[&str]) -> Self {
        let name = hex::encode(Sha256::digest(format!("{subject:?}")));
        Self { path: folder.join(&name[..32]) }
    }

    /// Reads the entry of an earlier run. Returns `None` if it does not exist or cannot be read.
    pub(crate) fn read(&self) -> Option<Entry> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Creates the file, or gets the file that an earlier run created. Returns it, and whether an earlier run began its creation.
    /// Removes the entry of a new request that is refused, because there is nothing to resume.
    ///
    /// # Errors
    /// The errors of the request, and [`Failure::Local`] if the entry cannot be written.
    pub(crate) async fn create(&self, api: &Api, body: &Value) -> Result<(Json, bool), Failure> {
        let earlier = self.read();
        let resumes = earlier.is_some();
        let entry = earlier.map_or_else(|| self.begin(), Ok)?;
        match api.create(body, &entry.once).await {
            // The file of the earlier run was deleted, so its idempotency key cannot be used again.
            Err(failure) if resumes && failure.has_reason("idempotency_conflict") => {
                Ok((api.create(body, &self.begin()?.once).await?, false))
            }
            Err(failure) => {
                if failure.is_refusal() && !resumes {
                    self.remove();
                }
                Err(failure)
            }
            Ok(file) => Ok((file, resumes)),
        }
    }

    /// Writes a new entry with a new idempotency key.
    fn begin(&self) -> Result<Entry, Failure> {
        let entry = Entry { once: Uuid::now_v7().to_string(), id: None };
        self.write(&entry)?;
        Ok(entry)
    }

    /// Adds the id of the created file.
    pub(crate) fn set_id(&self, id: &str) -> Result<(), Failure> {
        let entry = self.read().map_or_else(|| self.begin(), Ok)?;
        self.write(&Entry { id: Some(id.to_owned()), ..entry })
    }

    /// Replaces the entry atomically.
    fn write(&self, entry: &Entry) -> Result<(), Failure> {
        let wrong = |error: std::io::Error| Failure::local(&self.path, error);
        let text = serde_json::to_vec(entry).map_err(|error| Failure::local(&self.path, error))?;
        std::fs::create_dir_all(self.path.parent().unwrap_or(&self.path)).map_err(wrong)?;
        let new = self.path.with_extension(std::process::id().to_string());
        std::fs::write(&new, text).map_err(wrong)?;
        std::fs::rename(&new, &self.path).map_err(wrong)
    }

    /// Removes the entry after the creation is complete.
    pub(crate) fn remove(&self) {
        let _ = std::fs::remove_file(&self.path); // otherwise the next run finds the complete file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_its_own_entry() {
        let folder = tempfile::tempdir().unwrap();
        let entry_of = |subject: &[&str]| Journal::within(folder.path().join("creations"), subject);
        let journal = entry_of(&["/a", "server"]);
        assert_eq!(journal.read(), None);
        let entry = journal.begin().unwrap();
        assert_eq!(journal.read(), Some(entry.clone()));
        let known = Entry { id: Some("i".into()), ..entry };
        journal.set_id("i").unwrap();
        assert_eq!(entry_of(&["/a", "server"]).read(), Some(known));
        for other in [&["/b", "server"][..], &["/a", "other"], &["/a"], &["/aserver", ""]] {
            assert_eq!(entry_of(other).read(), None, "{other:?}");
        }
        journal.remove();
        assert_eq!(journal.read(), None);
        std::fs::write(&journal.path, "nonsense").unwrap();
        assert_eq!(journal.read(), None);
    }
}
