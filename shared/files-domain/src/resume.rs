//! What an import stores for the worker that resumes it.

use serde::{Deserialize, Serialize};

use crate::PartPlan;

/// Which version of the source an import fetches, and how it is cut into parts. Together with the parts that S3 has, another
/// worker needs nothing else to resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Size of the source in bytes.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// Validator of this version of the source: the value of `If-Range`, at most 256 bytes.
    pub validator: String,
    /// How often the source has changed during the import.
    #[serde(default)]
    pub restarts: u32,
    /// Whether a web page names the source.
    #[serde(default)]
    pub of_page: bool,
    /// Name by the source, if the file takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Media type by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Intermediate state of the SHA-256, if the parts are fetched in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashed: Option<Hashed>,
}

/// The intermediate state of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed {
    /// Number of parts that are hashed.
    pub parts: u32,
    /// The state, serialized by the worker: about 140 characters.
    pub state: String,
}

impl Resume {
    /// Returns how the bytes are cut into parts.
    #[must_use]
    pub fn plan(&self) -> PartPlan {
        PartPlan::recorded(self.size, self.part_size)
    }
}
