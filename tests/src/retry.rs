//! Retries of failed requests, as every client should make them.

use std::time::Duration;

use reqwest::RequestBuilder;

use crate::Response;

/// Attempts of one request, and the backoff before the second one.
const MAX_ATTEMPTS: u32 = 8;
const FIRST_BACKOFF: Duration = Duration::from_millis(20);

/// Sends a request until its response is not a transient failure, and returns it. Returns `None` after eight attempts.
pub async fn retry(request: impl Fn() -> RequestBuilder) -> Option<Response> {
    let (response, _) = attempts(request).await;
    response.filter(|response| !is_transient(response))
}

/// Returns the last response, and whether there were earlier attempts.
pub(crate) async fn attempts(request: impl Fn() -> RequestBuilder) -> (Option<Response>, bool) {
    let mut pause = FIRST_BACKOFF;
    let mut last = None;
    for tried in 0..MAX_ATTEMPTS {
        last = attempt(request()).await;
        if last.as_ref().is_some_and(|response| !is_transient(response)) {
            return (last, tried > 0);
        }
        tokio::time::sleep(pause).await; // backoff between two attempts, not a wait for an event
        pause *= 2;
    }
    (last, true)
}

/// Returns the response, unless the connection broke.
pub(crate) async fn attempt(request: RequestBuilder) -> Option<Response> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.ok()?;
    Some(Response { status, headers, body })
}

/// Returns whether a response is a transient failure: of the API, or of S3 during a concurrent request for the same key.
fn is_transient(response: &Response) -> bool {
    let conflict = || String::from_utf8_lossy(&response.body).contains("ConditionalRequestConflict");
    response.status >= 500 || response.status == 429 || (response.status == 409 && conflict())
}
