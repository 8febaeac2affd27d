//! Calls the handler in this process, with real services.

use complete_upload::CompleteUpload;
use files_domain::{File, Status};
use serde_json::json;
use test_app::{Response, TestApp};

async fn complete(app: &TestApp, file: &File) -> Response {
    let function = app.function("complete-upload");
    let handler =
        CompleteUpload { records: function.client_records(), objects: function.objects(), public_url: None };
    let path = format!("/v1/uploads/{}/complete", file.id);
    function.send(&handler, app.post(&path).key(&app.key("owner").await)).await
}

async fn with_parts(app: &TestApp, numbers: &[u32]) -> File {
    let file = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    app.start_parts(&file).await;
    for number in numbers {
        app.put_part(&file, *number).await;
    }
    file
}

#[tokio::test]
async fn the_object_is_created_from_all_parts() {
    let app = TestApp::new().await;
    let file = with_parts(&app, &[1, 2]).await;
    let body = complete(&app, &file).await.expect(202).json();
    assert_eq!((&body["status"], &body["size"]), (&json!("running"), &json!(12 << 20)));
    assert!(app.has_bytes(&file).await);
    assert_eq!(
        complete(&app, &file).await.expect(202).json()["id"],
        body["id"],
        "a second request has the same response"
    );
    assert_eq!(app.calls("complete-upload", "s3", "CompleteMultipartUpload"), 1);
}

#[tokio::test]
async fn missing_parts_are_listed_and_can_still_be_uploaded() {
    let app = TestApp::new().await;
    let file = with_parts(&app, &[1]).await;
    let error = complete(&app, &file).await.expect_error(409, "parts_incomplete");
    assert_eq!(error["details"][0]["field"], "part_numbers.2");
    assert_eq!(app.find(&file).await.map(|file| file.status()), Some(Status::Pending));
    app.put_part(&file, 2).await;
    complete(&app, &file).await.expect(202);
}

#[tokio::test]
async fn files_without_an_open_multipart_upload_are_refused() {
    let app = TestApp::new().await;
    let unsigned = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    let error = complete(&app, &unsigned).await.expect_error(409, "parts_incomplete");
    assert_eq!(error["details"].as_array().map(Vec::len), Some(2));
    complete(&app, &app.file("clip.mp4").awaiting_upload().await).await.expect_error(409, "not_multipart");
    complete(&app, &app.upload("clip.mp4").await).await.expect_error(409, "upload_over");
}
