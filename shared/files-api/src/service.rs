use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use files_domain::{FileId, Timestamp};
use lambda_http::http::header::HOST;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::tower::ServiceExt;
use lambda_http::{
    Adapter, Body, Context, Error, LambdaEvent, Request, RequestExt, Response, lambda_runtime, service_fn,
};
use tracing::{Instrument, error, info, warn};

use crate::audit::{kind_of_refusal, kind_of_success, request_span};
use crate::{ApiError, ApiResult};

/// A handler of the requests of a function of the API.
pub trait Endpoint: Send + Sync + 'static {
    /// Handles a request that was received at `now`. An error becomes an error response.
    fn handle(&self, request: Request, now: Timestamp) -> impl Future<Output = ApiResult> + Send;
}

/// Serves requests until Lambda ends the process. Writes one log line per request, with the causes of its error, but without bodies,
/// keys and URLs.
///
/// # Errors
/// [`Error`]: the Runtime API cannot be reached.
pub async fn serve(endpoint: impl Endpoint) -> Result<(), Error> {
    let endpoint = Arc::new(endpoint);
    let service = Adapter::from(service_fn(move |request: Request| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(handle(&*endpoint, request, SystemTime::now().into()).await) }
    }));
    lambda_runtime::run(service.map_request(without_host)).await
}

/// Handles one event of the API like [`serve`], at the time `now`. For tests that call an endpoint in their own process.
pub async fn handle_event(endpoint: &impl Endpoint, event: LambdaRequest, now: Timestamp) -> Response<Body> {
    let LambdaEvent { payload, .. } = without_host(LambdaEvent::new(event, Context::default()));
    handle(endpoint, Request::from(payload), now).await
}

/// Handles a request in a span. An error becomes a response.
async fn handle(endpoint: &impl Endpoint, request: Request, now: Timestamp) -> Response<Body> {
    let request_id = request_id(&request);
    let route = route(&request);
    let span = request_span(&request, &request_id, &route);
    conclude(endpoint.handle(request, now), &request_id, &route).instrument(span).await
}

/// Removes the client's `Host`. `lambda_http` builds the request's URI from it, and panics if it is invalid. Without it, the URI has
/// API Gateway's domain name.
fn without_host(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.headers.remove(HOST);
    }
    event
}

async fn conclude(
    handling: impl Future<Output = ApiResult>,
    request_id: &str,
    route: &str,
) -> Response<Body> {
    let started = Instant::now();
    let result = handling.await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(response) => {
            let audit = kind_of_success(route);
            info!(audit, status = response.status().as_u16(), duration_ms, "responded");
            response
        }
        Err(error) => {
            log(&error, duration_ms);
            error.into_response(request_id)
        }
    }
}

fn log(error: &ApiError, duration_ms: u64) {
    let (status, reason) = (error.reason().status().as_u16(), error.reason().as_str());
    let audit = kind_of_refusal(error.reason());
    match error.cause() {
        Some(cause) if status >= 500 => error!(status, reason, duration_ms, cause = chain(cause), "failed"),
        Some(cause) => warn!(status, reason, duration_ms, cause = chain(cause), "refused"),
        None => info!(audit, status, reason, duration_ms, "refused"),
    }
}

/// Logs the change of one of several files.
pub(crate) fn log_changed_item(id: FileId) {
    info!(audit = "change", file = %id, "one of several files");
}

/// Logs the error of one of several files, except for a missing file.
pub(crate) fn log_item(error: &ApiError, id: FileId) {
    let (status, reason) = (error.reason().status().as_u16(), error.reason().as_str());
    if let Some(cause) = error.cause() {
        warn!(file = %id, status, reason, cause = chain(cause), "refused for one file");
    }
}

/// Longest cause in the log, in characters. The rest is repetition, or text of third parties.
const MAX_CAUSE_CHARS: usize = 1_000;

/// Returns an error and its sources in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text.chars().take(MAX_CAUSE_CHARS).collect::<String>().escape_debug().to_string()
}

/// Returns API Gateway's id of the request, which the client also receives.
pub(crate) fn request_id(request: &Request) -> String {
    let gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    gateway
        .or_else(|| request.lambda_context_ref().map(|context| context.request_id.clone()))
        .unwrap_or_default()
}

/// Returns the route's pattern. The path itself may contain a file's name, which is not logged.
fn route(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_host_header_of_a_client_is_ignored() {
        for host in ["evil.example", "a:99999", "xn--", "127.0.0.256", "[", "a b", "", "ü", "a/../b", "%zz"]
        {
            let event = json!({
                "version": "2.0", "routeKey": "$default", "rawPath": "/v1/files", "rawQueryString": "a=b",
                "headers": {"host": host, "x-forwarded-proto": "https"},
                "requestContext": {
                    "accountId": "0", "apiId": "api", "domainName": "api.example", "requestId": "1", "stage": "$default",
                    "http": {"method": "GET", "path": "/v1/files", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                             "userAgent": ""},
                    "timeEpoch": 1,
                },
                "isBase64Encoded": false,
            });
            let payload: LambdaRequest = serde_json::from_value(event).unwrap();
            let event = without_host(LambdaEvent::new(payload, Context::default()));
            let request = Request::from(event.payload);
            assert_eq!(request.uri(), "https://api.example/v1/files?a=b", "{host}");
            assert!(!request.headers().contains_key(HOST));
        }
    }
}
