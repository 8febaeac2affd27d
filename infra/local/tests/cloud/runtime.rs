//! Lambda and its processes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use files_local::runtime::{Invocation, Lambda, MAX_PAYLOAD_BYTES, MAX_PROCESSES, Refused, WhenBusy};
use serde_json::json;

use crate::setup::{Lines, functions, is_alive, model, script, settings, until, worker};

#[tokio::test]
async fn a_function_sees_only_lambdas_environment() {
    let running =
        worker("MemorySize: 256, Timeout: 20, Environment: {Variables: {OWN: value, AWS_REGION: nowhere}}");
    let seen = running.succeed(json!({"a": 1})).await;
    assert_eq!(seen["event"], json!({"a": 1}));
    let variables = seen["variables"].as_object().unwrap();
    let mut names: Vec<_> = variables
        .keys()
        .map(String::as_str)
        .filter(|name| !["PWD", "_", "SHLVL", "OLDPWD", "BOARD"].contains(name))
        .collect();
    names.sort_unstable();
    insta::assert_json_snapshot!(names);
    assert_eq!(variables["AWS_REGION"], "us-east-1", "reserved");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "files-local-W");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], format!("LOCAL{}", hex::encode_upper("worker")));
    let headers = serde_json::from_value::<Vec<(String, String)>>(seen["headers"].clone()).unwrap();
    let header = |name: &str| headers.iter().find(|(own, _)| own == name).unwrap().1.clone();
    assert_eq!(
        header("lambda-runtime-invoked-function-arn"),
        "arn:aws:lambda:us-east-1:000000000000:function:files-local-W"
    );
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
    let deadline: u128 = header("lambda-runtime-deadline-ms").parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!((now + 1000..=now + 20_000).contains(&deadline), "{deadline} at {now}");
}

#[tokio::test]
async fn a_process_is_reused_and_more_start_while_it_is_busy() {
    let running = worker("Timeout: 60");
    let pid = running.succeed(json!({})).await["pid"].clone();
    assert_eq!(running.succeed(json!({})).await["pid"], pid, "reused");
    let held = running.lambda.clone();
    let event = json!({"do": "hold", "until": "gate"}).to_string();
    let busy = tokio::spawn(async move {
        held.invoke(Invocation::new("worker", event.into(), WhenBusy::Throttle)).await
    });
    let first = Some(pid.to_string());
    until("the process is busy", || running.board.waiting("gate") == first).await;
    let other = running.succeed(json!({})).await["pid"].clone();
    assert_ne!(other, pid);
    running.board.open("gate");
    assert!(!busy.await.unwrap().unwrap().failed);
}

#[tokio::test]
async fn beyond_the_limit_some_are_throttled_and_some_wait() {
    let running = worker("Timeout: 60");
    let event = Bytes::from(json!({"do": "hold", "until": "gate"}).to_string());
    let invoke = |when_busy| {
        let (lambda, event) = (running.lambda.clone(), event.clone());
        tokio::spawn(async move { lambda.invoke(Invocation::new("worker", event, when_busy)).await })
    };
    let many: Vec<_> = (0..MAX_PROCESSES + 3).map(|_| invoke(WhenBusy::Throttle)).collect();
    // Three of the invocations return at once, while the others are blocked.
    until("three are throttled", || many.iter().filter(|task| task.is_finished()).count() == 3).await;
    let waiting = invoke(WhenBusy::Wait);
    running.board.open("gate");
    assert!(!waiting.await.unwrap().unwrap().failed, "a waiting invocation is handled later");
    let mut throttled = 0;
    for task in many {
        match task.await.unwrap() {
            Ok(outcome) => assert!(!outcome.failed),
            Err(refused) => {
                assert_eq!(refused, Refused::TooManyRequests);
                throttled += 1;
            }
        }
    }
    assert_eq!(throttled, 3);
}

#[tokio::test]
async fn a_crash_fails_at_once_and_the_next_event_gets_a_new_process() {
    let running = worker("Timeout: 60");
    let pid = running.succeed(json!({})).await["pid"].clone();
    let begun = Instant::now();
    let failure = running.fail(json!({"do": "crash"})).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(failure["errorType"], "Runtime.ExitError");
    assert!(failure["errorMessage"].as_str().unwrap().ends_with("Runtime exited with error: exit status 7"));
    assert_ne!(running.succeed(json!({})).await["pid"], pid);
    assert!(running.lines.text().contains("exit status 7"), "{}", running.lines.text());
}

#[tokio::test]
async fn a_process_that_dies_while_idle_fails_no_invocation() {
    let running = worker("Timeout: 60");
    for _ in 0..20 {
        running.succeed(json!({"do": "respond-and-exit"})).await;
    }
}

#[tokio::test]
async fn the_deadline_ends_the_process() {
    let running = worker("Timeout: 3");
    let pid = running.succeed(json!({})).await["pid"].as_u64().unwrap();
    let begun = Instant::now();
    let failure = running.fail(json!({"do": "sleep"})).await;
    assert!((3.0..30.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    assert_eq!(failure["errorType"], "Sandbox.Timedout");
    assert!(failure["errorMessage"].as_str().unwrap().ends_with("Task timed out after 3.00 seconds"));
    assert!(!is_alive(pid));
    running.succeed(json!({})).await;
}

#[tokio::test]
async fn payloads_are_limited_in_both_directions() {
    let running = worker("Timeout: 60");
    let frame = r#"{"do":"log","pad":""}"#;
    let text = frame.replace("\"\"", &format!("\"{}\"", "x".repeat(MAX_PAYLOAD_BYTES - frame.len())));
    assert_eq!(text.len(), MAX_PAYLOAD_BYTES);
    let invoke =
        |text: String| running.lambda.invoke(Invocation::new("worker", text.into(), WhenBusy::Throttle));
    assert!(!invoke(text.clone()).await.unwrap().failed);
    assert_eq!(invoke(format!("{text} ")).await, Err(Refused::RequestTooLarge));

    let pid = running.succeed(json!({})).await["pid"].clone();
    let fits = running.invoke(json!({"do": "big", "bytes": MAX_PAYLOAD_BYTES})).await.unwrap();
    assert_eq!((fits.payload.len(), fits.failed), (MAX_PAYLOAD_BYTES, false));
    let failure = running.fail(json!({"do": "big", "bytes": MAX_PAYLOAD_BYTES + 1})).await;
    assert_eq!(failure["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(running.succeed(json!({})).await["pid"], pid, "the process survives it");
}

#[tokio::test]
async fn errors_of_the_function_are_passed_on() {
    let running = worker("Timeout: 60");
    assert_eq!(
        running.fail(json!({"do": "fail"})).await,
        json!({"errorType": "Test", "errorMessage": "asked to"})
    );
    let broken = worker("Environment: {Variables: {FAIL_INIT: 'yes'}}");
    assert_eq!(broken.fail(json!({})).await, json!({"errorType": "Init", "errorMessage": "no settings"}));
}

#[tokio::test]
async fn a_function_that_cannot_start_fails_or_is_refused_at_once() {
    let (folder, lines) = (functions(&[]), Lines::default());
    let worker = model("  W: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f/worker}}");
    let settings = settings(folder.path().to_owned(), lines.log());
    let missing = Lambda::new(&settings, &worker.functions).map(|_| ()).unwrap_err().to_string();
    assert!(missing.contains("worker") && missing.contains("--functions"), "{missing}");
    script(&folder.path().join("worker"), "#!/nowhere\n");
    let lambda = Lambda::new(&settings, &worker.functions).unwrap();
    let outcome = lambda.invoke(Invocation::new("worker", "{}".into(), WhenBusy::Wait)).await.unwrap();
    assert!(
        outcome.failed && String::from_utf8_lossy(&outcome.payload).contains("Runtime.InvalidEntrypoint")
    );
    let unknown = lambda.invoke(Invocation::new("nobody", "{}".into(), WhenBusy::Wait)).await;
    assert_eq!(unknown, Err(Refused::UnknownFunction));
}

#[tokio::test]
async fn a_functions_log_lines_are_readable() {
    let running = worker("Timeout: 60");
    running.succeed(json!({"do": "log"})).await;
    let wanted = "WARN  worker         from the function n=1";
    until("the line is there", || running.lines.text().contains(wanted)).await;
}

#[tokio::test]
async fn stopping_ends_every_process_and_refuses_new_events() {
    let running = worker("Timeout: 60");
    let pid = running.succeed(json!({})).await["pid"].as_u64().unwrap();
    let lambda = running.lambda.clone();
    let event = Bytes::from(json!({"do": "sleep"}).to_string());
    let busy =
        tokio::spawn(async move { lambda.invoke(Invocation::new("worker", event, WhenBusy::Wait)).await });
    running.lambda.stop().await;
    assert_eq!(busy.await.unwrap(), Err(Refused::Stopping));
    assert!(!is_alive(pid));
    assert_eq!(running.invoke(json!({})).await, Err(Refused::Stopping));
}
