//! The HTTP API with a real function behind it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use files_local::calls::Calls;
use files_local::clock::Clock;
use files_local::eventbridge::EventBridge;
use files_local::faults::Faults;
use files_local::gateway::{Gateway, MAX_BODY_BYTES, Settings};
use files_local::sqs::Sqs;
use files_local::triggers::{Asynchronous, Schedules};
use tokio::net::TcpListener;

use crate::http::{Response, request};
use crate::setup::{Running, start};

const TEMPLATE: &str = r#"  Api: {Type: 'AWS::Serverless::HttpApi', Properties: {CorsConfiguration: {
      AllowOrigins: ['*'], AllowMethods: [GET, POST], AllowHeaders: [X-API-KEY], ExposeHeaders: [ETag], MaxAge: 60}}}
  W: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f/worker, Timeout: 20, Events: {
      Tick: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}},
      Seen: {Type: HttpApi, Properties: {Method: ANY, Path: '/seen/{id}/{rest+}'}},
      Do: {Type: HttpApi, Properties: {Method: ANY, Path: '/{do}'}}}}}"#;

struct Api {
    running: Running,
    authority: String,
}

async fn api() -> Api {
    let running = start(&["worker"], TEMPLATE);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let sqs = Sqs::open(&running.folder.path().join("sqs.sqlite")).unwrap();
    let asynchronous =
        Asynchronous::new(running.lambda.clone(), sqs, [Duration::ZERO; 2], running.lines.log());
    let calls = Arc::new(Calls::default());
    calls.count("worker", "s3", "PutObject");
    let settings = Settings {
        cors: running.model.cors.clone(),
        authority: address.to_string(),
        lambda: running.lambda.clone(),
        calls,
        schedules: Schedules::new(&running.model.functions, running.lambda.clone(), asynchronous),
        events: EventBridge::open(
            &running.folder.path().join("events.jsonl"),
            Clock::default(),
            Faults::default(),
        )
        .unwrap(),
        web: Some(running.folder.path().join("web")),
        log: running.lines.log(),
    };
    tokio::spawn(Gateway::new(settings, &running.model.functions).unwrap().serve(listener));
    Api { running, authority: address.to_string() }
}

impl Api {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let own = |text: &&str| (*text).to_owned();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (own(name), own(value))).collect();
        let (authority, method, path, body) =
            (self.authority.clone(), method.to_owned(), path.to_owned(), body.to_vec());
        let sent = tokio::task::spawn_blocking(move || {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            request(&authority, &method, &path, &headers, &body)
        });
        sent.await.unwrap()
    }

    /// Sends exactly these headers and this body. Returns the raw response.
    async fn raw(&self, host: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("POST /log HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n");
        let (authority, bytes) = (self.authority.clone(), [head.as_bytes(), body].concat());
        let sent = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(authority).unwrap();
            stream.write_all(&bytes).unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            response
        });
        sent.await.unwrap()
    }

    async fn bare(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let response = self.send(method, path, &[("Content-Type", "application/json")], body).await;
        (response.status, response.text().to_owned())
    }
}

fn message(status: u16, text: &str) -> (u16, String) {
    (status, format!("{{\"message\":\"{text}\"}}"))
}

#[tokio::test]
async fn an_event_arrives_as_sent() {
    let api = api().await;
    let headers = [("Content-Type", "text/plain"), ("X-A", "1"), ("X-a", "2"), ("Cookie", "c=1; d=2")];
    let response = api.send("POST", "/seen/a%20b/%C3%BC/x?q=1&q=%262", &headers, b"hello").await;
    assert_eq!(response.status, 200, "{}", response.text());
    let mut event = response.json()["event"].take();
    let context = event["requestContext"].as_object_mut().unwrap();
    for varying in ["time", "timeEpoch", "requestId"] {
        assert!(!context.remove(varying).unwrap().is_null());
    }
    assert_eq!(context["domainName"].take(), api.authority);
    assert_eq!(context.remove("domainPrefix").unwrap(), "127");
    let headers = event["headers"].as_object_mut().unwrap();
    assert!(headers.remove("x-amzn-trace-id").unwrap().as_str().unwrap().starts_with("Root=1-"));
    assert_eq!(headers.remove("host").unwrap(), api.authority);
    assert!(api.authority.ends_with(headers.remove("x-forwarded-port").unwrap().as_str().unwrap()));
    insta::assert_json_snapshot!(event);
}

#[tokio::test]
async fn the_gateways_own_errors_are_bare() {
    let api = api().await;
    assert_eq!(api.bare("GET", "/a/b/c", b"").await, message(404, "Not Found"));
    assert_eq!(api.bare("GET", "/_local", b"").await.0, 200, "a route like any other");
    assert_eq!(api.bare("GET", "/100%25", b"").await, message(400, "Bad Request"));
    let error = message(500, "Internal Server Error");
    for what in ["/crash", "/fail", "/nonsense"] {
        assert_eq!(api.bare("GET", what, b"").await, error, "{what}");
    }
    assert!(
        api.running.lines.text().contains("the response is not one of format 2.0"),
        "{}",
        api.running.lines.text()
    );
    let long = format!("/echo?{}", "x".repeat(11_000));
    assert_eq!(api.bare("GET", &long, b"").await, message(431, "Request Header Fields Too Large"));
}

#[tokio::test]
async fn bodies_are_limited_by_the_gateway_and_by_lambda() {
    let api = api().await;
    let large = message(413, "Request Entity Too Large");
    assert_eq!(api.bare("POST", "/log", &vec![b'x'; MAX_BODY_BYTES + 1]).await, large);
    assert_eq!(api.bare("POST", "/log", &vec![b'x'; 7_000_000]).await, large, "over Lambda's 6 MB");
    assert_eq!(api.bare("POST", "/log", &vec![b'x'; 6_000_000]).await.0, 200);
    let binary = api.send("POST", "/log", &[], &vec![b'x'; 4_800_000]).await;
    assert_eq!(binary.status, 413, "base64 counts");
    let chunked = [("Transfer-Encoding", "chunked")];
    let one = format!("{:x}\r\n{}\r\n0\r\n\r\n", MAX_BODY_BYTES + 1, "x".repeat(MAX_BODY_BYTES + 1));
    let response = api.raw("x", &chunked, one.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
}

#[tokio::test]
async fn an_invalid_host_is_refused() {
    let api = api().await;
    for host in ["[", "a b", ""] {
        let response = api.raw(host, &[], b"").await;
        assert!(response.starts_with("HTTP/1.1 400"), "{host:?}: {response}");
    }
    assert!(api.raw("files.test", &[], b"").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn headers_are_passed_on_and_cors_is_replaced() {
    let api = api().await;
    let response = api.send("GET", "/moved", &[("Origin", "https://a.test")], b"").await;
    assert_eq!((response.status, response.header("location")), (302, Some("http://elsewhere.test/x")));
    assert_eq!(response.header("etag"), Some("\"1\""));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert_eq!(response.header("access-control-expose-headers"), Some("ETag"));
    assert_eq!(response.header("content-length"), Some("0"));
    let without = api.send("GET", "/moved", &[], b"").await;
    assert_eq!(without.header("access-control-allow-origin"), None);
    let refused = api.send("GET", "/crash", &[("Origin", "https://a.test")], b"").await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "errors too");
}

#[tokio::test]
async fn a_preflight_needs_no_function() {
    let api = api().await;
    let headers = [("Origin", "https://a.test"), ("Access-Control-Request-Method", "POST")];
    let response = api.send("OPTIONS", "/crash", &headers, b"").await;
    assert_eq!(response.status, 204);
    assert_eq!(response.header("access-control-allow-methods"), Some("GET,POST"));
    assert_eq!(response.header("access-control-max-age"), Some("60"));
    assert_eq!(
        api.send("OPTIONS", "/crash", &[], b"").await.status,
        500,
        "not a preflight: the function is invoked"
    );
}

#[tokio::test]
async fn a_head_has_the_length_and_no_body() {
    let api = api().await;
    let head = api.send("HEAD", "/log", &[], b"").await;
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("4")));
}

#[tokio::test]
async fn local_routes_respond() {
    let api = api().await;
    assert_eq!(api.send("GET", "/_local/health", &[], b"").await.status, 200);
    let calls = api.send("GET", "/_local/calls", &[], b"").await;
    assert_eq!(calls.text(), r#"{"worker":{"s3":{"PutObject":1}}}"#);
    assert_eq!(api.send("DELETE", "/_local/calls", &[], b"").await.status, 204);
    assert_eq!(api.send("GET", "/_local/calls", &[], b"").await.text(), "{}");
    let run = api.send("POST", "/_local/schedule/worker", &[], b"").await;
    assert_eq!((run.status, run.json()["failed"].clone()), (200, false.into()));
    assert_eq!(api.send("POST", "/_local/schedule/nobody", &[], b"").await.status, 404);
}
