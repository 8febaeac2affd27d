use crate::{Deadline, Detail, File, FileName, FileState, Metadata, Timestamp, limits};

/// A change of a file by its owner. `None` keeps a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChange {
    /// The new name.
    pub name: Option<FileName>,
    /// The strings that replace the stored ones.
    pub metadata: Option<Metadata>,
    /// When the file expires.
    pub expiry: Option<Expiry>,
}

/// When a file expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// At this time.
    At(Timestamp),
}

impl FileChange {
    /// Returns whether no field changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the metadata if it differs from that of the file.
    #[must_use]
    pub fn new_metadata(&self, detail: &Detail) -> Option<&Metadata> {
        self.metadata.as_ref().filter(|metadata| **metadata != detail.metadata)
    }
}

impl<S> File<S> {
    /// Returns whether one of `spellings`, in the form of [`FileName::spelling`], is the file's name or an earlier one.
    #[must_use]
    pub fn is_named(&self, spellings: &[String]) -> bool {
        let name = self.name.spelling();
        spellings.iter().any(|spelling| *spelling == name || self.earlier_names.contains(spelling))
    }
}

impl File {
    /// Applies a change of the owner. `None`: the record does not change. Metadata is not part of the record.
    #[must_use]
    pub fn changed(&self, change: &FileChange, now: Timestamp) -> Option<Self> {
        let mut file = self.clone();
        if let Some(name) = &change.name {
            file.rename(name);
        }
        if let Some(expiry) = change.expiry {
            file.expire(expiry, now);
        }
        (file != *self).then_some(Self { updated_at: now, ..file })
    }

    /// Renames the file. An import no longer takes its name from the source.
    fn rename(&mut self, name: &FileName) {
        if let FileState::Importing(import) = &mut self.state {
            import.name_from_source = false;
        }
        if *name != self.name {
            self.earlier_names.replace(&self.name, name);
            self.name = name.clone();
        }
    }

    /// Sets the expiry, and the deadline to that of the file's state or to the expiry, whichever is earlier.
    fn expire(&mut self, expiry: Expiry, now: Timestamp) {
        let expires_at = match expiry {
            Expiry::Never => None,
            Expiry::At(at) => Some(at),
        };
        if expires_at == self.expires_at {
            return;
        }
        let own = self.deadline_of_state(now);
        let at = match (own, expires_at) {
            (Some(own), Some(expires_at)) => Some(own.min(expires_at)),
            (own, expires_at) => own.or(expires_at),
        };
        let tries = self.deadline.filter(|_| own.is_some()).map_or(0, |deadline| deadline.tries);
        self.deadline = at.map(|at| Deadline { at, tries });
        self.expires_at = expires_at;
    }

    /// Returns the deadline that the file has without an expiry, if any. Where the expiry has shortened the deadline, the grace period
    /// of the state restarts.
    fn deadline_of_state(&self, now: Timestamp) -> Option<Timestamp> {
        let created_at = self.created_at();
        let renewed = match &self.state {
            FileState::Stored(_) | FileState::Failed { .. } => return None,
            FileState::AwaitingUpload => created_at.plus(limits::UPLOAD_WINDOW),
            FileState::AwaitingParts(_) => {
                now.plus(limits::UPLOAD_WINDOW).min(created_at.plus(limits::MAX_UPLOAD_WINDOW))
            }
            FileState::Importing(_) => now.plus(limits::IMPORT_SEND_GRACE),
            FileState::Probing(_) => now.plus(limits::PROBE_GRACE),
        };
        let is_own = |deadline: &Deadline| Some(deadline.at) != self.expires_at;
        Some(self.deadline.filter(is_own).map_or(renewed, |deadline| deadline.at))
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
