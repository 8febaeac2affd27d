//! Fault injection for a whole test run: with `FILES_TESTS_FAULTS=SEED` every local cloud injects faults.

use std::sync::LazyLock;

use serde_json::{Value, json};

static SEED: LazyLock<Option<u64>> = LazyLock::new(|| {
    let text = std::env::var("FILES_TESTS_FAULTS").ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("FILES_TESTS_FAULTS is a whole number, not {text}")))
});

/// Returns the seed of the injected faults, or `None` without faults.
#[must_use]
pub fn seed() -> Option<u64> {
    *SEED
}

/// Returns whether faults are injected.
#[must_use]
pub fn are_injected() -> bool {
    seed().is_some()
}

/// What completes the work of a killed function.
#[derive(Clone, Copy, PartialEq)]
enum Completion {
    /// The second attempt.
    Retry,
    /// `sweep`, after minutes: the tests in `tests/faults` kill these functions at each call.
    Sweep,
}

/// Functions whose calls may lose their responses: all but import-file. A lost response to its claim, which is a lease, would
/// delay the import until the lease ends.
const SURVIVES_LOST_RESPONSES: [(&str, Completion); 14] = [
    ("create-file", Completion::Retry),
    ("get-file", Completion::Retry),
    ("list-files", Completion::Retry),
    ("download-file", Completion::Retry),
    ("get-poster", Completion::Retry),
    ("sign-upload", Completion::Retry),
    ("sign-parts", Completion::Retry),
    ("list-parts", Completion::Retry),
    ("complete-upload", Completion::Retry),
    ("delete-file", Completion::Sweep),
    ("probe-file", Completion::Retry),
    ("probe-record", Completion::Retry),
    ("fail-file", Completion::Retry),
    ("sweep", Completion::Sweep),
];

/// Returns the rules of faults that a client with ordinary retries survives within seconds. The mix of `--faults SEED` contains
/// more; the soak test injects it.
pub(crate) fn rules(seed: u64) -> Value {
    let mut rules = Vec::new();
    let mut add = |chance: f64, caller: Option<&str>, service: Option<&str>, action: Value| {
        rules.push(json!({"probability": chance, "caller": caller, "service": service, "action": action}));
    };
    add(0.05, None, None, json!({"error": "transaction_conflict"}));
    add(0.05, None, None, json!({"unprocessed_after": 1}));
    add(0.03, None, None, json!({"error": "conflict"}));
    add(0.1, None, None, json!("error_in_200"));
    add(0.005, None, None, json!({"error": "throughput_exceeded"}));
    add(0.2, Some("sweep"), None, json!({"stale_ms": 1_000})); // other tests expect fresh lists
    for (chance, action) in [
        (0.1, json!("duplicate")),
        (0.05, json!("lose_response")),
        (0.1, json!("out_of_order")),
        (0.03, json!({"delay_ms": 120_000})),
    ] {
        add(chance, None, Some("trigger"), action);
    }
    add(0.02, None, Some("lambda"), json!({"error": "throttling"}));
    add(0.05, None, Some("lambda"), json!("kill_before"));
    for (caller, _) in SURVIVES_LOST_RESPONSES.into_iter().filter(|(_, after)| *after == Completion::Retry) {
        add(0.01, Some(caller), Some("lambda"), json!({"kill_after_ms": 30}));
        add(0.005, Some(caller), Some("lambda"), json!({"deadline_ms": 50}));
        add(0.005, Some(caller), None, json!("kill_before"));
        add(0.005, Some(caller), None, json!("kill_after"));
    }
    of_services(&mut add);
    add(0.05, None, Some("lambda"), json!("close_frozen"));
    json!({"seed": seed, "rules": rules})
}

/// Adds the faults of DynamoDB, S3 and SQS.
fn of_services(add: &mut impl FnMut(f64, Option<&str>, Option<&str>, Value)) {
    for service in ["dynamodb", "s3", "sqs"] {
        for (chance, action) in [
            (0.02, json!({"error": "throttling"})),
            (0.01, json!({"error": "internal"})),
            (0.005, json!("cut")),
            (0.03, json!("close_idle")),
            (0.02, json!({"delay_ms": 100})),
        ] {
            add(chance, None, Some(service), action);
        }
        for (caller, _) in SURVIVES_LOST_RESPONSES {
            add(0.01, Some(caller), Some(service), json!("lose_response"));
            add(0.005, Some(caller), Some(service), json!("cut_response"));
        }
    }
}
