//! The HTTP side: one request is one operation, named in `X-Amz-Target`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::Sqs;
use super::error::SqsError;
use super::operations::Service;
use crate::access::{Access, Refusal};

/// A batch of 1 MiB whose every byte JSON writes as six, and some more.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

struct Front {
    access: Access,
    service: Service,
}

pub(super) async fn serve(
    sqs: Sqs,
    listener: TcpListener,
    access: Access,
    base_url: String,
) -> anyhow::Result<()> {
    let service = Service::new(sqs, access.region.clone(), base_url);
    let router = Router::new().fallback(answer).with_state(Arc::new(Front { access, service }));
    // Answers are small: without this, Nagle's algorithm may hold one back for 40 ms.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

/// Every call passes through here: the place for faults on demand. The path is not looked at: some SDKs post to the
/// queue's URL, some to the root, and the queue is named in the body anyway.
async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let result = match front.access.admit("sqs", request, MAX_BODY_BYTES).await {
        Ok(call) => front.service.call(&call.caller, &call.operation, &call.body).await,
        Err(Refusal::Signature(error)) => Err(error.into()),
        Err(Refusal::Body) => Err(SqsError::Serialization("The request is too large.".to_owned())),
    };
    match result {
        Ok(body) => respond(StatusCode::OK, &body),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &SqsError) -> Response {
    if let SqsError::Internal(cause) = error {
        tracing::error!(%cause, "SQS failed");
    }
    let mut response = respond(error.status(), &error.to_json());
    let query_error = format!("{};{}", error.query_code(), error.fault());
    if let Ok(value) = HeaderValue::try_from(query_error) {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(id) = HeaderValue::try_from(Uuid::now_v7().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
