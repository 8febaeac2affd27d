//! The cloud refuses other users of the machine, other functions, and web pages of other origins.

use files_local::runtime::Jail;
use serde_json::{Value, json};

use crate::http::{request, try_request};
use crate::process::{Cloud, Place};
use crate::setup::{Running, worker};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// Returns the address of the function's Runtime API.
async fn runtime_api(running: &Running) -> String {
    let seen = running.succeed(json!({})).await;
    seen["variables"]["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().to_owned()
}

/// Makes a function send a request. Returns the status, or null if the connection is closed.
async fn requested_by(running: &Running, authority: &str, path: &str, headers: Value) -> Value {
    let event = json!({"do": "ask", "authority": authority, "path": path, "headers": headers});
    running.succeed(event).await
}

#[tokio::test]
async fn only_the_functions_own_process_gets_events() {
    let (running, other) = (worker("Timeout: 60"), worker("Timeout: 60"));
    let api = runtime_api(&running).await;
    for headers in [json!([["Host", "evil.example"]]), json!([["Origin", "http://evil.example"]])] {
        assert_eq!(requested_by(&running, &api, NEXT, headers.clone()).await, 403, "{headers}");
    }
    assert_eq!(
        requested_by(&running, &api, "/nothing", json!([])).await,
        404,
        "its own process gets a response"
    );
    if Jail::detect().unwrap().keeps_apart() {
        assert_eq!(requested_by(&other, &api, "/nothing", json!([])).await, Value::Null, "another function");
        let stranger = move || try_request(&api, "GET", NEXT, &[], b"").is_none();
        assert!(tokio::task::spawn_blocking(stranger).await.unwrap(), "another user");
    }
}

fn authority(cloud: &Cloud, service: &str) -> String {
    let address = cloud.ready[service].as_str().unwrap();
    address.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    let api = authority(&cloud, "api");
    let port = api.rsplit(':').next().unwrap();
    let refused = |authority: &str, path: &str, header: (&str, &str)| {
        let response = request(authority, "POST", path, &[header], b"{}");
        (response.status, response.text().contains("message"))
    };
    for (authority, path) in [
        (authority(&cloud, "s3"), "/"),
        (authority(&cloud, "dynamodb"), "/"),
        (authority(&cloud, "sqs"), "/"),
        (api.clone(), "/_local/schedule/worker"),
        (api.clone(), "/_local/clock"),
    ] {
        assert_eq!(refused(&authority, path, ("Host", "evil.example")), (403, true), "{authority}{path}");
        let rebound = format!("evil.example:{}", authority.rsplit(':').next().unwrap());
        assert_eq!(refused(&authority, path, ("Host", &rebound)), (403, true), "{authority}{path}");
        if authority != crate::foreign_clients::authority(&cloud, "s3") {
            let origin = ("Origin", "http://evil.example");
            assert_eq!(refused(&authority, path, origin), (403, true), "{authority}{path}");
        }
    }
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let origin = format!("http://{host}");
        let own = request(&api, "GET", "/_local/health", &[("Host", &host), ("Origin", &origin)], b"");
        assert_eq!(own.status, 200, "{host}");
    }
    // CORS decides which origins may use objects and the API.
    let page = request(&authority(&cloud, "s3"), "GET", "/bucket/k", &[("Origin", "http://a.example")], b"");
    assert!(page.text().contains("AccessDenied"), "{}", page.text());
    assert_eq!(request(&api, "GET", "/echo", &[("Origin", "http://a.example")], b"").status, 200);
}

#[tokio::test]
async fn functions_cannot_call_the_clouds_own_api() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    let api = authority(&cloud, "api");
    let body = json!({"do": "ask", "authority": api, "path": "/_local/calls", "headers": []}).to_string();
    let response = cloud.send("POST", "/ask", &body);
    let expected = if Jail::detect().unwrap().keeps_apart() { "403" } else { "200" };
    assert_eq!(response.text(), expected);
}
