//! What a call consumes: the engine is asked for it, and the caller sees of that only what it asked for itself.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use serde_json::Value;

use crate::calls::Consumption;

const ASKED: &str = "ReturnConsumedCapacity";
const TOLD: &str = "ConsumedCapacity";

/// Makes a request ask for its consumption. Returns it, and whether the caller had not asked itself.
pub(super) fn ask(body: Bytes) -> (Bytes, bool) {
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(mut request)) if !request.contains_key(ASKED) => {
            request.insert(ASKED.to_owned(), "TOTAL".into());
            (Value::Object(request).to_string().into(), true)
        }
        _ => (body, false),
    }
}

/// Reads a call's consumption from its response, and removes it there if the caller had not asked for it.
pub(super) async fn tell(response: Response, is_write: bool, take_out: bool) -> (Response, Consumption) {
    let (mut parts, body) = response.into_parts();
    let mut bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut consumption = Consumption::default();
    if let Ok(Value::Object(mut answer)) = serde_json::from_slice::<Value>(&bytes) {
        let units = if is_write { &mut consumption.write_units } else { &mut consumption.read_units };
        *units = answer.get(TOLD).map_or(0.0, total);
        if take_out && answer.remove(TOLD).is_some() {
            bytes = Value::Object(answer).to_string().into();
            // They describe the response before the change.
            parts.headers.remove(CONTENT_LENGTH);
            parts.headers.remove("x-amz-crc32");
        }
    }
    consumption.bytes = bytes.len();
    (Response::from_parts(parts, Body::from(bytes)), consumption)
}

/// Sums the units of one table, or of all that a batch or transaction names.
fn total(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(total).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_caller_sees_only_what_it_asked_for() {
        let (asked, is_ours) = ask(Bytes::from_static(br#"{"TableName":"t"}"#));
        assert!(is_ours);
        assert_eq!(
            serde_json::from_slice::<Value>(&asked).unwrap(),
            json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"})
        );
        let own = Bytes::from_static(br#"{"ReturnConsumedCapacity":"NONE"}"#);
        assert_eq!(ask(own.clone()), (own, false));

        let answer =
            json!({"Responses": {}, "ConsumedCapacity": [{"CapacityUnits": 1.5}, {"CapacityUnits": 2.0}]});
        for take_out in [true, false] {
            let response = Response::new(Body::from(answer.to_string()));
            let (response, consumption) = tell(response, false, take_out).await;
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let seen: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(seen, if take_out { json!({"Responses": {}}) } else { answer.clone() });
            assert_eq!(consumption, Consumption { read_units: 3.5, write_units: 0.0, bytes: bytes.len() });
        }
    }
}
