//! Calls the handler in this process, with real services.

use download_file::DownloadFile;
use files_domain::File;
use serde_json::{Value, json};
use test_app::{CONTENT, Method, Response, TestApp};

async fn ask(app: &TestApp, method: Method, file: &File, rest: &str) -> Response {
    let function = app.function("download-file");
    let handler = DownloadFile { records: function.client_records(), objects: function.objects() };
    let path = format!("/v1/files/{}/{rest}", file.id);
    function.send(&handler, app.request(method, &path).key(&app.key("owner").await)).await
}

#[tokio::test]
async fn a_redirect_leads_to_the_bytes() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let response = ask(&app, Method::GET, &file, "clip.mp4").await.expect(302);
    let bytes =
        app.fetch(Method::GET, response.header("location"), &json!({"Range": "bytes=4-8"}), b"").await;
    assert_eq!((bytes.status, &bytes.body[..]), (206, &CONTENT[4..9]));
    assert_eq!(
        bytes.header("content-disposition"),
        "attachment; filename=\"clip.mp4\"; filename*=UTF-8''clip.mp4"
    );
    assert_eq!(
        app.services().access.calls.to_json()["download-file"]["s3"],
        json!({"GetObject": 1}),
        "the name of the client"
    );
    let head = ask(&app, Method::HEAD, &file, "clip.mp4").await.expect(302);
    assert_eq!(app.fetch(Method::HEAD, head.header("location"), &Value::Null, b"").await.status, 200);
}

#[tokio::test]
async fn a_url_in_a_body_serves_inline_for_the_requested_lifetime() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let query = "clip.mp4?redirect=false&disposition=inline&expires_in=60";
    let body = ask(&app, Method::GET, &file, query).await.expect(200).json();
    let url = body["url"].as_str().expect("a URL");
    assert!(url.contains("X-Amz-Expires=60"), "{url}");
    let bytes = app.fetch(Method::GET, url, &Value::Null, b"").await.expect(200);
    assert_eq!(bytes.header("content-type"), "video/mp4");
    assert!(bytes.header("content-disposition").starts_with("inline"), "{bytes:?}");
}

#[tokio::test]
async fn a_file_without_bytes_cannot_be_downloaded() {
    let app = TestApp::new().await;
    let waiting = app.file("clip.mp4").awaiting_upload().await;
    ask(&app, Method::GET, &waiting, "clip.mp4").await.expect_error(409, "no_bytes_yet");
    let unprobed = app.file("clip.mp4").unprobed().await;
    let response = ask(&app, Method::GET, &unprobed, "clip.mp4?disposition=inline").await.expect(302);
    let bytes = app.fetch(Method::GET, response.header("location"), &Value::Null, b"").await.expect(200);
    assert_eq!(bytes.header("content-type"), "application/octet-stream", "the bytes are not probed yet");
}

#[tokio::test]
async fn the_path_may_have_the_name_in_any_spelling() {
    let app = TestApp::new().await;
    let file = app.upload("clip \u{fc}.mp4").await;
    for name in ["clip%20%C3%BC.mp4", "clip%2520%25C3%25BC.mp4", "clip%20u%CC%88.mp4"] {
        ask(&app, Method::GET, &file, name).await.expect(302);
    }
    ask(&app, Method::GET, &file, "other.mp4").await.expect_error(404, "not_found");
}
