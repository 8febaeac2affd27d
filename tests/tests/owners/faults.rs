use files_local::faults::Rules;
use serde_json::{Value, json};
use test_app::TestApp;

/// Ends the injection of faults. Returns the number of calls to which a fault was applied.
pub(crate) fn clear(app: &TestApp) -> u64 {
    let faults = &app.services().faults;
    let rules = faults.to_json();
    faults.clear();
    let rules = rules["rules"].as_array().expect("rules").iter();
    rules.filter_map(|rule| rule["hits"].as_u64()).sum()
}

/// Injects faults into the calls of all functions, by a seed. The operator's calls get none.
pub(crate) fn inject(app: &TestApp, seed: u64) {
    let rule = |probability: f64, action: Value| json!({"probability": probability, "action": action});
    let rules = [
        rule(0.10, json!({"error": "transaction_conflict"})),
        rule(0.05, json!({"unprocessed_after": 1})),
        rule(0.03, json!({"error": "throttling"})),
        rule(0.03, json!({"error": "internal"})),
        rule(0.02, json!("cut")),
        rule(0.05, json!("lose_response")),
        rule(0.02, json!("cut_response")),
    ];
    let rules = json!({"seed": seed, "rules": rules}).to_string();
    app.services().faults.add(Rules::parse(rules.as_bytes()).expect("rules"));
}
