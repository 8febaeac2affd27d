//! Injected errors with DynamoDB's messages.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::json;
use crate::faults::ErrorKind;

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810";

/// Builds the response to a call that fails with an injected error.
pub(super) fn refusal(kind: ErrorKind, body: &[u8]) -> Response {
    let (status, name, message) = match kind {
        ErrorKind::TransactionConflict => return conflict(body),
        ErrorKind::Throttling => {
            let name = "com.amazon.coral.availability#ThrottlingException".to_owned();
            (StatusCode::BAD_REQUEST, name, "Rate of requests exceeds the allowed throughput.")
        }
        ErrorKind::ThroughputExceeded => (
            StatusCode::BAD_REQUEST,
            format!("{NAMESPACE}#ProvisionedThroughputExceededException"),
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
             provisioning level with the UpdateTable API.",
        ),
        ErrorKind::Internal | ErrorKind::Conflict => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{NAMESPACE}#InternalServerError"),
            "Internal server error",
        ),
    };
    json(status, &json!({"__type": name, "message": message}))
}

/// Builds the error of a write whose item another transaction uses. In a transaction it names the first item.
fn conflict(body: &[u8]) -> Response {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = "Transaction is ongoing for the item";
    let Some(items) = request["TransactItems"].as_array() else {
        let name = format!("{NAMESPACE}#TransactionConflictException");
        return json(StatusCode::BAD_REQUEST, &json!({"__type": name, "message": message}));
    };
    json(StatusCode::BAD_REQUEST, &cancelled(items.len(), 0, "TransactionConflict", message))
}

/// Returns the body of a cancelled transaction of `count` actions, of which `action` is the reason.
pub(super) fn cancelled(count: usize, action: usize, code: &str, message: &str) -> Value {
    let reason = |at: usize| match at {
        at if at == action => json!({"Code": code, "Message": message}),
        _ => json!({"Code": "None"}),
    };
    let reasons: Vec<_> = (0..count).map(reason).collect();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let told = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    json!({
        "__type": format!("{NAMESPACE}#TransactionCanceledException"),
        // AWS's API model spells this error's `Message` with a capital.
        "Message": told,
        "CancellationReasons": reasons,
    })
}
