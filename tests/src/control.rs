//! The local cloud's own API: fault injection, and a clock that can be advanced.

use http::Method;
use serde_json::{Value, json};

use crate::Cloud;

impl Cloud {
    /// Adds rules, or the mix of a seed.
    pub async fn add_faults(&self, rules: &Value) {
        self.local_with(Method::POST, "faults", rules.to_string()).await.expect(200);
    }

    /// Removes all rules.
    pub async fn clear_faults(&self) {
        self.local_with(Method::DELETE, "faults", String::new()).await.expect(204);
    }

    /// Returns the action of each active rule, and how often the rule was applied.
    pub async fn fault_counts(&self) -> Vec<(Value, u64)> {
        let shown = self.local_with(Method::GET, "faults", String::new()).await.expect(200).json();
        let rules = shown["rules"].as_array().expect("rules");
        rules
            .iter()
            .map(|rule| (rule["rule"]["action"].clone(), rule["hits"].as_u64().expect("a count")))
            .collect()
    }

    /// Returns the latest events that EventBridge has taken, the oldest first, with their buses.
    pub async fn bus_events(&self) -> Vec<Value> {
        let shown = self.local_with(Method::GET, "events", String::new()).await.expect(200).json();
        shown["events"].as_array().expect("events").clone()
    }

    /// Advances the clock of queues, retries, late events and schedules.
    pub async fn advance_clock(&self, seconds: u64) {
        let body = json!({ "advance_seconds": seconds }).to_string();
        self.local_with(Method::POST, "clock", body).await.expect(200);
    }

    /// Runs `sweep` now, and waits until it has ended. Returns whether it succeeded.
    pub async fn try_sweep(&self) -> bool {
        self.local_with(Method::POST, "schedule/sweep", String::new()).await.status == 200
    }
}
