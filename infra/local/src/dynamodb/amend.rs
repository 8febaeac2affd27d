//! Corrects the engine's responses where DynamoDB's differ.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::response;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::expression::{Token, tokens};
use super::{VALIDATION, json as respond, refusal};

/// Corrects the response to a request.
pub(super) async fn amend(
    operation: &str,
    request: &Value,
    tables: &[Value],
    response: Response,
) -> Response {
    let is_refused = response.status() == StatusCode::BAD_REQUEST;
    match operation {
        "TransactWriteItems" if is_refused => {}
        "TransactGetItems" if response.status().is_success() => {}
        _ => return response,
    }
    let (parts, body) = read(response).await;
    let Some(mut value) = serde_json::from_slice(&body).ok().filter(Value::is_object) else {
        return Response::from_parts(parts, Body::from(body));
    };
    if is_refused {
        first_invalid_only(&mut value);
    } else {
        project(&mut value, request, tables);
    }
    rebuild(parts, &value)
}

/// Reads a response.
pub(super) async fn read(response: Response) -> (response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    (parts, to_bytes(body, usize::MAX).await.unwrap_or_default())
}

/// Builds a response with a changed body.
pub(super) fn rebuild(mut parts: response::Parts, body: &Value) -> Response {
    forget_body(&mut parts.headers);
    Response::from_parts(parts, Body::from(body.to_string()))
}

/// Removes the headers that describe the body before the change.
fn forget_body(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove("x-amz-crc32");
}

/// Keeps only the reason of a transaction's first invalid action: DynamoDB checks no action after it.
/// scylladb, `test_transact_write_cancellation_reasons_validationerror` (also run on DynamoDB).
fn first_invalid_only(body: &mut Value) {
    let Some(reasons) = body["CancellationReasons"].as_array() else { return };
    let Some(invalid) = reasons.iter().position(|reason| reason["Code"] == "ValidationError") else { return };
    let message = reasons[invalid]["Message"].as_str().unwrap_or_default();
    *body = refusal::cancelled(reasons.len(), invalid, "ValidationError", message);
}

/// Builds the error of a transaction one of whose actions is invalid.
pub(super) fn invalid_action(request: &Value, action: usize, message: &str) -> Response {
    let count = request["TransactItems"].as_array().map_or(0, Vec::len);
    respond(StatusCode::BAD_REQUEST, &refusal::cancelled(count, action, "ValidationError", message))
}

/// Builds the error of an invalid request.
pub(super) fn invalid(message: &str) -> Response {
    respond(StatusCode::BAD_REQUEST, &json!({"__type": VALIDATION, "message": message}))
}

/// Removes the key from the items of a projected TransactGetItems, unless the projection names it.
/// scylladb, `test_transact_get_items_projection_expression` (also run on DynamoDB).
fn project(body: &mut Value, request: &Value, tables: &[Value]) {
    let gets = request["TransactItems"].as_array().into_iter().flatten().map(|action| &action["Get"]);
    for (get, read) in gets.zip(body["Responses"].as_array_mut().into_iter().flatten()) {
        let Some(projection) = get["ProjectionExpression"].as_str() else { continue };
        let named = top_level(projection, &get["ExpressionAttributeNames"]);
        let table = tables.iter().find(|table| table["TableName"] == get["TableName"]);
        let keys = table.and_then(|table| table["KeySchema"].as_array()).into_iter().flatten();
        let item = read.get_mut("Item").and_then(Value::as_object_mut);
        let Some(item): Option<&mut Map<String, Value>> = item else { continue };
        for key in keys.filter_map(|key| key["AttributeName"].as_str()) {
            if !named.contains(&key) {
                item.remove(key);
            }
        }
    }
}

/// Returns the top-level attributes of a projection.
fn top_level<'a>(projection: &'a str, names: &'a Value) -> Vec<&'a str> {
    let tokens = tokens(projection);
    let paths = tokens.split(|token| matches!(token, Token::Comma));
    let first = paths.filter_map(|path| match path.first()? {
        Token::Word(word) => Some(*word),
        Token::Name(name) => names[*name].as_str(),
        _ => None,
    });
    first.collect()
}
