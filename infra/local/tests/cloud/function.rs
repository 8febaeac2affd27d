//! A function for tests: speaks the Runtime API over plain HTTP, and does what the event says.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::board::report;
use crate::http::{Response, put, request, try_request};
use crate::probe::probe;

/// Started by the local cloud as a function's process, through a script in its functions folder.
#[test]
#[ignore = "the function that the other tests start"]
fn serve_events() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    if std::env::var("FAIL_INIT").is_ok() {
        let error = json!({"errorType": "Init", "errorMessage": "no settings"});
        request(&api, "POST", "/2018-06-01/runtime/init/error", &[], error.to_string().as_bytes());
        std::process::exit(1);
    }
    loop {
        let next = request(&api, "GET", "/2018-06-01/runtime/invocation/next", &[], b"");
        serve(&api, &next);
    }
}

fn serve(api: &str, next: &Response) {
    let id = next.header("lambda-runtime-aws-request-id").unwrap();
    let event: Value = serde_json::from_slice(&next.body).unwrap();
    // Through the gateway the path names the action.
    let path =
        event.get("rawPath").and_then(Value::as_str).map(|path| path.trim_start_matches('/').to_owned());
    let what = path.unwrap_or_else(|| event["do"].as_str().unwrap_or("echo").to_owned());
    let post = |kind: &str, body: &[u8]| {
        request(api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/{kind}"), &[], body).status
    };
    let body = match what.as_str() {
        "crash" => std::process::exit(7),
        "sleep" => loop {
            std::thread::park();
        },
        "fail" => {
            post("error", json!({"errorType": "Test", "errorMessage": "asked to"}).to_string().as_bytes());
            return;
        }
        "fail-once" if report("mark", event["mark"].as_str().unwrap(), "") => {
            post("error", b"{}");
            return;
        }
        "hold" => {
            hold(event["until"].as_str().unwrap());
            "null".to_owned()
        }
        "put" => {
            assert_eq!(put(event["url"].as_str().unwrap(), b"body")(), 200);
            describe(next, &event)
        }
        "big" => "x".repeat(usize::try_from(event["bytes"].as_u64().unwrap()).unwrap()),
        "nonsense" => "{\"statusCode\":\"?\"}".to_owned(),
        "moved" => json!({
            "statusCode": 302,
            "headers": {"Location": "http://elsewhere.test/x", "ETag": "\"1\"", "Access-Control-Allow-Origin": "evil"},
        })
        .to_string(),
        "probe" => probe().to_string(),
        "write" => {
            std::fs::write(event["file"].as_str().unwrap(), "x").unwrap();
            "null".to_owned()
        }
        // In its own process group, which a signal to the function's group does not reach.
        "start-another" => {
            let mut another = Command::new("sleep");
            another.arg("600").process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            another.spawn().unwrap().id().to_string()
        }
        "work-on" => {
            WORKING.get_or_init(|| drop(std::thread::spawn(work)));
            describe(next, &event)
        }
        "ask" => send_request(&event),
        "connect" => {
            let url = event["url"].as_str().unwrap().trim_start_matches("http://");
            let stream = TcpStream::connect(url.split('/').next().unwrap()).unwrap();
            stream.set_nonblocking(true).unwrap();
            KEPT.set(stream).unwrap();
            "null".to_owned()
        }
        "look" => {
            let read = KEPT.get().unwrap().peek(&mut [0]);
            read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock).to_string()
        }
        "log" => {
            let line = json!({"level": "WARN", "fields": {"message": "from the function", "n": 1}});
            eprintln!("{line}");
            "null".to_owned()
        }
        _ if event.get("Records").is_some() => {
            let response = batch(&event);
            if std::env::var("AGAIN").is_ok() {
                send_on(&event, next.header("lambda-runtime-trace-id").unwrap());
            }
            response
        }
        _ => describe(next, &event),
    };
    assert!([202, 413].contains(&post("response", body.as_bytes())));
    if what == "respond-and-exit" {
        std::process::exit(3);
    }
}

/// Set once the background thread works, which continues after the response.
static WORKING: OnceLock<()> = OnceLock::new();
/// A connection that is kept from one event to the next.
static KEPT: OnceLock<TcpStream> = OnceLock::new();

/// Wakes a thousand times a second; a frozen process does not.
fn work() {
    loop {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sends a request to an address of this machine. Returns the status, or null if the connection is closed.
fn send_request(event: &Value) -> String {
    // Through the gateway the request is in the event's body.
    let body: Value = serde_json::from_str(event["body"].as_str().unwrap_or("null")).unwrap();
    let asked = if body.is_null() { event } else { &body };
    let text = |name: &str| asked[name].as_str().unwrap();
    let headers: Vec<(&str, &str)> = serde::Deserialize::deserialize(&asked["headers"]).unwrap();
    let response = try_request(text("authority"), "GET", text("path"), &headers, b"");
    json!(response.map(|response| response.status)).to_string()
}

/// Returns the event, the environment and the headers that the function received.
fn describe(next: &Response, event: &Value) -> String {
    let variables: std::collections::BTreeMap<String, String> = std::env::vars().collect();
    let headers: Vec<_> = next.headers.iter().filter(|(name, _)| name.starts_with("lambda-")).collect();
    let seen = json!({"pid": std::process::id(), "event": event, "variables": variables, "headers": headers});
    seen.to_string()
}

/// Handles a queue's messages, of which those with the body `fail` fail. Reports the event to the board; for an object called
/// `hold` it waits until the gate `gate` is open.
fn batch(event: &Value) -> String {
    let records = event["Records"].as_array().unwrap();
    report("seen", "event", &event.to_string());
    if records.iter().any(|record| record["s3"]["object"]["key"] == "files/hold") {
        hold("gate");
    }
    let failed = records.iter().filter(|record| record["body"] == "fail");
    let failed: Vec<_> = failed.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
    json!({"batchItemFailures": failed}).to_string()
}

/// Sends the messages again with the invocation's trace header, as the AWS SDK does in a function.
fn send_on(event: &Value, trace: &str) {
    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    let variable = |name: &str| std::env::var(name).unwrap();
    let keys = Credentials::new(
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        Some(variable("AWS_SESSION_TOKEN")),
        None,
        "test",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for record in event["Records"].as_array().unwrap() {
        let body = record["body"].as_str().unwrap();
        let wanted: Value = serde_json::from_str(body).unwrap();
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION")))
            .endpoint_url(wanted["send_to"].as_str().unwrap())
            .credentials_provider(keys.clone())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let send = aws_sdk_sqs::Client::from_conf(config).send_message().message_body(body);
        let send = send.queue_url(wanted["queue"].as_str().unwrap()).customize();
        let trace = trace.to_owned();
        let send = send.mutate_request(move |request| {
            request.headers_mut().insert("x-amzn-trace-id", trace.clone());
        });
        runtime.block_on(send.send()).unwrap();
    }
}

/// Waits until a gate is open.
fn hold(until: &str) {
    while !report("wait", until, &std::process::id().to_string()) {
        std::thread::sleep(Duration::from_millis(5));
    }
}
