use std::time::SystemTime;

use files_domain::Timestamp;

/// The present, for the domain, which has no clock of its own.
#[must_use]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}
