//! The resume state of an import.

use serde::{Deserialize, Serialize};

use crate::PartPlan;

/// The version of the source that an import fetches, and its part size. With the parts that S3 has, this suffices for another
/// worker to resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Size of the source in bytes.
    pub size: u64,
    /// Size in bytes of each part except the last.
    pub part_size: u64,
    /// Validator of this version of the source, the value of `If-Range`; at most 256 bytes.
    pub validator: String,
    /// Number of changes of the source during the import.
    #[serde(default)]
    pub restarts: u32,
    /// Whether the URL of the source comes from a web page.
    #[serde(default)]
    pub of_page: bool,
    /// Name from the source, if the file takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Media type from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Intermediate state of the SHA-256, if the parts are fetched in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashed: Option<Hashed>,
}

/// The intermediate state of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed {
    /// Number of hashed parts.
    pub parts: u32,
    /// The state, serialized by the worker: about 140 characters.
    pub state: String,
}

impl Resume {
    /// Returns the part sizes.
    #[must_use]
    pub fn plan(&self) -> PartPlan {
        PartPlan::recorded(self.size, self.part_size)
    }
}
