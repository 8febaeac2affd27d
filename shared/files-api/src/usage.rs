use files_domain::{Limit, OwnerLimits, Usage};
use serde::Serialize;

/// The usage and limits of an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsageBody {
    used: UsedBody,
    limits: LimitsBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct UsedBody {
    stored_bytes: u64,
    files: u64,
    pending_uploads: u64,
    imports: u64,
    previews: u64,
}

/// The limits; `null` means that there is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LimitsBody {
    stored_bytes: Option<u64>,
    files: Option<u64>,
    file_bytes: Option<u64>,
    pending_uploads: Option<u64>,
    imports: Option<u64>,
    previews: Option<u64>,
    requests_per_second: Option<u64>,
}

impl UsageBody {
    /// Returns the wire format.
    #[must_use]
    pub fn new(usage: Usage, limits: &OwnerLimits) -> Self {
        let Usage { stored_bytes, files, pending_uploads, imports, previews } = usage;
        let limits = LimitsBody {
            stored_bytes: limits.get(Limit::StoredBytes),
            files: limits.get(Limit::Files),
            file_bytes: limits.get(Limit::FileBytes),
            pending_uploads: limits.get(Limit::PendingUploads),
            imports: limits.get(Limit::Imports),
            previews: limits.get(Limit::Previews),
            requests_per_second: limits.get(Limit::RequestsPerSecond),
        };
        let used = UsedBody { stored_bytes, files, pending_uploads, imports, previews };
        Self { used, limits }
    }
}
