//! Imports that back off between two attempts, for minutes of the cloud's clock.

use serde_json::Value;

use crate::owner::id;
use crate::{Cloud, Owner, until};

/// Longer than the longest backoff of an import, in seconds.
const LONGEST_BACKOFF: u64 = 901;

impl Cloud {
    /// Waits until an import has ended, and shortens its backoffs.
    pub async fn end_of_import(&self, owner: &Owner, file: &Value) -> Value {
        until("the import ends", async || {
            let now = owner.file(id(file)).await;
            if matches!(now["status"].as_str(), Some("success" | "failed")) {
                return Some(now);
            }
            let item = owner.backend.file_item(id(file)).await;
            if item.contains_key("transient_failures") && !item.contains_key("lease_until") {
                self.advance_clock(LONGEST_BACKOFF).await;
            }
            None
        })
        .await
    }
}
