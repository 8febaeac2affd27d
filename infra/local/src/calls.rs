//! Counts AWS calls, so that tests and benchmarks can check budgets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Counts by caller, service and operation.
type Counts = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>;

/// What a caller's calls of DynamoDB consumed in total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Consumption {
    /// Read request units, as the engine reports them.
    pub read_units: f64,
    /// Write request units, those of indexes included.
    pub write_units: f64,
    /// Bytes of requests and responses, without their headers.
    pub bytes: usize,
}

/// Calls by caller, service (`s3`, `dynamodb`, `sqs`) and operation (`PutObject`).
#[derive(Default)]
pub struct Calls {
    counts: Mutex<Counts>,
    consumed: Mutex<BTreeMap<String, Consumption>>,
    is_metered: AtomicBool,
}

impl Calls {
    /// Counts one call, also one that is refused.
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

    /// Returns the counts: `{"worker": {"dynamodb": {"TransactWriteItems": 1}}}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!(*counts)
    }

    /// Starts to add up DynamoDB's units and bytes, which costs a little time per call.
    pub fn meter(&self) {
        self.is_metered.store(true, Ordering::Relaxed);
    }

    /// Returns whether units and bytes are added up.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        self.is_metered.load(Ordering::Relaxed)
    }

    /// Adds the consumption of one call.
    pub fn consume(&self, caller: &str, more: Consumption) {
        let mut consumed = self.consumed.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = consumed.entry(caller.to_owned()).or_default();
        sum.read_units += more.read_units;
        sum.write_units += more.write_units;
        sum.bytes += more.bytes;
    }

    /// Returns the sums: `{"worker": {"read_units": 0.0, "write_units": 6.0, "bytes": 2048}}`.
    #[must_use]
    pub fn consumed_json(&self) -> serde_json::Value {
        let consumed = self.consumed.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!(*consumed)
    }

    /// Resets the counts.
    pub fn clear(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
