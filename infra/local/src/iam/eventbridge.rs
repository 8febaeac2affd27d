//! What a call of EventBridge asks for.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html>

use std::collections::BTreeSet;

use serde_json::Value;

use super::Request;
use crate::account::event_bus_arn;

/// Returns the actions that a call asks for: on each bus that an entry names, the default one if it names none.
pub(crate) fn requests(operation: &str, body: &[u8]) -> Vec<Request> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let bus = |entry: &Value| {
        let name = entry["EventBusName"].as_str().unwrap_or("default");
        name.rsplit('/').next().unwrap_or(name).to_owned()
    };
    let mut buses: BTreeSet<String> = entries.iter().map(bus).collect();
    if buses.is_empty() {
        buses.insert("*".to_owned());
    }
    let action = format!("events:{operation}");
    buses.iter().map(|bus| Request::new(&action, event_bus_arn(bus))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_needs_every_bus_that_it_names() {
        let arn = event_bus_arn("b");
        let body =
            json!({"Entries": [{"EventBusName": "a"}, {"EventBusName": arn}, {}, {"EventBusName": "a"}]});
        let expected: Vec<_> =
            ["a", "b", "default"].map(|bus| Request::new("events:PutEvents", event_bus_arn(bus))).into();
        assert_eq!(requests("PutEvents", body.to_string().as_bytes()), expected);
        assert_eq!(requests("PutEvents", b"{}"), [Request::new("events:PutEvents", event_bus_arn("*"))]);
    }
}
