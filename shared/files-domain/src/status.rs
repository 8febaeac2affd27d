use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a file's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The client sends them.
    Upload,
    /// They are fetched from a URL.
    Url,
}

/// How far a file has come. A status never goes back, and a terminal one never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for bytes.
    Pending,
    /// Being imported, or stored and being probed.
    Running,
    /// Stored.
    Success,
    /// The bytes could not be had.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Running, Self::Success, Self::Failed];

    /// Whether it never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::Upload, Self::Url];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload => "upload",
            Self::Url => "url",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        })
    }
}
