//! Lambda's API with the operation `Invoke`, which functions use to invoke others.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::access::{Access, Call, Refusal};
use crate::account::function_arn;
use crate::connection::{ServiceResult, boxed};
use crate::iam::{self, Called};
use crate::runtime::{Invocation, Lambda, Lineage, MAX_PAYLOAD_BYTES, Outcome, Refused, WhenBusy};
use crate::server::{self, Clients};
use crate::template::Function;
use crate::triggers::Asynchronous;

/// Maximum of an asynchronous event in bytes.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

struct Server {
    lambda: Lambda,
    asynchronous: Asynchronous,
    access: Access,
    /// The functions by their names in the account.
    functions: BTreeMap<String, Function>,
}

/// An error of Lambda's API: status, name and details.
struct Fault(StatusCode, &'static str, Value);

impl Fault {
    fn new(status: StatusCode, name: &'static str, message: &str) -> Self {
        Self(status, name, json!({"Type": "User", "Message": message}))
    }
}

/// Serves signed requests until the future is dropped. `asynchronous` gets the invocations of type `Event`.
pub fn serve(
    lambda: Lambda,
    asynchronous: Asynchronous,
    functions: &[Function],
    listener: TcpListener,
    access: Access,
) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
    let functions = functions.iter().map(|one| (one.name.clone(), one.clone())).collect();
    let faults = lambda.faults().clone();
    let api = Arc::new(Server { lambda, asynchronous, access, functions });
    async move {
        server::serve(listener, Clients::Programs, &faults, move |request, _connection| {
            let api = Arc::clone(&api);
            async move { api.handle(request).await }
        })
        .await
    }
}

impl Server {
    async fn handle(&self, request: Request<Incoming>) -> ServiceResult {
        let name = function_name(request.method(), request.uri().path());
        let operation = if name.is_some() { "Invoke" } else { "unknown" };
        let request = request.map(Body::new);
        let admitted =
            self.access.admit_operation("lambda", operation.to_owned(), request, MAX_PAYLOAD_BYTES).await;
        let response = match (admitted, name) {
            (Ok(call), Some(name)) => self.invoke(&name, call).await.unwrap_or_else(refuse),
            (Ok(_), None) => refuse(Fault::new(
                StatusCode::NOT_IMPLEMENTED,
                "UnknownOperationException",
                "the local Lambda supports Invoke only",
            )),
            (Err(Refusal::Signature(error)), _) => {
                refuse(Fault::new(StatusCode::FORBIDDEN, error.code(), &error.to_string()))
            }
            (Err(Refusal::Body), _) => refuse(too_large(MAX_PAYLOAD_BYTES)),
        };
        Ok(boxed(response))
    }

    async fn invoke(&self, name: &str, call: Call) -> Result<Response, Fault> {
        let asked = iam::Request::new("lambda:InvokeFunction", function_arn(name));
        let parts = &call.parts;
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        let shape = || iam::of_http(parts.method.as_str(), path, query, &parts.headers);
        let called = Called { service: "lambda", operation: "Invoke", shape: &shape };
        self.access
            .policies
            .authorize(&call.caller, &called, &[asked])
            .map_err(|denied| Fault(StatusCode::FORBIDDEN, "AccessDeniedException", denied.to_json()))?;
        let header = |name: &str| text(&call.parts.headers, name);
        let function = self.functions.get(name).ok_or_else(|| unknown(name))?;
        let payload = event(call.body.clone())?;
        let lineage = Lineage::of_trace(header("x-amzn-trace-id").unwrap_or_default());
        match header("x-amz-invocation-type").unwrap_or("RequestResponse") {
            "RequestResponse" => self.invoke_and_wait(function, payload, lineage).await,
            "Event" if payload.len() > MAX_EVENT_BYTES => Err(too_large(MAX_EVENT_BYTES)),
            "Event" => {
                let (asynchronous, function) = (self.asynchronous.clone(), function.clone());
                tokio::spawn(async move { asynchronous.invoke_after(&function, payload, lineage).await });
                Ok(empty(StatusCode::ACCEPTED))
            }
            "DryRun" => Ok(empty(StatusCode::NO_CONTENT)),
            other => {
                let message = format!(
                    "1 validation error detected: Value '{other}' at 'invocationType' failed to satisfy constraint: \
                     Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
                );
                Err(Fault::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message))
            }
        }
    }

    async fn invoke_and_wait(
        &self,
        function: &Function,
        payload: Bytes,
        lineage: Lineage,
    ) -> Result<Response, Fault> {
        let mut invocation = Invocation::new(&function.binary, payload, WhenBusy::Throttle);
        invocation.lineage = lineage;
        match self.lambda.invoke(invocation).await {
            Ok(outcome) => Ok(respond(outcome)),
            Err(Refused::UnknownFunction) => Err(unknown(&function.name)),
            Err(Refused::RequestTooLarge) => Err(too_large(MAX_PAYLOAD_BYTES)),
            Err(Refused::TooManyRequests) => {
                let mut fault =
                    Fault::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.");
                fault.2["Reason"] = json!("ConcurrentInvocationLimitExceeded");
                Err(fault)
            }
            Err(Refused::Stopping) => {
                Err(Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", "stopping"))
            }
        }
    }
}

/// Returns the event of a request: its payload, which must be JSON in UTF-8, or `{}` without a payload.
fn event(payload: Bytes) -> Result<Bytes, Fault> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let text = std::str::from_utf8(&payload).map_err(|error| error.to_string());
    let parsed = text.and_then(|text| serde_json::from_str(text).map_err(|error| error.to_string()));
    let checked = parsed.map(|IgnoredAny| ()).map_err(|error| {
        let message =
            format!("Could not parse request body into json: Could not parse payload into json: {error}");
        Fault::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &message)
    });
    checked.map(|()| payload)
}

/// Returns the function of `POST /2015-03-31/functions/{name}/invocations`, by its name or its ARN.
fn function_name(method: &Method, path: &str) -> Option<String> {
    let name = path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let name = name.strip_prefix(&function_arn("")).unwrap_or(&name);
    (method == Method::POST && !name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn unknown(name: &str) -> Fault {
    let message = format!("Function not found: {}", function_arn(name));
    Fault::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
}

fn too_large(limit: usize) -> Fault {
    let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &message)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn respond(outcome: Outcome) -> Response {
    let mut response = Response::new(Body::from(outcome.payload));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if outcome.failed {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    response
}

fn refuse(Fault(status, name, body): Fault) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(name));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_a_name_and_an_arn() {
        let named = |path: &str| function_name(&Method::POST, path);
        assert_eq!(named("/2015-03-31/functions/worker/invocations").as_deref(), Some("worker"));
        let arn = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aworker/invocations";
        assert_eq!(named(arn).as_deref(), Some("worker"));
        for other in [
            "/2015-03-31/functions//invocations",
            "/2015-03-31/functions/worker",
            "/x",
            "/2015-03-31/functions/a%2Fb/invocations",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
        assert_eq!(function_name(&Method::GET, "/2015-03-31/functions/worker/invocations"), None);
    }
}
