use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use lambda_http::http::header::HOST;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::tower::ServiceExt;
use lambda_http::{
    Adapter, Body, Error, LambdaEvent, Request, RequestExt, Response, lambda_runtime, service_fn,
};
use tracing::{Instrument, error, info, info_span, warn};

use crate::{Answer, ApiError};

/// Answers requests until Lambda ends the process. Errors become answers of the one shape; each request leaves one line
/// in the log, with its causes, but never a body, a key or a URL.
///
/// # Errors
/// The Runtime API is out of reach.
pub async fn serve<H, F>(handler: H) -> Result<(), Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Answer> + Send,
{
    let handler = Arc::new(handler);
    let service = Adapter::from(service_fn(move |request: Request| {
        let request_id = request_id(&request);
        let route = route(&request);
        let span = info_span!("request", request_id, route);
        let handling = handler(request);
        async move { Ok::<_, Infallible>(conclude(handling, &request_id).await) }.instrument(span)
    }));
    lambda_runtime::run(service.map_request(without_host)).await
}

/// Removes what the client says of the API's name. `lambda_http` makes the request's URI of it, and panics where it makes
/// none; without it, of the name that the gateway gives.
fn without_host(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.headers.remove(HOST);
    }
    event
}

async fn conclude(handling: impl Future<Output = Answer>, request_id: &str) -> Response<Body> {
    let started = Instant::now();
    let answer = handling.await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(response) => {
            info!(status = response.status().as_u16(), duration_ms, "answered");
            response
        }
        Err(refusal) => {
            log(&refusal, duration_ms);
            refusal.into_response(request_id)
        }
    }
}

fn log(refusal: &ApiError, duration_ms: u64) {
    let (status, reason) = (refusal.reason().status().as_u16(), refusal.reason().as_str());
    match refusal.cause() {
        Some(cause) if status >= 500 => error!(status, reason, duration_ms, cause = chain(cause), "failed"),
        Some(cause) => warn!(status, reason, duration_ms, cause = chain(cause), "refused"),
        None => info!(status, reason, duration_ms, "refused"),
    }
}

/// More of a cause than this is noise, or somebody else's text.
const MAX_CAUSE_CHARS: usize = 1_000;

/// An error and all that caused it, in one line.
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

/// The gateway's id of the request, which a client can see too.
fn request_id(request: &Request) -> String {
    let gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    gateway
        .or_else(|| request.lambda_context_ref().map(|context| context.request_id.clone()))
        .unwrap_or_default()
}

/// The route's pattern, never the path: a path may hold a file's name.
fn route(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Context;
    use serde_json::json;

    use super::*;

    #[test]
    fn no_host_of_a_client_reaches_the_request() {
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
