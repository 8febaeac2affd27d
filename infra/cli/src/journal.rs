//! The creations that this machine has begun: an entry is kept until the creation is done, so that the next run of the same command
//! resumes it. The server knows which parts are stored.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::Api;
use crate::failure::Failure;
use crate::json::Json;
use crate::settings::folder;

/// The entry of one creation.
pub(crate) struct Journal {
    path: PathBuf,
}

/// Its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The idempotency key of the creation.
    pub(crate) once: String,
    /// The file's id, once it is known.
    pub(crate) id: Option<String>,
}

impl Journal {
    /// The page of one creation: what is created, from which local file, by which server.
    pub(crate) fn of(subject: &[&str]) -> Self {
        Self::within(folder("XDG_STATE_HOME", ".local/state").join("creations"), subject)
    }

    fn within(folder: PathBuf, subject: &[&str]) -> Self {
        let name = hex::encode(Sha256::digest(format!("{subject:?}")));
        Self { path: folder.join(&name[..32]) }
    }

    /// The creation that an earlier run began. An entry that cannot be read counts as none.
    pub(crate) fn read(&self) -> Option<Entry> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Creates the file, or gets the file that an earlier run created. Returns it with whether an earlier run began it.
    ///
    /// # Errors
    /// Those of the request, and `Local`: the entry cannot be written.
    pub(crate) async fn create(&self, api: &Api, body: &Value) -> Result<(Json, bool), Failure> {
        let earlier = self.read();
        let resumes = earlier.is_some();
        let entry = earlier.map_or_else(|| self.begin(), Ok)?;
        match api.create(body, &entry.once).await {
            // The file of the earlier run is deleted, and its key with it.
            Err(failure) if resumes && failure.is("idempotency_conflict") => {
                Ok((api.create(body, &self.begin()?.once).await?, false))
            }
            outcome => Ok((outcome?, resumes)),
        }
    }

    /// Begins a new creation.
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

    /// The creation is done.
    pub(crate) fn forget(&self) {
        let _ = std::fs::remove_file(&self.path); // the next run finds that the creation is done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_creation_has_its_own_entry() {
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
        journal.forget();
        assert_eq!(journal.read(), None);
        std::fs::write(&journal.path, "nonsense").unwrap();
        assert_eq!(journal.read(), None);
    }
}
