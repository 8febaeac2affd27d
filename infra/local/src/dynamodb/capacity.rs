//! Capacity that a call consumes: requested of the engine for every call, and removed from the response if the caller did
//! not request it.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use serde_json::Value;

use crate::calls::Consumption;

const REQUESTED: &str = "ReturnConsumedCapacity";
const REPORTED: &str = "ConsumedCapacity";

/// Adds `ReturnConsumedCapacity` to a request. Returns the request, and whether it was added.
pub(super) fn enable(body: Bytes) -> (Bytes, bool) {
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(mut request)) if !request.contains_key(REQUESTED) => {
            request.insert(REQUESTED.to_owned(), "TOTAL".into());
            (Value::Object(request).to_string().into(), true)
        }
        _ => (body, false),
    }
}

/// Reads the consumed capacity from a response, and removes it there if `remove` is set.
pub(super) async fn extract(response: Response, is_write: bool, remove: bool) -> (Response, Consumption) {
    let (mut parts, body) = response.into_parts();
    let mut bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut consumption = Consumption::default();
    if let Ok(Value::Object(mut fields)) = serde_json::from_slice::<Value>(&bytes) {
        let units = if is_write { &mut consumption.write_units } else { &mut consumption.read_units };
        *units = fields.get(REPORTED).map_or(0.0, total);
        if remove && fields.remove(REPORTED).is_some() {
            bytes = Value::Object(fields).to_string().into();
            // These headers describe the response before the change.
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
    async fn consumed_capacity_is_returned_only_on_request() {
        let (body, is_ours) = enable(Bytes::from_static(br#"{"TableName":"t"}"#));
        assert!(is_ours);
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"})
        );
        let own = Bytes::from_static(br#"{"ReturnConsumedCapacity":"NONE"}"#);
        assert_eq!(enable(own.clone()), (own, false));

        let fields =
            json!({"Responses": {}, "ConsumedCapacity": [{"CapacityUnits": 1.5}, {"CapacityUnits": 2.0}]});
        for remove in [true, false] {
            let response = Response::new(Body::from(fields.to_string()));
            let (response, consumption) = extract(response, false, remove).await;
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let seen: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(seen, if remove { json!({"Responses": {}}) } else { fields.clone() });
            assert_eq!(consumption, Consumption { read_units: 3.5, write_units: 0.0, bytes: bytes.len() });
        }
    }
}
