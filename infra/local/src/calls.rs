//! Counts AWS calls, so that tests and benchmarks can hold the budgets.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts by caller, service and operation.
type Counts = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>;

/// Calls by caller, service (`s3`, `dynamodb`, `sqs`) and operation (`PutObject`).
#[derive(Default)]
pub struct Calls {
    counts: Mutex<Counts>,
}

impl Calls {
    /// Counts one call, refused ones too.
    pub fn count(&self, caller: &str, service: &str, operation: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts
            .entry(caller.to_owned())
            .or_default()
            .entry(service.to_owned())
            .or_default()
            .entry(operation.to_owned())
            .or_default() += 1;
    }

    /// `{"create-file": {"dynamodb": {"TransactWriteItems": 1}}}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!(*counts)
    }

    /// Back to nothing.
    pub fn clear(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
