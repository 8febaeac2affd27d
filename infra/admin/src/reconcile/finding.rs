use std::fmt;

use files_domain::{FileId, OwnerId};
use serde_json::{Value, json};

/// A difference between the records and the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The owner.
    pub owner: OwnerId,
    /// The file; `None` for what concerns no single one.
    pub file: Option<FileId>,
    /// What differs.
    pub damage: Damage,
    /// What was done about it.
    pub action: Action,
}

/// What differs. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The record says that the bytes are stored, and there is no object.
    RecordWithoutBytes {
        /// The recorded size.
        recorded: u64,
    },
    /// The object has another size than the record says.
    OtherBytes {
        /// The recorded size.
        recorded: u64,
        /// The object's size.
        stored: u64,
    },
    /// There is an object without a record.
    BytesWithoutRecord {
        /// The object's size.
        stored: u64,
    },
    /// The file has failed, and there is an object.
    BytesOfFailedFile {
        /// The object's size.
        stored: u64,
    },
    /// There is an output of ffprobe without a record.
    ProbeOutputWithoutRecord {
        /// The object's size.
        stored: u64,
    },
    /// There is a poster without a record.
    PosterWithoutRecord {
        /// The object's size.
        stored: u64,
    },
    /// The record says that the file has a poster, and there is no object.
    RecordWithoutPoster,
    /// There are temporary streams that no import will join.
    StreamsWithoutImport {
        /// The objects' size together.
        stored: u64,
    },
    /// An object's key is not one that Files writes.
    ForeignObject {
        /// The key.
        key: String,
    },
    /// The usage is not the sum over the owner's files.
    Usage {
        /// The attribute of the usage item.
        count: &'static str,
        /// What the usage item says.
        recorded: i128,
        /// The sum.
        counted: i128,
    },
    /// The usage could not be compared, since the owner's files kept changing.
    UsageUnsettled,
}

/// What was done about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it was only reported.
    Reported,
    /// Nothing: it takes a decision of the operator.
    Kept,
    /// Nothing: the record changed in between.
    Changed,
    /// The record was deleted, as by its owner.
    RecordDeleted,
    /// The object was deleted.
    BytesDeleted,
    /// The bytes got a new record, and will be probed.
    Adopted,
    /// The usage, or what the record says of a poster, was corrected.
    Corrected,
}

impl Damage {
    fn name(&self) -> &'static str {
        match self {
            Self::RecordWithoutBytes { .. } => "record_without_bytes",
            Self::OtherBytes { .. } => "other_bytes",
            Self::BytesWithoutRecord { .. } => "bytes_without_record",
            Self::BytesOfFailedFile { .. } => "bytes_of_failed_file",
            Self::ProbeOutputWithoutRecord { .. } => "probe_output_without_record",
            Self::PosterWithoutRecord { .. } => "poster_without_record",
            Self::RecordWithoutPoster => "record_without_poster",
            Self::StreamsWithoutImport { .. } => "streams_without_import",
            Self::ForeignObject { .. } => "foreign_object",
            Self::Usage { .. } => "usage",
            Self::UsageUnsettled => "usage_unsettled",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordWithoutBytes { recorded } => {
                write!(f, "the record has no bytes ({recorded} B recorded)")
            }
            Self::OtherBytes { recorded, stored } => {
                write!(f, "the bytes are others ({recorded} B recorded, {stored} B stored)")
            }
            Self::BytesWithoutRecord { stored } => write!(f, "the bytes have no record ({stored} B)"),
            Self::BytesOfFailedFile { stored } => write!(f, "a failed file has bytes ({stored} B)"),
            Self::ProbeOutputWithoutRecord { stored } => {
                write!(f, "ffprobe's output has no record ({stored} B)")
            }
            Self::PosterWithoutRecord { stored } => write!(f, "the poster has no record ({stored} B)"),
            Self::RecordWithoutPoster => f.write_str("the record names a poster, and there is none"),
            Self::StreamsWithoutImport { stored } => {
                write!(f, "the separate streams have no import ({stored} B)")
            }
            Self::ForeignObject { key } => write!(f, "{key:?} is no key of Files"),
            Self::Usage { count, recorded, counted } => {
                write!(f, "the usage says {count} {recorded}, its files are {counted}")
            }
            Self::UsageUnsettled => f.write_str("the usage was not compared: the files kept changing"),
        }
    }
}

impl Action {
    /// Returns whether something was changed.
    #[must_use]
    pub fn is_repair(self) -> bool {
        !matches!(self, Self::Reported | Self::Kept | Self::Changed)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Kept => "kept",
            Self::Changed => "changed meanwhile",
            Self::RecordDeleted => "record deleted",
            Self::BytesDeleted => "bytes deleted",
            Self::Adopted => "adopted",
            Self::Corrected => "corrected",
        }
    }
}

impl Finding {
    /// Returns the finding in one line. Names are quoted, since they may hold any character.
    pub(super) fn to_line(&self, owner_name: Option<&str>) -> String {
        let owner = owner_name.map_or_else(|| self.owner.to_string(), |name| format!("{name:?}"));
        let file = self.file.map(|id| format!(" {id}")).unwrap_or_default();
        format!("{owner}{file}: {}: {}", self.damage, self.action.name())
    }

    /// Returns the finding as JSON.
    pub(super) fn to_json(&self, owner_name: Option<&str>) -> Value {
        json!({
            "owner_id": self.owner.to_string(), "owner": owner_name, "file": self.file.map(|id| id.to_string()),
            "difference": self.damage.name(), "message": self.damage.to_string(), "action": self.action.name(),
        })
    }
}
