//! Calls the handler in this process, with real services.

use delete_file::DeleteFile;
use files_deletion::Deletion;
use files_domain::File;
use test_app::{Response, TestApp};

async fn delete(app: &TestApp, owner: &str, file: &File, tag: Option<&str>) -> Response {
    let function = app.function("delete-file");
    let deletion = Deletion { records: function.client_records(), objects: function.objects() };
    let handler = DeleteFile { deletion, deliveries: function.delivery_queue() };
    let request = app.delete(&format!("/v1/files/{}", file.id)).key(&app.key(owner).await);
    let request = match tag {
        Some(tag) => request.header("if-match", tag),
        None => request,
    };
    function.send(&handler, request).await
}

#[tokio::test]
async fn record_and_bytes_are_deleted() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    assert!(delete(&app, "owner", &file, None).await.expect(204).body.is_empty());
    assert_eq!((app.find(&file).await, app.has_bytes(&file).await), (None, false));
    delete(&app, "owner", &file, None).await.expect_error(404, "not_found");
}

#[tokio::test]
async fn only_the_owner_can_delete_and_only_the_version_in_if_match() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    delete(&app, "another", &file, None).await.expect_error(404, "not_found");
    delete(&app, "owner", &file, Some("\"v0\"")).await.expect_error(412, "precondition_failed");
    assert!(app.has_bytes(&file).await);
    delete(&app, "owner", &file, Some(&format!("\"v{}\"", file.version))).await.expect(204);
}

#[tokio::test]
async fn bytes_that_may_still_arrive_are_left_to_sweep() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    delete(&app, "owner", &file, None).await.expect(204);
    assert_eq!(app.find(&file).await, None);
    let removed = app.operator().records().removed_upload(file.owner, file.id).await;
    assert_eq!(removed.expect("the deletion is still to be finished"), None);
    let stored = app.upload("clip.mp4").await;
    delete(&app, "owner", &stored, None).await.expect(204);
    assert!(
        app.operator().records().removed_upload(stored.owner, stored.id).await.is_err(),
        "the deletion is finished"
    );
}
