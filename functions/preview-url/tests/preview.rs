//! Calls the handler in this process, with real services.

use files_domain::Limit;
use files_records::SlotKind;
use media_source::MediaSource;
use preview_url::{PreviewUrl, limits};
use safe_fetch::{Allowed, SafeClient};
use serde_json::{Value, json};
use test_app::{Response, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn preview(app: &TestApp, allowed: &str, body: &Value) -> Response {
    let (function, allowed) = (app.function("preview-url"), Allowed::parse(allowed));
    let client = SafeClient::new(allowed.clone(), limits(None)).expect("a client");
    let source = MediaSource { client, allowed, pages: None, max_joined_height: 2160 };
    let handler = PreviewUrl { keys: function.keys(), records: function.records(), source };
    function.send(&handler, app.post("/v1/preview").json(body).key(&app.key("owner").await)).await
}

/// Starts a source that sends this response to every request. Returns its URL.
async fn source(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/clip.mp4", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn media_is_described_by_its_headers() {
    let app = TestApp::new().await;
    let response =
        "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 7\r\nConnection: close\r\n\r\n1234567";
    let url = source(response).await;
    let body = preview(&app, "127.0.0.1", &json!({"file_url": url})).await.expect(200).json();
    assert_eq!((&body["content_type"], &body["size"]), (&json!("video/mp4"), &json!(7)), "{body}");
}

#[tokio::test]
async fn a_refusal_by_the_source_is_returned_to_the_client() {
    let app = TestApp::new().await;
    let url = source("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    let error =
        preview(&app, "127.0.0.1", &json!({"file_url": url})).await.expect_error(422, "source_refused");
    assert_eq!(error["details"][0]["field"], "file_url");
}

#[tokio::test]
async fn a_manifest_is_refused_as_by_an_import() {
    let app = TestApp::new().await;
    let manifest = "HTTP/1.1 200 OK\r\nContent-Type: application/dash+xml\r\nContent-Length: 21\r\nConnection: close\r\n\r\n<MPD type='dynamic'/>";
    let url = source(manifest).await;
    let error =
        preview(&app, "127.0.0.1", &json!({"file_url": url})).await.expect_error(422, "source_refused");
    assert!(error["message"].as_str().expect("a message").contains("live streams"), "{error}");
}

#[tokio::test]
async fn concurrent_previews_of_an_owner_are_limited() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::Previews, 2)]).await;
    let (records, owner, now) =
        (app.operator().records(), app.key("owner").await.owner(), lambda_startup::now());
    let time = std::time::Duration::from_secs(30);
    let first = records.take_slot(owner, SlotKind::Preview, 2, time, now).await.expect("the table");
    let second = records.take_slot(owner, SlotKind::Preview, 2, time, now).await.expect("the table");
    let url = source("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    let ask = async || preview(&app, "127.0.0.1", &json!({"file_url": url})).await;
    let refused = ask().await;
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.expect_error(429, "too_many_at_once")["details"][0]["field"], "previews");
    records.release_slot(&first.expect("a place")).await.expect("released");
    for _ in 0..3 {
        ask().await.expect_error(422, "source_refused"); // each releases its slot
    }
    records.release_slot(&second.expect("a place")).await.expect("released");
    app.set_limits("owner", &[(Limit::Previews, 0)]).await;
    ask().await.expect_error(422, "source_refused");
}

#[tokio::test]
async fn private_addresses_and_other_schemes_are_refused() {
    let app = TestApp::new().await;
    for url in ["http://127.0.0.1/", "http://169.254.169.254/latest", "ftp://media.example/a", "clip.mp4"] {
        preview(&app, "", &json!({"file_url": url})).await.expect_error(422, "invalid_url");
    }
}
