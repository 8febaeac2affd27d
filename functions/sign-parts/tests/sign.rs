//! Calls the handler in this process, with real services.

use files_domain::File;
use serde_json::{Value, json};
use sign_parts::SignParts;
use test_app::{Method, Response, TestApp};

async fn sign(app: &TestApp, file: &File, numbers: Value) -> Response {
    let function = app.function("sign-parts");
    let handler = SignParts { records: function.client_records(), objects: function.objects() };
    let request = app.post(&format!("/v1/uploads/{}/parts", file.id)).json(&json!({"part_numbers": numbers}));
    function.send(&handler, request.key(&app.key("owner").await)).await
}

#[tokio::test]
async fn the_first_request_creates_the_upload_of_all_parts() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    let first = sign(&app, &file, json!([2])).await.expect(200).json();
    let second = sign(&app, &file, json!([1, 2])).await.expect(200).json();
    assert_eq!(app.calls("sign-parts", "s3", "CreateMultipartUpload"), 1);
    assert_eq!(second["parts"].as_array().map(Vec::len), Some(2));
    let part = &first["parts"][0];
    assert_eq!(part["part_number"], 2);
    let url = part["url"].as_str().expect("a URL");
    let put =
        async |size: usize| app.fetch(Method::PUT, url, &part["headers"], &vec![b'p'; size]).await.status;
    assert_eq!(put(1).await, 403, "a body of another length is refused");
    assert_eq!((put(4 << 20).await, put(4 << 20).await), (200, 200), "a part may be uploaded again");
    let upload_id =
        app.find(&file).await.and_then(|file| file.state.upload_id().map(str::to_owned)).expect("an upload");
    assert!(url.contains(&upload_id));
}

#[tokio::test]
async fn only_existing_part_numbers_are_signed() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    for numbers in
        [json!([]), json!([0]), json!([3]), json!(["1"]), json!(1), json!((1..=1001).collect::<Vec<_>>())]
    {
        sign(&app, &file, numbers).await.expect_error(422, "invalid_part_numbers");
    }
    assert_eq!(app.calls("sign-parts", "s3", "CreateMultipartUpload"), 0);
    sign(&app, &app.file("clip.mp4").awaiting_upload().await, json!([1]))
        .await
        .expect_error(409, "not_multipart");
    sign(&app, &app.upload("clip.mp4").await, json!([1])).await.expect_error(409, "upload_over");
}
