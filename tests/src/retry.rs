//! Retries of failed requests, as every client should make them.

use std::time::Duration;

use reqwest::RequestBuilder;

use crate::Answer;

/// Attempts of one request, and the backoff before the second one.
const MAX_ATTEMPTS: u32 = 8;
const FIRST_BACKOFF: Duration = Duration::from_millis(20);

/// Sends a request until its response is one that another attempt would not change. `None`: there was none.
pub async fn retry(request: impl Fn() -> RequestBuilder) -> Option<Answer> {
    let (answer, _) = attempts(request).await;
    answer.filter(|answer| !is_transient(answer))
}

/// Returns the last response, and whether there were attempts before it.
pub(crate) async fn attempts(request: impl Fn() -> RequestBuilder) -> (Option<Answer>, bool) {
    let mut pause = FIRST_BACKOFF;
    let mut last = None;
    for tried in 0..MAX_ATTEMPTS {
        last = attempt(request()).await;
        if last.as_ref().is_some_and(|answer| !is_transient(answer)) {
            return (last, tried > 0);
        }
        tokio::time::sleep(pause).await; // backoff between two attempts, not a wait for an event
        pause *= 2;
    }
    (last, true)
}

/// Returns the response, unless the connection broke.
pub(crate) async fn attempt(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.ok()?;
    Some(Answer { status, headers, body })
}

/// Returns whether a response is a transient failure: of the API, or of S3 when another request uses the same key.
fn is_transient(answer: &Answer) -> bool {
    let conflict = || String::from_utf8_lossy(&answer.body).contains("ConditionalRequestConflict");
    answer.status >= 500 || answer.status == 429 || (answer.status == 409 && conflict())
}
