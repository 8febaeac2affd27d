//! A client that tries again what failed on the other side, as all should.

use std::time::Duration;

use reqwest::RequestBuilder;

use crate::Answer;

/// Tries of one request, and the pause before the second one.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Sends a request until it is answered with something that another try would not change. `None`: it never was.
pub async fn persist(request: impl Fn() -> RequestBuilder) -> Option<Answer> {
    let (answer, _) = attempts(request).await;
    answer.filter(|answer| !is_passing(answer))
}

/// The last answer, and whether there were tries before it.
pub(crate) async fn attempts(request: impl Fn() -> RequestBuilder) -> (Option<Answer>, bool) {
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    for tried in 0..TRIES {
        last = attempt(request()).await;
        if last.as_ref().is_some_and(|answer| !is_passing(answer)) {
            return (last, tried > 0);
        }
        tokio::time::sleep(pause).await; // back-off between two tries, not a wait for an event
        pause *= 2;
    }
    (last, true)
}

/// The answer, unless the connection broke.
pub(crate) async fn attempt(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.ok()?;
    Some(Answer { status, headers, body })
}

/// Ours while they fail or are busy, and S3's when another request is at the same key.
fn is_passing(answer: &Answer) -> bool {
    let conflict = || String::from_utf8_lossy(&answer.body).contains("ConditionalRequestConflict");
    answer.status >= 500 || answer.status == 429 || (answer.status == 409 && conflict())
}
