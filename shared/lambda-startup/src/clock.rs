use std::time::SystemTime;

use files_domain::Timestamp;

/// Returns the current time.
#[must_use]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}
