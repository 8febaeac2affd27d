//! What an import leaves behind for the worker that goes on with it.

use serde::{Deserialize, Serialize};

use crate::PartPlan;

/// Which version of which bytes an import has begun to store, and how they are cut. With the parts that S3 has of the
/// upload it is all that another worker needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Bytes of the whole.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// What tells this version of the source from any other: the value of `If-Range`, of at most 256 bytes.
    pub validator: String,
    /// How often the source has changed under the import.
    #[serde(default)]
    pub restarts: u32,
    /// A page showed where the bytes are.
    #[serde(default)]
    pub of_page: bool,
    /// As the source named it, if the file takes its name from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As the source named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// How far the SHA-256 of the whole has come, where the parts are fetched in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashed: Option<Hashed>,
}

/// A SHA-256 in the making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed {
    /// It is that of the first so many parts.
    pub parts: u32,
    /// Its inner state, as whoever computes it writes it: some 140 characters.
    pub state: String,
}

impl Resume {
    /// How the bytes are cut.
    #[must_use]
    pub fn plan(&self) -> PartPlan {
        PartPlan::recorded(self.size, self.part_size)
    }
}
