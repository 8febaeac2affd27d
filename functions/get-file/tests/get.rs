//! Shows files by a handler in this process, on real services.

use get_file::GetFile;
use serde_json::json;
use test_app::{Response, TestApp};

async fn get(app: &TestApp, owner: &str, id: &str, tag: Option<&str>) -> Response {
    let function = app.function("get-file");
    let handler =
        GetFile { records: function.client_records(), objects: function.objects(), public_url: None };
    let request = app.get(&format!("/v1/files/{id}")).key(&app.key(owner).await);
    let request = match tag {
        Some(tag) => request.header("if-none-match", tag),
        None => request,
    };
    function.send(&handler, request).await
}

#[tokio::test]
async fn a_file_is_shown_by_one_read() {
    let app = TestApp::new().await;
    let id = app.upload("clip.mp4").await.id.to_string();
    let response = get(&app, "owner", &id, None).await.expect(200);
    let file = response.json();
    assert_eq!((&file["status"], &file["size"]), (&json!("success"), &json!(19)));
    assert_eq!((&file["ffprobe"]["width"], &file["ffprobe"]["duration"]), (&json!(640), &json!(2.5)));
    assert_eq!(file["download_url"], format!("https://api.example/v1/files/{id}/clip.mp4"));
    assert_eq!(app.calls("get-file", "dynamodb", "BatchGetItem"), 1);
    let unchanged = get(&app, "owner", &id, Some(response.header("etag"))).await.expect(304);
    assert!(unchanged.body.is_empty());
    get(&app, "owner", &id, Some("\"v0\"")).await.expect(200);
}

#[tokio::test]
async fn another_owners_file_is_as_missing_as_one_that_never_was() {
    let app = TestApp::new().await;
    let id = app.upload("clip.mp4").await.id.to_string();
    let mut theirs = get(&app, "another", &id, None).await.expect_error(404, "not_found");
    let mut nobodys = get(&app, "another", "019aa1b2-c3d4-7e5f-8a6b-0123456789ab", None)
        .await
        .expect_error(404, "not_found");
    theirs["request_id"].take();
    nobodys["request_id"].take();
    assert_eq!(theirs, nobodys);
    get(&app, "owner", "7", None).await.expect_error(400, "malformed_id");
}

#[tokio::test]
async fn an_expired_file_is_gone() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").expires_at(lambda_startup::now()).awaiting_upload().await;
    get(&app, "owner", &file.id.to_string(), None).await.expect_error(404, "not_found");
}
