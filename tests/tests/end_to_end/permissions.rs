//! Permissions: the local cloud refuses what the template does not allow, and logs it.

use files_tests::owner::id;
use files_tests::{Cloud, media, until};

#[tokio::test]
async fn a_download_needs_the_permission_of_the_role_that_signed_it() {
    let cloud = Cloud::setup().without_permission("DownloadFileFunction", "s3:GetObject").start().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let redirect = owner.get(files_tests::Owner::download_url(&file)).await.expect(302);
    let refused = owner.fetch(redirect.header("location").expect("a URL")).await.expect(403);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("<Code>AccessDenied</Code>") && text.contains("DownloadFile"), "{text}");
}

#[tokio::test]
async fn a_function_without_a_permission_fails_and_the_log_has_the_reason() {
    let cloud = Cloud::setup().without_permission("CreateFileFunction", "s3:PutObject").start().await;
    let owner = cloud.owner().await;
    let form = files_tests::Form::new().file("a.png", Some("image/png"), &media::PNG);
    let response = files_tests::Response::to(owner.form(form)).await;
    assert!(response.status >= 500, "{}", response.status);
    let denied = "is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::";
    until("the log has the denial", async || Cloud::log_tail(cloud.folder()).contains(denied).then_some(()))
        .await;
    // Requests that do not need the permission still succeed.
    let announced = owner.announce("a.png", media::PNG.len(), "image/png").await;
    let refused = owner.put(&announced, media::PNG.clone()).await.expect(403);
    assert!(String::from_utf8_lossy(&refused.body).contains("<Code>AccessDenied</Code>"));
    assert_eq!(owner.file(id(&announced)).await["status"], "pending");
}

/// Lambda does not count a batch item failure as an error of the function, so an alarm would not detect it.
#[tokio::test]
async fn a_background_failure_is_an_error_of_its_function() {
    let setup = Cloud::setup().without_permission("ImportFileFunction", "dynamodb:UpdateItem");
    let cloud = setup.without_permission("FailFileFunction", "s3:GetObject").start().await;
    let owner = cloud.owner().await;
    let stored = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    owner.backend.send("DeadLetterQueue", &owner.backend.stored_event(id(&stored))).await;
    owner.import("http://127.0.0.1:9/a.png").await;
    for function in ["import-file", "fail-file"] {
        let failed = |line: &str| line.contains(&format!(" {function} ")) && line.contains(r#""errorType""#);
        let log = || Cloud::log_tail(cloud.folder());
        until("the function fails", async || log().lines().any(failed).then_some(())).await;
    }
}
