use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{File, FileId, OwnerId, ParseIdError, Status, Timestamp};

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The status of a file has become `success`.
    #[serde(rename = "file.succeeded")]
    Succeeded,
    /// The status of a file has become `failed`.
    #[serde(rename = "file.failed")]
    Failed,
    /// A file was deleted because it expired.
    #[serde(rename = "file.expired")]
    Expired,
    /// A file was deleted by its owner. Webhooks do not receive this kind.
    #[serde(rename = "file.deleted")]
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Expired, Self::Deleted];
    /// The kinds that webhooks receive.
    pub const FOR_WEBHOOKS: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Expired];

    /// Returns the kind's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "file.succeeded",
            Self::Failed => "file.failed",
            Self::Expired => "file.expired",
            Self::Deleted => "file.deleted",
        }
    }

    /// Returns the kind of the event for a file's new status; `None` for statuses without events.
    #[must_use]
    pub fn of(status: Status) -> Option<Self> {
        match status {
            Status::Success => Some(Self::Succeeded),
            Status::Failed => Some(Self::Failed),
            Status::Pending | Status::Running => None,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(ParseIdError)
    }
}

/// The reference of an event. A file has at most one event of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventRef {
    /// The owner of the file.
    pub owner: OwnerId,
    /// The file.
    pub file: FileId,
    /// The kind.
    pub kind: EventKind,
}

/// An event of a file, written in the transaction of the change.
#[derive(Clone, Debug, PartialEq)]
pub struct FileEvent {
    /// The kind.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// The file at that time.
    pub file: File,
    /// The webhook URL that the client gave for this file.
    pub webhook: Option<String>,
}

impl FileEvent {
    /// Returns the event of a file's deletion by its owner.
    #[must_use]
    pub fn deleted(file: &File, now: Timestamp) -> Self {
        Self { kind: EventKind::Deleted, at: now, file: file.clone(), webhook: None }
    }

    /// Returns the reference of the event.
    #[must_use]
    pub fn reference(&self) -> EventRef {
        EventRef { owner: self.file.owner, file: self.file.id, kind: self.kind }
    }
}

impl File {
    /// Returns the kind of the event of the change from `before`; `None` if it is not an event, or the file has no notification.
    #[must_use]
    pub fn ending(&self, before: &Self) -> Option<EventKind> {
        let ends = self.notify && !before.status().is_terminal();
        EventKind::of(self.status()).filter(|_| ends)
    }

    /// Returns the kind of the event of the file's removal at `now`, if it is one.
    #[must_use]
    pub fn expiry(&self, now: Timestamp) -> Option<EventKind> {
        (self.notify && self.has_expired(now)).then_some(EventKind::Expired)
    }
}
