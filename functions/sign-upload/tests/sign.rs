//! Calls the handler in this process, with real services.

use files_domain::File;
use sign_upload::SignUpload;
use test_app::{CONTENT, Method, Response, TestApp};

async fn sign(app: &TestApp, owner: &str, file: &File) -> Response {
    let function = app.function("sign-upload");
    let handler = SignUpload { records: function.client_records(), objects: function.objects() };
    let path = format!("/v1/uploads/{}/sign", file.id);
    function.send(&handler, app.post(&path).key(&app.key(owner).await)).await
}

#[tokio::test]
async fn each_url_is_valid_until_the_object_exists() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    let upload = sign(&app, "owner", &file).await.expect(200).json();
    assert_eq!(upload["method"], "PUT");
    let again = sign(&app, "owner", &file).await.expect(200).json();
    let put = async |upload: &serde_json::Value| {
        app.fetch(Method::PUT, upload["url"].as_str().expect("a URL"), &upload["headers"], CONTENT)
            .await
            .status
    };
    assert_eq!((put(&again).await, put(&upload).await), (200, 412), "only the first PUT creates the object");
    assert!(app.has_bytes(&file).await);
}

#[tokio::test]
async fn only_a_pending_single_put_upload_is_signed() {
    let app = TestApp::new().await;
    sign(&app, "owner", &app.file("clip.mp4").awaiting_parts(12 << 20).await)
        .await
        .expect_error(409, "is_multipart");
    sign(&app, "owner", &app.upload("clip.mp4").await).await.expect_error(409, "upload_over");
    let late = app.file("clip.mp4").aged(std::time::Duration::from_secs(25 * 3600)).awaiting_upload().await;
    sign(&app, "owner", &late).await.expect_error(409, "upload_over");
    sign(&app, "another", &late).await.expect_error(404, "not_found");
}
