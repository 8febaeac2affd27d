//! One file of a simulation.

use files_domain::{File, Import, Timestamp};

use crate::dynamodb::Scheduled;
use crate::model::{Event, Lifecycle};

/// A file of the simulation, with the model's state of it.
pub(crate) struct SimulatedFile {
    /// The file as it was created.
    pub(crate) first: File,
    /// Its lifecycle, or `None` once it is removed.
    pub(crate) lifecycle: Option<Lifecycle>,
    pub(crate) version: u64,
    pub(crate) lease_until: Option<Timestamp>,
    /// The id of its multipart upload, once parts were requested.
    pub(crate) upload_id: Option<String>,
    /// Number of claims.
    pub(crate) claims: u64,
    /// The file as last read by each of its workers.
    pub(crate) workers: Vec<File<Import>>,
    /// The time from which its bytes are deleted, while they exist.
    pub(crate) removal_due: Option<Timestamp>,
}

impl SimulatedFile {
    pub(crate) fn open(&self) -> bool {
        self.lifecycle.is_some_and(|lifecycle| !lifecycle.status.is_terminal())
    }

    pub(crate) fn importing(&self) -> bool {
        self.lifecycle.is_some_and(|lifecycle| lifecycle.importing && !lifecycle.status.is_terminal())
    }

    /// Returns whether a write based on `version` succeeds.
    pub(crate) fn is_at(&self, version: u64) -> bool {
        self.lifecycle.is_some() && self.version == version
    }

    pub(crate) fn apply(&mut self, event: Event) {
        self.lifecycle = self.lifecycle.map(|lifecycle| lifecycle.after(event));
        self.version += 1;
    }

    pub(crate) fn removed(&mut self, seen: &File, now: Timestamp) {
        self.lifecycle = None;
        self.removal_due = Some(seen.removal_due(now));
    }

    pub(crate) fn scheduled(&self) -> Option<Scheduled> {
        match self.lifecycle {
            Some(_) if self.open() || self.first.expires_at.is_some() => Some(Scheduled::File(self.first.id)),
            Some(_) => None,
            None => self.removal_due.map(|_| Scheduled::Removed(self.first.id)),
        }
    }
}
