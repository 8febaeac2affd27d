//! Calls the handler in this process, with real services.

use delete_file::DeleteFile;
use files_deletion::Deletion;
use files_domain::{File, FileState, StreamKind, Streams, Unfinished, UploadRef};
use files_objects::ObjectsError;
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
    let removed = app.operator().records().removed_file(file.owner, file.id).await;
    assert_eq!(removed.expect("the deletion is still to be finished"), Unfinished::default());
    let stored = app.upload("clip.mp4").await;
    delete(&app, "owner", &stored, None).await.expect(204);
    assert!(
        app.operator().records().removed_file(stored.owner, stored.id).await.is_err(),
        "the deletion is finished"
    );
}

/// Turns an import into one with a stored picture and a sound that is half fetched. Returns the upload of the sound.
async fn half_fetched(app: &TestApp, before: File) -> String {
    let (owner, id, objects) = (before.owner, before.id, app.operator().objects());
    let [picture, sound] = StreamKind::ALL.map(|kind| objects.of_stream(kind));
    let upload_id = picture.create_upload(owner, id, None).await.expect("an upload");
    let upload = UploadRef { owner, id, upload_id: &upload_id };
    let part = picture.put_part(upload, 1, bytes::Bytes::from_static(b"picture")).await.expect("a part");
    picture.complete_upload(upload, &[part]).await.expect("an object");
    let upload_id = sound.create_upload(owner, id, None).await.expect("an upload");
    let mut after = before.clone();
    let FileState::Importing(import) = &mut after.state else { panic!("{before:?}") };
    import.upload_id = Some(upload_id.clone());
    import.streams = Some(Box::new(Streams { stored: vec![7], ..Streams::default() }));
    app.operator().records().save_file(&before, &after).await.expect("no concurrent write");
    upload_id
}

#[tokio::test]
async fn separate_streams_are_deleted_with_their_import() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_import("https://media.example/film.mpd").await;
    let (owner, id, objects) = (file.owner, file.id, app.operator().objects());
    let upload_id = half_fetched(&app, file.clone()).await;
    delete(&app, "owner", &file, None).await.expect(204);
    let [picture, sound] = StreamKind::ALL.map(|kind| objects.of_stream(kind));
    assert!(matches!(picture.head_file(owner, id).await, Err(ObjectsError::NotFound)));
    let left = sound.stored_parts(UploadRef { owner, id, upload_id: &upload_id }).await;
    assert!(matches!(left, Err(ObjectsError::NoSuchUpload)), "{left:?}");
    // What a worker stores in the meantime is deleted by sweep.
    let removed = app.operator().records().removed_file(owner, id).await.expect("a removal entry");
    assert_eq!(removed, Unfinished { upload_id: Some(upload_id), stored_streams: Some(1) });
}
