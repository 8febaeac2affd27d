use std::fmt;

use files_domain::{FileId, OwnerId};
use serde_json::{Value, json};

/// A difference between the records and the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The owner.
    pub owner: OwnerId,
    /// The file; `None`: the finding concerns no single file.
    pub file: Option<FileId>,
    /// The difference.
    pub damage: Damage,
    /// The action taken.
    pub action: Action,
}

/// A kind of difference. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A record of stored bytes without an object.
    RecordWithoutBytes {
        /// The recorded size.
        recorded: u64,
    },
    /// An object whose size differs from the record's.
    OtherBytes {
        /// The recorded size.
        recorded: u64,
        /// The object's size.
        stored: u64,
    },
    /// An object without a record.
    BytesWithoutRecord {
        /// The object's size.
        stored: u64,
    },
    /// An object of a failed file.
    BytesOfFailedFile {
        /// The object's size.
        stored: u64,
    },
    /// An output of ffprobe without a record.
    ProbeOutputWithoutRecord {
        /// The object's size.
        stored: u64,
    },
    /// A poster without a record.
    PosterWithoutRecord {
        /// The object's size.
        stored: u64,
    },
    /// A record with the poster flag without a poster.
    RecordWithoutPoster,
    /// Temporary streams that no import will join.
    StreamsWithoutImport {
        /// The objects' size together.
        stored: u64,
    },
    /// An object whose key Files does not write.
    ForeignObject {
        /// The key.
        key: String,
    },
    /// A usage that is not the sum over the owner's files.
    Usage {
        /// The attribute of the usage item.
        count: &'static str,
        /// The value in the usage item.
        recorded: i128,
        /// The sum.
        counted: i128,
    },
    /// A usage that could not be compared, because the owner's files kept changing.
    UsageUnsettled,
}

/// The action that was taken for a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// None: the difference was only reported.
    Reported,
    /// None: the operator must decide.
    Kept,
    /// None: the record changed in between.
    Changed,
    /// The record was deleted, as by its owner.
    RecordDeleted,
    /// The object was deleted.
    BytesDeleted,
    /// The bytes got a new record, and will be probed.
    Adopted,
    /// The usage, or the poster flag of the record, was corrected.
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
                write!(f, "the size differs ({recorded} B recorded, {stored} B stored)")
            }
            Self::BytesWithoutRecord { stored } => write!(f, "the bytes have no record ({stored} B)"),
            Self::BytesOfFailedFile { stored } => write!(f, "a failed file has bytes ({stored} B)"),
            Self::ProbeOutputWithoutRecord { stored } => {
                write!(f, "ffprobe's output has no record ({stored} B)")
            }
            Self::PosterWithoutRecord { stored } => write!(f, "the poster has no record ({stored} B)"),
            Self::RecordWithoutPoster => f.write_str("the record names a poster that does not exist"),
            Self::StreamsWithoutImport { stored } => {
                write!(f, "the separate streams have no import ({stored} B)")
            }
            Self::ForeignObject { key } => write!(f, "{key:?} is not a key of Files"),
            Self::Usage { count, recorded, counted } => {
                write!(f, "the usage has {count} {recorded}, the files have {counted}")
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
