//! Injected errors, in DynamoDB's words.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::json;
use crate::faults::ErrorKind;

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810";

/// Builds the response to a call that gets an injected error instead of being carried out.
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

/// Builds the error of a write whose item another transaction uses: the first item of a transaction, or the only one of a
/// single write.
fn conflict(body: &[u8]) -> Response {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = "Transaction is ongoing for the item";
    let Some(items) = request["TransactItems"].as_array() else {
        let name = format!("{NAMESPACE}#TransactionConflictException");
        return json(StatusCode::BAD_REQUEST, &json!({"__type": name, "message": message}));
    };
    json(StatusCode::BAD_REQUEST, &cancelled(items.len(), 0, "TransactionConflict", message))
}

/// Returns the body of a cancelled transaction of `count` actions, of which one is the reason.
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
        // The API's model writes this error's message with a capital.
        "Message": told,
        "CancellationReasons": reasons,
    })
}
