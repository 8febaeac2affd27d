//! Calls the handler in this process, with real services.

use files_domain::File;
use list_parts::ListParts;
use serde_json::json;
use test_app::{Response, TestApp};

async fn list(app: &TestApp, file: &File, query: &str) -> Response {
    let function = app.function("list-parts");
    let handler = ListParts { records: function.client_records(), objects: function.objects() };
    let path = format!("/v1/uploads/{}/parts{query}", file.id);
    function.send(&handler, app.get(&path).key(&app.key("owner").await)).await
}

#[tokio::test]
async fn the_list_is_empty_before_the_first_part_is_signed() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    let body = list(&app, &file, "").await.expect(200).json();
    assert_eq!(body, json!({"parts": [], "next": null, "part_size": 8 << 20, "part_count": 2}));
    assert_eq!(app.services().access.calls.to_json()["list-parts"]["s3"], json!(null), "S3 is not called");
}

#[tokio::test]
async fn stored_parts_are_listed_with_their_sizes() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    app.start_parts(&file).await;
    app.put_part(&file, 2).await;
    let body = list(&app, &file, "").await.expect(200).json();
    assert_eq!(body["parts"], json!([{"part_number": 2, "size": 4 << 20}]));
    assert_eq!(list(&app, &file, "?after=2").await.expect(200).json()["parts"], json!([]));
}

#[tokio::test]
async fn other_files_and_invalid_numbers_are_refused() {
    let app = TestApp::new().await;
    list(&app, &app.file("clip.mp4").awaiting_upload().await, "").await.expect_error(409, "not_multipart");
    list(&app, &app.upload("clip.mp4").await, "").await.expect_error(409, "upload_over");
    let file = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    for after in ["-1", "10001", "x"] {
        let error = list(&app, &file, &format!("?after={after}")).await;
        let error = error.expect_error(400, "malformed_parameter");
        assert_eq!(error["message"], "after must be the number of a part, as next gives it");
    }
}
