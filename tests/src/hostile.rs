//! The same tests on a bad day: `FILES_TESTS_FAULTS=SEED` has every cloud of a run strike its functions with faults, and
//! has the tests' client do what clients should then do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use crate::cloud::{Ready, now, ready_in};
use crate::owner::id;
use crate::{Answer, Owner, patience};

/// So many seconds pass on the cloud's clock in each [`STEP`]: what comes late, or again, comes within seconds.
const AHEAD: u64 = 150;
const STEP: Duration = Duration::from_millis(1_500);
/// So much faster than ours does the time of a cloud pass.
const PACE: u32 = 100;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

static SEED: LazyLock<Option<u64>> = LazyLock::new(|| {
    let text = std::env::var("FILES_TESTS_FAULTS").ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("FILES_TESTS_FAULTS is a whole number, not {text}")))
});

/// The seed, on a bad day.
#[must_use]
pub fn seed() -> Option<u64> {
    *SEED
}

/// Whether this is a bad day.
#[must_use]
pub fn is_bad_day() -> bool {
    seed().is_some()
}

/// Functions of which a second try finishes whatever the first one left. What a killed import, deletion or sweep leaves
/// is finished as well, but by leases and `sweep` after minutes: `under_fire` kills those at each of their calls.
const DOES_IT_AGAIN: [&str; 11] = [
    "create-file",
    "get-file",
    "list-files",
    "download-file",
    "sign-upload",
    "sign-parts",
    "list-parts",
    "complete-upload",
    "probe-file",
    "probe-record",
    "fail-file",
];

/// All but import-file, whose claim is a lease: when its answer is lost, the import waits until the lease is over.
const SURVIVES_SILENCE: [&str; 13] = [
    "create-file",
    "get-file",
    "list-files",
    "download-file",
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

/// The faults of a bad day that a client with ordinary retries survives within seconds, as rules of the local cloud. The
/// mix of `--faults SEED` has more: the soak is for that.
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
    add(0.2, Some("sweep"), None, json!({"stale_ms": 1_000})); // lists are expected to be fresh by the tests
    for (chance, action) in [
        (0.1, json!("duplicate")),
        (0.05, json!("lose_answer")),
        (0.1, json!("out_of_order")),
        (0.03, json!({"delay_ms": 120_000})),
    ] {
        add(chance, None, Some("trigger"), action);
    }
    add(0.02, None, Some("lambda"), json!({"error": "throttling"}));
    add(0.05, None, Some("lambda"), json!("kill_before"));
    for caller in DOES_IT_AGAIN {
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
        for caller in SURVIVES_SILENCE {
            add(0.01, Some(caller), Some(service), json!("lose_answer"));
            add(0.005, Some(caller), Some(service), json!("cut_answer"));
        }
    }
    add(0.05, None, Some("lambda"), json!("close_frozen"));
    json!({"seed": seed, "rules": rules})
}

/// What a client has deleted or put, and knows it.
static DONE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Sends a request as a careful client does: again, when it failed on the other side or was not answered. A creation
/// goes under an idempotency key of its own. "It is not there", or "it is there already", after a try that was not
/// answered says that that one was carried out.
pub(crate) async fn ask(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let mut request = request.expect("a request");
    let Some(again) = request.try_clone() else {
        return Answer::once(reqwest::RequestBuilder::from_parts(client, request)).await;
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
    let (answer, was_tried) = patience::attempts(request).await;
    let mut answer = answer.expect("an answer, some day");
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let what = format!("{} {}", again.method(), again.url().path());
    match (again.method(), answer.status) {
        (&Method::DELETE, 404) if was_tried && names_a_file(again.url()) && !done.contains(&what) => {
            (answer.status, answer.body) = (204, bytes::Bytes::new());
        }
        (&Method::PUT, 412) if was_tried && !done.contains(&what) => answer.status = 200,
        _ => {}
    }
    if matches!(answer.status, 200 | 204) {
        done.insert(what);
    }
    answer
}

/// Whether the address is that of one file, which may have been deleted by the try before.
fn names_a_file(url: &reqwest::Url) -> bool {
    url.path().strip_prefix("/v1/files/").is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// A key that no other request has.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("tests-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Lets time pass on a cloud's clock, until it is dropped. A thread: a shared cloud outlives the test that started it.
pub(crate) struct PassingTime {
    _stop: Sender<()>,
}

impl PassingTime {
    /// For the cloud whose data is in `folder`.
    pub(crate) fn start(folder: PathBuf) -> Self {
        let (stop, stopped) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let (runtime, client) = (runtime.expect("a runtime"), crate::owner::http_client());
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                // While the cloud is down no time passes.
                if let Some(ready) = ready_in(&folder) {
                    let _ = runtime.block_on(advance(&client, &ready));
                }
            }
        });
        Self { _stop: stop }
    }
}

async fn advance(client: &reqwest::Client, ready: &Ready) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}/_local/clock", ready.api.trim_end_matches("/v1"));
    client.post(url).body(json!({ "advance_seconds": AHEAD }).to_string()).send().await
}

/// Lets the time since `start` pass for an upload by parts as fast as it passes on the cloud's clock, on a bad day: what
/// its record says is due is read off the functions' own clock, which nobody advances. A completion that was broken off is
/// due after a minute and a half.
pub(crate) async fn let_time_pass(owner: &Owner, file: &Value, start: Instant) {
    let (true, Some(behind)) = (is_bad_day(), owner.inside()) else { return };
    let item = behind.file_item(id(file)).await;
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let passed = now().plus(start.elapsed() * PACE);
    let is_due = number("due_at").is_some_and(|due| due > 1 && due <= passed.millis());
    let is_multipart = item.contains_key("part_size") || item.contains_key("multipart");
    if is_due && is_multipart {
        behind.change_numbers(&format!("file#{}", id(file)), &[("due_at", 1)]).await;
    }
}
