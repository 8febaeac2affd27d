//! Redirects to posters by a handler in this process, on real services.

use files_domain::{File, FileId};
use get_poster::GetPoster;
use serde_json::Value;
use test_app::{Method, Response, TestApp};

async fn ask(app: &TestApp, owner: &str, method: Method, id: FileId, query: &str) -> Response {
    let function = app.function("get-poster");
    let handler = GetPoster { records: function.client_records(), objects: function.objects() };
    let path = format!("/v1/posters/{id}{query}");
    function.send(&handler, app.request(method, &path).key(&app.key(owner).await)).await
}

/// Creates a file with a poster of these bytes.
async fn with_poster(app: &TestApp, bytes: &[u8]) -> File {
    let file = app.file("clip.mp4").poster(bytes).await;
    assert!(file.has_poster());
    file
}

#[tokio::test]
async fn a_redirect_leads_to_the_poster() {
    let app = TestApp::new().await;
    let file = with_poster(&app, b"a jpeg").await;
    let response = ask(&app, "owner", Method::GET, file.id, "").await.expect(302);
    assert_eq!(response.header("cache-control"), "private, no-store");
    let poster = app.fetch(Method::GET, response.header("location"), &Value::Null, b"").await.expect(200);
    assert_eq!((&poster.body[..], poster.header("content-type")), (&b"a jpeg"[..], "image/jpeg"));
    assert_eq!(poster.header("content-disposition"), "inline");
    let head = ask(&app, "owner", Method::HEAD, file.id, "").await.expect(302);
    app.fetch(Method::HEAD, head.header("location"), &Value::Null, b"").await.expect(200);
    let body =
        ask(&app, "owner", Method::GET, file.id, "?redirect=false&expires_in=60").await.expect(200).json();
    assert!(body["url"].as_str().is_some_and(|url| url.contains("X-Amz-Expires=60")), "{body}");
}

#[tokio::test]
async fn only_the_owner_of_a_file_with_a_poster_gets_one() {
    let app = TestApp::new().await;
    let (file, bare) = (with_poster(&app, b"a jpeg").await, app.upload("plain.txt").await);
    ask(&app, "other", Method::GET, file.id, "").await.expect_error(404, "not_found");
    ask(&app, "owner", Method::GET, bare.id, "").await.expect_error(404, "not_found");
    ask(&app, "owner", Method::GET, file.id, "?redirect=maybe")
        .await
        .expect_error(400, "malformed_parameter");
    app.operator().records().remove_file(&file, lambda_startup::now()).await.expect("removed");
    ask(&app, "owner", Method::GET, file.id, "").await.expect_error(404, "not_found");
}
