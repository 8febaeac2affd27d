//! Injected faults of functions: crashes at a call, on start and at work; events that come twice, late or again.

use std::time::{Duration, Instant};

use files_local::faults::Rules;
use files_local::runtime::{Invocation, Lineage, MAX_ROUNDS, Refused, WhenBusy};
use files_local::s3::{S3, Settings};
use files_local::sqs::{QueueDefinition, Redrive, Sqs};
use files_local::triggers::{Asynchronous, QueueTrigger};
use serde_json::{Value, json};

use crate::setup::{Running, is_alive, until, worker};

const DEAD: &str = "dead";
const QUEUE: &str = "work";

pub(crate) fn add(running: &Running, rules: &str) {
    running.lambda.faults().add(Rules::parse(rules.as_bytes()).unwrap());
}

/// Starts a bucket that shares the rules of `running`. Returns it with the URL of an object, presigned by `worker`.
pub(crate) async fn bucket(running: &Running) -> (S3, String) {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let identities = files_local::identity::Identities::new([1; 32]);
    let keys = identities.keys("worker");
    let settings = Settings {
        data: running.folder.path().join("s3"),
        bucket: "bucket".to_owned(),
        region: "us-east-1".to_owned(),
        cors: Vec::new(),
        identities,
        calls: std::sync::Arc::default(),
        policies: files_local::iam::Policies::open(),
    };
    let s3 = S3::open(settings).unwrap().with_faults(running.lambda.faults().clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
        .force_path_style(true)
        .credentials_provider(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            keys.session_token,
            None,
            "test",
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    tokio::spawn(s3.clone().serve(listener));
    let expiry = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(300)).unwrap();
    let put = aws_sdk_s3::Client::from_conf(config).put_object().bucket("bucket").key("k");
    let address = put.presigned(expiry).await.unwrap().uri().to_owned();
    (s3, address)
}

#[tokio::test]
async fn a_function_is_killed_before_or_after_its_call_is_carried_out() {
    for (action, stored) in [("kill_before", 0), ("kill_after", 1)] {
        let running = worker("Timeout: 60");
        let (s3, address) = bucket(&running).await;
        let rule = format!(r#"{{"caller": "worker", "service": "s3", "nth": 2, "action": "{action}"}}"#);
        add(&running, &rule);
        let event = json!({"do": "put", "url": address});
        let pid = running.succeed(event.clone()).await["pid"].as_u64().unwrap();
        assert_eq!(s3.pending_events(10).unwrap().len(), 1);
        let failure = running.fail(event.clone()).await;
        assert_eq!(failure["errorType"], "Runtime.ExitError", "{action}");
        assert!(!is_alive(pid), "{action}");
        assert_eq!(s3.pending_events(10).unwrap().len(), 1 + stored, "{action}");
        running.succeed(event).await;
    }
}

#[tokio::test]
async fn a_client_that_is_no_function_is_not_killed() {
    let running = worker("Timeout: 60");
    let (s3, address) = bucket(&running).await;
    add(&running, r#"{"caller": "worker", "service": "s3", "action": "kill_before"}"#);
    let pid = running.succeed(json!({})).await["pid"].as_u64().unwrap();
    let put = crate::http::put(&address, b"body");
    assert_eq!((tokio::task::spawn_blocking(put).await.unwrap(), is_alive(pid)), (200, true));
    assert_eq!(s3.pending_events(10).unwrap().len(), 1);
}

#[tokio::test]
async fn a_process_crashes_on_start() {
    let running = worker("Timeout: 60");
    add(&running, r#"{"service": "lambda", "operation": "Spawn", "nth": 1, "action": "kill_before"}"#);
    assert_eq!(running.fail(json!({})).await["errorType"], "Runtime.ExitError");
    running.succeed(json!({})).await;
}

#[tokio::test]
async fn a_process_is_killed_at_work_or_times_out() {
    let running = worker("Timeout: 60");
    add(
        &running,
        r#"[{"operation": "Invoke", "nth": 2, "action": {"kill_after_ms": 100}},
            {"operation": "Invoke", "nth": 4, "action": {"deadline_ms": 200}},
            {"operation": "Invoke", "nth": 6, "action": {"error": "throttling"}},
            {"operation": "Invoke", "nth": 7, "action": {"error": "internal"}}]"#,
    );
    let begun = Instant::now();
    let invoke = |event: Value| running.invoke(event);
    let mut failures = Vec::new();
    for event in [json!({}), json!({"do": "sleep"}), json!({}), json!({"do": "sleep"}), json!({})] {
        let outcome = invoke(event).await.unwrap();
        let payload: Value = serde_json::from_slice(&outcome.payload).unwrap();
        failures.push(payload["errorType"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(failures, ["", "Runtime.ExitError", "", "Sandbox.Timedout", ""]);
    assert_eq!(invoke(json!({})).await, Err(Refused::TooManyRequests));
    assert_eq!(running.fail(json!({})).await["errorType"], "ServiceException");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

fn queues(running: &Running) -> Sqs {
    let sqs = Sqs::open(&running.folder.path().join("sqs.sqlite")).unwrap();
    for (name, redrive) in
        [(DEAD, None), (QUEUE, Some(Redrive { target: DEAD.to_owned(), max_receive_count: 5 }))]
    {
        let (visibility_timeout, retention) = (Duration::from_secs(600), Duration::from_secs(86_400));
        let definition = QueueDefinition { name: name.to_owned(), visibility_timeout, retention, redrive };
        sqs.ensure_queue(definition).unwrap();
    }
    sqs
}

fn mapping(running: &Running, sqs: &Sqs) -> tokio::task::JoinHandle<()> {
    let function = &running.model.functions[0];
    let source = &function.queue_sources[0];
    let trigger =
        QueueTrigger::new(sqs.clone(), running.lambda.clone(), function, source, running.lines.log());
    tokio::spawn(trigger.run())
}

const ON_QUEUE: &str = "Timeout: 30, Events: {Q: {Type: SQS, Properties: \
                        {Queue: 'arn:aws:sqs:us-east-1:000000000000:work'}}}";

#[tokio::test]
async fn a_message_is_delivered_twice_or_again_after_success() {
    let running = worker(ON_QUEUE);
    let sqs = queues(&running);
    add(
        &running,
        r#"[{"service": "trigger", "operation": "Message", "nth": 1, "action": "duplicate"},
            {"service": "trigger", "operation": "Message", "nth": 2, "action": "lose_response"},
            {"service": "trigger", "operation": "Message", "nth": 3, "action": {"delay_ms": 120000}}]"#,
    );
    let mapping = mapping(&running, &sqs);
    let times = |body: &str| running.board.seen().matches(&format!("\"body\":\"{body}\"")).count();
    let empty = || sqs.depth(QUEUE).unwrap() == files_local::sqs::Depth::default();
    sqs.send(QUEUE, "twice").unwrap();
    until("it came twice and is gone", || times("twice") == 2 && empty()).await;
    sqs.send(QUEUE, "again").unwrap();
    until("it came", || times("again") == 1).await;
    assert_eq!(sqs.depth(QUEUE).unwrap().in_flight, 1, "not deleted");
    sqs.clock().advance(601).unwrap();
    until("its delivery is late", || {
        running.lambda.faults().to_json()["rules"][2]["hits"] == 1 && times("again") == 1
    })
    .await;
    sqs.clock().advance(120).unwrap();
    until("it came again and is gone", || times("again") == 2 && empty()).await;
    mapping.abort();
}

#[tokio::test]
async fn an_asynchronous_event_is_retried_after_success() {
    let running = worker("Timeout: 30");
    let sqs = queues(&running);
    add(
        &running,
        r#"{"service": "trigger", "operation": "Asynchronous", "nth": 1, "action": "lose_response"}"#,
    );
    let delays = [Duration::from_secs(60), Duration::from_secs(120)];
    let asynchronous = Asynchronous::new(running.lambda.clone(), sqs.clone(), delays, running.lines.log());
    let function = running.model.functions[0].clone();
    let (begun, event) = (Instant::now(), json!({"Records": [{"n": 1}]}).to_string());
    let waiting = tokio::spawn(async move { asynchronous.invoke(&function, event.into()).await });
    until("it waits for its retry", || running.lines.text().contains("retry in 60 s")).await;
    sqs.clock().advance(60).unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(running.board.seen().lines().count(), 2);
    assert!(begun.elapsed() < Duration::from_secs(50));
}

/// Returns the number of rounds in the function's trace header.
async fn rounds(running: &Running, lineage: Lineage) -> u32 {
    let mut invocation = Invocation::new("worker", "{}".into(), WhenBusy::Wait);
    invocation.lineage = lineage;
    let outcome = running.lambda.invoke(invocation).await.unwrap();
    let seen: Value = serde_json::from_slice(&outcome.payload).unwrap();
    let headers = serde_json::from_value::<Vec<(String, String)>>(seen["headers"].clone()).unwrap();
    let trace = &headers.iter().find(|(name, _)| name == "lambda-runtime-trace-id").unwrap().1;
    Lineage::of_trace(trace).rounds("files-local-W")
}

#[tokio::test]
async fn a_trace_header_has_the_number_of_rounds() {
    let running = worker("Timeout: 30");
    assert_eq!(rounds(&running, Lineage::default()).await, 1);
    let lineage = Lineage::default().then("files-local-W").then("other").then("files-local-W");
    assert_eq!(rounds(&running, lineage).await, 3);
}

/// Runs a function that sends every message to its own queue again. Returns how often it was invoked when `enough` holds.
async fn loop_until(properties: &str, enough: impl Fn(&Sqs, usize) -> bool) -> usize {
    let again = format!("{properties}, Environment: {{Variables: {{AGAIN: 'yes'}}}}");
    let running = worker(&ON_QUEUE.replace("Timeout: 30", &again));
    let sqs = queues(&running);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let access = files_local::access::Access {
        identities: files_local::identity::Identities::new([1; 32]),
        calls: std::sync::Arc::default(),
        policies: files_local::iam::Policies::open(),
        region: "us-east-1".to_owned(),
    };
    tokio::spawn(sqs.clone().serve(listener, access, address.clone()));
    let body = json!({"send_to": address, "queue": format!("{address}/000000000000/{QUEUE}")});
    sqs.send(QUEUE, &body.to_string()).unwrap();
    let mapping = mapping(&running, &sqs);
    let rounds = || running.board.seen().lines().count();
    until("the loop has run", || enough(&sqs, rounds())).await;
    mapping.abort();
    rounds()
}

#[tokio::test]
async fn a_loop_is_stopped_after_sixteen_rounds() {
    let stopped = |sqs: &Sqs, _| sqs.depth(DEAD).unwrap().visible == 1;
    assert_eq!(loop_until("Timeout: 30", stopped).await, MAX_ROUNDS as usize);
}

#[tokio::test]
async fn a_loop_that_the_template_allows_continues() {
    let allowed = "Timeout: 30, RecursiveLoop: Allow";
    let rounds = loop_until(allowed, |_, rounds| rounds > MAX_ROUNDS as usize + 2).await;
    assert!(rounds > 18);
}
