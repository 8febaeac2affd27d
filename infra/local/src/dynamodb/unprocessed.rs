//! Partial results of BatchGetItem, as when it exceeds a limit.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::amend::{read, rebuild};

/// Removes all but the first `count` keys from a request. Returns the remaining request, and the removed keys in the form of
/// `UnprocessedKeys`.
pub(super) fn split(body: &Bytes, count: usize) -> (Bytes, Value) {
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
        return (body.clone(), Value::Null);
    };
    let (mut left, mut taken) = (count, Map::new());
    for (table, wanted) in request["RequestItems"].as_object_mut().into_iter().flatten() {
        let Some(keys) = wanted["Keys"].as_array_mut() else { continue };
        let rest = keys.split_off(left.min(keys.len()));
        left -= keys.len();
        if !rest.is_empty() {
            let mut unprocessed = wanted.clone();
            unprocessed["Keys"] = rest.into();
            taken.insert(table.clone(), unprocessed);
        }
    }
    if let Some(tables) = request["RequestItems"].as_object_mut() {
        tables.retain(|_, wanted| wanted["Keys"].as_array().is_none_or(|keys| !keys.is_empty()));
    }
    (request.to_string().into(), taken.into())
}

/// Adds the unread keys to a successful response.
pub(super) async fn add(response: Response, unprocessed: Value) -> Response {
    let (parts, bytes) = read(response).await;
    let Some(mut fields) = serde_json::from_slice::<Value>(&bytes).ok().filter(|_| parts.status.is_success())
    else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    fields["UnprocessedKeys"] = unprocessed;
    rebuild(parts, &fields)
}
