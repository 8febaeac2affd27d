//! The server: AWS's JSON protocol, version 1.1.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::EventBridge;
use super::entry::Entry;
use crate::access::{Access, Call, Refusal};
use crate::connection::{Connection, ServiceResult, boxed};
use crate::faults::{self, Action, ErrorKind};
use crate::iam::{self, Called};
use crate::server::{self, Clients};

/// Maximum number of bytes of a request: the entries' limit with all of their bytes escaped.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Maximum number of bytes of all entries, and of entries
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>).
const MAX_ENTRIES_BYTES: usize = 1024 * 1024;
const MAX_ENTRIES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    #[serde(default)]
    entries: Vec<Entry>,
}

/// A request that is refused as a whole.
struct Refused {
    status: StatusCode,
    body: Value,
}

impl Refused {
    fn new(kind: &str, message: impl Into<String>) -> Self {
        let body = json!({"__type": kind, "message": message.into()});
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    fn internal() -> Self {
        let body = json!({"__type": "InternalException", "message": ""});
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, body }
    }

    fn response(self) -> Response {
        respond(self.status, &self.body)
    }
}

pub(super) async fn serve(events: EventBridge, listener: TcpListener, access: Access) -> anyhow::Result<()> {
    let faults = events.faults.clone();
    let shared = Arc::new((events, access));
    server::serve(listener, Clients::Programs, &faults, move |request, connection| {
        let shared = Arc::clone(&shared);
        async move { handle(&shared.0, &shared.1, request, &connection).await }
    })
    .await
}

async fn handle(
    events: &EventBridge,
    access: &Access,
    request: Request<Incoming>,
    connection: &Connection,
) -> ServiceResult {
    let call = match admitted(access, request).await {
        Ok(call) => call,
        Err(refused) => return Ok(boxed(refused.response())),
    };
    let action = events.faults.decide(&call.caller, faults::Service::EventBridge, &call.operation);
    let result = match events.faults.before(action, connection).await? {
        Some(ErrorKind::Throttling) => Err(Refused::new("ThrottlingException", "Rate exceeded")),
        Some(_) => Err(Refused::internal()),
        None => put(events, &call, action == Some(Action::FailedEntries)),
    };
    let response = result.map_or_else(Refused::response, |body| respond(StatusCode::OK, &body));
    events.faults.after(action, connection, boxed(response)).await
}

async fn admitted(access: &Access, request: Request<Incoming>) -> Result<Call, Refused> {
    let call = match access.admit("events", request.map(Body::new), MAX_BODY_BYTES).await {
        Ok(call) => call,
        Err(Refusal::Signature(error)) => return Err(Refused::new(error.code(), error.to_string())),
        Err(Refusal::Body) => return Err(Refused::new("ValidationException", "The request is too large.")),
    };
    let requests = iam::eventbridge_requests(&call.operation, &call.body);
    let shape = || iam::of_json(&call.body);
    let called = Called { service: "events", operation: &call.operation, shape: &shape };
    access
        .policies
        .authorize(&call.caller, &called, &requests)
        .map_err(|denied| Refused { status: StatusCode::BAD_REQUEST, body: denied.to_json() })?;
    Ok(call)
}

/// Takes the entries of a request, or none of them if `none`.
fn put(events: &EventBridge, call: &Call, none: bool) -> Result<Value, Refused> {
    if call.operation != "PutEvents" {
        return Err(Refused::new("UnknownOperationException", ""));
    }
    let malformed = |error: serde_json::Error| Refused::new("SerializationException", error.to_string());
    let PutEvents { entries } = serde_json::from_slice(&call.body).map_err(malformed)?;
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        let message = format!("1 to {MAX_ENTRIES} entries are allowed, not {}", entries.len());
        return Err(Refused::new("ValidationException", message));
    }
    if entries.iter().map(Entry::size).sum::<usize>() > MAX_ENTRIES_BYTES {
        return Err(Refused::new(
            "ValidationException",
            "Total size of the entries in the request is over the limit.",
        ));
    }
    if none {
        let failed = json!({"ErrorCode": "InternalFailure", "ErrorMessage": ""});
        return Ok(json!({"FailedEntryCount": entries.len(), "Entries": vec![failed; entries.len()]}));
    }
    take(events, entries)
}

/// Keeps the entries that are events, and returns the response: an outcome for each, in their order.
fn take(events: &EventBridge, entries: Vec<Entry>) -> Result<Value, Refused> {
    let (mut kept, mut outcomes, mut failed) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        match entry.event(events.clock.now()) {
            Ok((id, event)) => {
                kept.push(event);
                outcomes.push(json!({"EventId": id}));
            }
            Err(error) => {
                failed += 1;
                outcomes.push(error.to_json());
            }
        }
    }
    events.keep(&kept).map_err(|error| {
        tracing::error!(%error, "EventBridge failed");
        Refused::internal()
    })?;
    Ok(json!({"FailedEntryCount": failed, "Entries": outcomes}))
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(id) = HeaderValue::try_from(Uuid::now_v7().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
