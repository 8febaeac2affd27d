//! The tests' client, which retries as clients should while faults are injected.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use http::{HeaderName, HeaderValue, Method};

use crate::{Response, faults, retry};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl Response {
    /// Sends a request and reads the response. Retries if faults are injected.
    pub async fn to(request: reqwest::RequestBuilder) -> Self {
        if faults::seed().is_some() { send_with_retries(request).await } else { Self::once(request).await }
    }
}

/// The client's successful DELETEs and PUTs.
static DONE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Sends a request, and retries after a 5xx, a 429 or a lost response. A creation gets its own idempotency key. After a lost
/// response, 404 to a DELETE and 412 to a PUT mean that the lost attempt succeeded.
async fn send_with_retries(request: reqwest::RequestBuilder) -> Response {
    let (client, request) = request.build_split();
    let mut request = request.expect("a request");
    let Some(again) = request.try_clone() else {
        return Response::once(reqwest::RequestBuilder::from_parts(client, request)).await;
    };
    let creates = again.method() == Method::POST && again.url().path().ends_with("/files");
    if creates && !again.headers().contains_key(IDEMPOTENCY_KEY) {
        let key = HeaderValue::from_str(&unique()).expect("a header");
        request.headers_mut().insert(IDEMPOTENCY_KEY, key);
    }
    let request = || {
        let again = request.try_clone().expect("it could be cloned before");
        reqwest::RequestBuilder::from_parts(client.clone(), again)
    };
    let (response, was_tried) = retry::attempts(request).await;
    let mut response = response.expect("a response after all retries");
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let what = format!("{} {}", again.method(), again.url().path());
    match (again.method(), response.status) {
        (&Method::DELETE, 404) if was_tried && names_a_file(again.url()) && !done.contains(&what) => {
            (response.status, response.body) = (204, bytes::Bytes::new());
        }
        (&Method::PUT, 412) if was_tried && !done.contains(&what) => response.status = 200,
        _ => {}
    }
    if matches!(response.status, 200 | 204) {
        done.insert(what);
    }
    response
}

/// Returns whether the URL is that of one file, which an earlier attempt may have deleted.
fn names_a_file(url: &reqwest::Url) -> bool {
    url.path().strip_prefix("/v1/files/").is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// Returns a unique idempotency key.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("tests-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
