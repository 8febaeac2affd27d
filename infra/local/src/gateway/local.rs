//! Routes of the local cloud alone, for tests and benchmarks.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Gateway;
use super::answer::{bare, empty, json_answer};

/// `GET /_local/health`
pub(super) async fn health() -> Response<Body> {
    json_answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /_local/calls`
pub(super) async fn calls(State(gateway): State<Gateway>) -> Response<Body> {
    json_answer(StatusCode::OK, &gateway.inner.calls.to_json())
}

/// `DELETE /_local/calls`
pub(super) async fn clear_calls(State(gateway): State<Gateway>) -> Response<Body> {
    gateway.inner.calls.clear();
    empty(StatusCode::NO_CONTENT)
}

/// `POST /_local/schedule/{function}`: runs it now and tells its outcome; 500 if it failed.
pub(super) async fn run_schedule(
    State(gateway): State<Gateway>,
    Path(function): Path<String>,
) -> Response<Body> {
    match gateway.inner.schedules.run_now(&function).await {
        None => bare(StatusCode::NOT_FOUND, "no schedule runs this function"),
        Some(Err(refused)) => bare(StatusCode::SERVICE_UNAVAILABLE, &format!("{refused:?}")),
        Some(Ok(outcome)) => {
            let status = if outcome.failed { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            let payload: Value = serde_json::from_slice(&outcome.payload).unwrap_or_default();
            json_answer(status, &json!({"failed": outcome.failed, "payload": payload}))
        }
    }
}
