//! Which upload a file of this machine has begun: kept until it is completed, so that the next run goes on with it. What is
//! already stored, the server is asked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::failure::Failure;
use crate::local_file::LocalFile;
use crate::settings::folder;

/// One file's page of the journal.
pub(super) struct Journal {
    path: PathBuf,
}

/// What stands on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Under which the upload is created, once.
    pub(super) once: String,
    /// The file's id, once it is known.
    pub(super) id: Option<String>,
}

impl Journal {
    /// Of this file as it now is, at this server, announced as this.
    pub(super) fn of(local: &LocalFile, server: &str, announced: &str) -> Self {
        Self::within(folder("XDG_STATE_HOME", ".local/state").join("uploads"), local, server, announced)
    }

    fn within(folder: PathBuf, local: &LocalFile, server: &str, announced: &str) -> Self {
        let what = (&local.path, local.size, local.modified, server, announced);
        let name = hex::encode(Sha256::digest(format!("{what:?}")));
        Self { path: folder.join(&name[..32]) }
    }

    /// What was begun. A page that cannot be read is as good as none.
    pub(super) fn read(&self) -> Option<Entry> {
        serde_json::from_slice(&std::fs::read(&self.path).ok()?).ok()
    }

    /// Begins anew.
    pub(super) fn begin(&self) -> Result<Entry, Failure> {
        let entry = Entry { once: Uuid::now_v7().to_string(), id: None };
        self.write(&entry)?;
        Ok(entry)
    }

    /// Whole or not at all, whenever the power fails.
    pub(super) fn write(&self, entry: &Entry) -> Result<(), Failure> {
        let wrong = |error: std::io::Error| Failure::local(&self.path, error);
        let text = serde_json::to_vec(entry).map_err(|error| Failure::local(&self.path, error))?;
        std::fs::create_dir_all(self.path.parent().unwrap_or(&self.path)).map_err(wrong)?;
        let new = self.path.with_extension(std::process::id().to_string());
        std::fs::write(&new, text).map_err(wrong)?;
        std::fs::rename(&new, &self.path).map_err(wrong)
    }

    /// It is done with.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(&self.path); // what stays is found to be done with by the next run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_another_page() {
        let folder = tempfile::tempdir().unwrap();
        let page = |local: &LocalFile, server: &str| {
            Journal::within(folder.path().join("uploads"), local, server, "{}")
        };
        let local = |size, modified| LocalFile { path: "/a".into(), size, modified };
        let journal = page(&local(7, 1), "s");
        assert_eq!(journal.read(), None);
        let entry = journal.begin().unwrap();
        assert_eq!(journal.read(), Some(entry.clone()));
        let known = Entry { id: Some("i".into()), ..entry };
        journal.write(&known).unwrap();
        assert_eq!(page(&local(7, 1), "s").read(), Some(known));
        for other in [page(&local(8, 1), "s"), page(&local(7, 2), "s"), page(&local(7, 1), "t")] {
            assert_eq!(other.read(), None);
        }
        journal.forget();
        assert_eq!(journal.read(), None);
        std::fs::write(&journal.path, "nonsense").unwrap();
        assert_eq!(journal.read(), None);
    }
}
