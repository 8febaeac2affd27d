//! Handles SQS's calls: each request is one operation, named in `X-Amz-Target`.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::Sqs;
use super::error::SqsError;
use super::operations::Service;
use crate::access::{Access, Refusal};
use crate::connection::{Connection, ServiceResult, boxed};
use crate::faults::{self, ErrorKind, Faults};
use crate::iam::{self, Called};
use crate::server::{self, Clients};

/// A batch of 1 MiB in which JSON escapes every byte as six, with some margin.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

struct Server {
    access: Access,
    service: Service,
    faults: Faults,
}

pub(super) async fn serve(
    sqs: Sqs,
    listener: TcpListener,
    access: Access,
    base_url: String,
) -> anyhow::Result<()> {
    let faults = sqs.faults.clone();
    let service = Service::new(sqs, access.region.clone(), base_url);
    let sqs = Arc::new(Server { access, service, faults: faults.clone() });
    server::serve(listener, Clients::Programs, &faults, move |request, connection| {
        let sqs = Arc::clone(&sqs);
        async move { sqs.handle(request, &connection).await }
    })
    .await
}

impl Server {
    /// Handles one request. The path is ignored: some SDKs post to the queue's URL, some to the root, and the body names the
    /// queue.
    async fn handle(&self, request: Request<Incoming>, connection: &Connection) -> ServiceResult {
        let call = match self.access.admit("sqs", request.map(Body::new), MAX_BODY_BYTES).await {
            Ok(call) => call,
            Err(Refusal::Signature(error)) => return Ok(boxed(refuse(&error.into()))),
            Err(Refusal::Body) => {
                let error = SqsError::Serialization("The request is too large.".to_owned());
                return Ok(boxed(refuse(&error)));
            }
        };
        let requests = iam::sqs_requests(&call.operation, &call.body);
        let shape = || iam::of_json(&call.body);
        let called = Called { service: "sqs", operation: &call.operation, shape: &shape };
        if let Err(denied) = self.access.policies.authorize(&call.caller, &called, &requests) {
            return Ok(boxed(refuse(&denied.into())));
        }
        let action = self.faults.decide(&call.caller, faults::Service::Sqs, &call.operation);
        let result = match self.faults.before(action, connection).await? {
            Some(ErrorKind::Throttling) => Err(SqsError::RequestThrottled),
            Some(_) => Err(SqsError::InternalFailure),
            None => self.service.call(&call).await,
        };
        let response = match result {
            Ok(body) => respond(StatusCode::OK, &body),
            Err(error) => refuse(&error),
        };
        self.faults.after(action, connection, boxed(response)).await
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
