//! The routes below `/_local`, for tests and benchmarks.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use rustix::process::geteuid;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::Gateway;
use super::response::{bare, empty, json_response};
use crate::clock::Clock;
use crate::faults::Rules;
use crate::{foreign, peer};

/// Refuses web pages of other origins, and other users of this machine, which include the functions' users.
pub(super) async fn refuse_foreign(
    State(gateway): State<Gateway>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let Ok(own) = gateway.inner.router.authority().parse::<SocketAddr>() else {
        return bare(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let foreign = foreign::check_host(request.uri(), request.headers())
        .and_then(|()| foreign::check_origin(request.headers()));
    if let Err(foreign) = foreign {
        return bare(StatusCode::FORBIDDEN, foreign);
    }
    let user = geteuid().as_raw();
    let known = tokio::task::spawn_blocking(move || peer::client(client.port(), own.port())).await.ok();
    match known.and_then(Result::ok).flatten() {
        Some(socket) if socket.uid == user || socket.uid == 0 => next.run(request).await,
        _ => bare(StatusCode::FORBIDDEN, "only the user who runs this cloud may call this"),
    }
}

/// Handles `GET /_local/health`.
pub(super) async fn health() -> Response<Body> {
    json_response(StatusCode::OK, &json!({"status": "ok"}))
}

/// Handles `GET /_local/calls`.
pub(super) async fn calls(State(gateway): State<Gateway>) -> Response<Body> {
    json_response(StatusCode::OK, &gateway.inner.calls.to_json())
}

/// Handles `DELETE /_local/calls`.
pub(super) async fn clear_calls(State(gateway): State<Gateway>) -> Response<Body> {
    gateway.inner.calls.clear();
    empty(StatusCode::NO_CONTENT)
}

/// Handles `GET /_local/consumed`: DynamoDB's units and bytes by function since metering started.
pub(super) async fn consumed(State(gateway): State<Gateway>) -> Response<Body> {
    json_response(StatusCode::OK, &gateway.inner.calls.consumed_json())
}

/// Handles `POST /_local/consumed`, which starts metering.
pub(super) async fn meter(State(gateway): State<Gateway>) -> Response<Body> {
    gateway.inner.calls.meter();
    empty(StatusCode::NO_CONTENT)
}

/// Handles `POST /_local/schedule/{function}`: runs the function now and returns its outcome; 500 if it failed.
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
            json_response(status, &json!({"failed": outcome.failed, "payload": payload}))
        }
    }
}

/// Handles `GET /_local/events`: the latest events that EventBridge has taken, the oldest first.
pub(super) async fn events(State(gateway): State<Gateway>) -> Response<Body> {
    json_response(StatusCode::OK, &json!({"events": gateway.inner.events.events()}))
}

/// Handles `GET /_local/faults`: the rules, and how often each was applied.
pub(super) async fn faults(State(gateway): State<Gateway>) -> Response<Body> {
    json_response(StatusCode::OK, &gateway.inner.lambda.faults().to_json())
}

/// Handles `POST /_local/faults`: adds rules, or the mix of a seed; 400 if something is not a rule.
pub(super) async fn add_faults(State(gateway): State<Gateway>, body: Bytes) -> Response<Body> {
    match Rules::parse(&body) {
        Ok(rules) => {
            gateway.inner.lambda.faults().add(rules);
            faults(State(gateway)).await
        }
        Err(error) => bare(StatusCode::BAD_REQUEST, &format!("{error:#}")),
    }
}

/// Handles `DELETE /_local/faults`.
pub(super) async fn clear_faults(State(gateway): State<Gateway>) -> Response<Body> {
    gateway.inner.lambda.faults().clear();
    empty(StatusCode::NO_CONTENT)
}

/// Handles `GET /_local/clock`.
pub(super) async fn clock(State(gateway): State<Gateway>) -> Response<Body> {
    time(gateway.inner.schedules.clock())
}

/// Handles `POST /_local/clock` with `{"advance_seconds": 60}`.
pub(super) async fn advance_clock(State(gateway): State<Gateway>, body: Bytes) -> Response<Body> {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(seconds) = asked["advance_seconds"].as_u64() else {
        return bare(StatusCode::BAD_REQUEST, "advance_seconds must be a whole number");
    };
    let clock = gateway.inner.schedules.clock();
    match clock.advance(seconds) {
        Ok(()) => time(clock),
        Err(error) => bare(StatusCode::BAD_REQUEST, &format!("{error:#}")),
    }
}

fn time(clock: &Clock) -> Response<Body> {
    let now = clock.now().format(&Rfc3339).unwrap_or_default();
    json_response(StatusCode::OK, &json!({"now": now, "ahead_seconds": clock.ahead().as_secs()}))
}
