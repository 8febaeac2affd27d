//! Fault injection for a whole test run: with `FILES_TESTS_FAULTS=SEED` every local cloud injects faults, and the tests' client
//! retries as clients should.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use crate::{Response, retry};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

static SEED: LazyLock<Option<u64>> = LazyLock::new(|| {
    let text = std::env::var("FILES_TESTS_FAULTS").ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("FILES_TESTS_FAULTS is a whole number, not {text}")))
});

/// Returns the seed of the injected faults, or `None` without faults.
#[must_use]
pub fn seed() -> Option<u64> {
    *SEED
}

/// Returns whether faults are injected.
#[must_use]
pub fn are_injected() -> bool {
    seed().is_some()
}

/// Functions whose second attempt completes the work of a killed one. A killed import, deletion or sweep is completed by leases
/// and `sweep` after minutes instead: the tests in `tests/faults` kill those functions at each call.
const RETRYABLE: [&str; 12] = [
    "create-file",
    "get-file",
    "list-files",
    "download-file",
    "get-poster",
    "sign-upload",
    "sign-parts",
    "list-parts",
    "complete-upload",
    "probe-file",
    "probe-record",
    "fail-file",
];

/// Functions whose calls may lose their responses: all but import-file. A lost response to its claim, which is a lease, would
/// delay the import until the lease ends.
const SURVIVES_LOST_RESPONSES: [&str; 14] = [
    "create-file",
    "get-file",
    "list-files",
    "download-file",
    "get-poster",
    "sign-upload",
    "sign-parts",
    "list-parts",
    "complete-upload",
    "delete-file",
    "probe-file",
    "probe-record",
    "fail-file",
    "sweep",
];

/// Returns the rules of faults that a client with ordinary retries survives within seconds. The mix of `--faults SEED` contains
/// more; the soak test injects it.
pub(crate) fn rules(seed: u64) -> Value {
    let mut rules = Vec::new();
    let mut add = |chance: f64, caller: Option<&str>, service: Option<&str>, action: Value| {
        rules.push(json!({"probability": chance, "caller": caller, "service": service, "action": action}));
    };
    add(0.05, None, None, json!({"error": "transaction_conflict"}));
    add(0.05, None, None, json!({"unprocessed_after": 1}));
    add(0.03, None, None, json!({"error": "conflict"}));
    add(0.1, None, None, json!("error_in_200"));
    add(0.005, None, None, json!({"error": "throughput_exceeded"}));
    add(0.2, Some("sweep"), None, json!({"stale_ms": 1_000})); // other tests expect fresh lists
    for (chance, action) in [
        (0.1, json!("duplicate")),
        (0.05, json!("lose_response")),
        (0.1, json!("out_of_order")),
        (0.03, json!({"delay_ms": 120_000})),
    ] {
        add(chance, None, Some("trigger"), action);
    }
    add(0.02, None, Some("lambda"), json!({"error": "throttling"}));
    add(0.05, None, Some("lambda"), json!("kill_before"));
    for caller in RETRYABLE {
        add(0.01, Some(caller), Some("lambda"), json!({"kill_after_ms": 30}));
        add(0.005, Some(caller), Some("lambda"), json!({"deadline_ms": 50}));
        add(0.005, Some(caller), None, json!("kill_before"));
        add(0.005, Some(caller), None, json!("kill_after"));
    }
    for service in ["dynamodb", "s3", "sqs"] {
        for (chance, action) in [
            (0.02, json!({"error": "throttling"})),
            (0.01, json!({"error": "internal"})),
            (0.005, json!("cut")),
            (0.03, json!("close_idle")),
            (0.02, json!({"delay_ms": 100})),
        ] {
            add(chance, None, Some(service), action);
        }
        for caller in SURVIVES_LOST_RESPONSES {
            add(0.01, Some(caller), Some(service), json!("lose_response"));
            add(0.005, Some(caller), Some(service), json!("cut_response"));
        }
    }
    add(0.05, None, Some("lambda"), json!("close_frozen"));
    json!({"seed": seed, "rules": rules})
}

/// The client's successful DELETEs and PUTs.
static DONE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Sends a request, and retries after a 5xx, a 429 or a lost response. A creation gets its own idempotency key. After a lost
/// response, 404 to a DELETE and 412 to a PUT mean that the lost attempt succeeded.
pub(crate) async fn send_with_retries(request: reqwest::RequestBuilder) -> Response {
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
