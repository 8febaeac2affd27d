//! Calls the handler in this process, with real services.

use files_domain::{Limit, Scope};
use get_usage::GetUsage;
use serde_json::json;
use test_app::{CONTENT, Response, TestApp};

async fn usage(app: &TestApp, owner: &str) -> Response {
    let function = app.function("get-usage");
    let handler = GetUsage { records: function.client_records() };
    function.send(&handler, app.get("/v1/usage").key(&app.key(owner).await)).await
}

#[tokio::test]
async fn usage_and_limits_take_one_read() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::Files, 7), (Limit::Imports, 0)]).await;
    app.upload("a.mp4").await;
    app.file("b.mp4").awaiting_upload().await;
    app.file("c.mp4").awaiting_import("https://media.example/c.mp4").await;
    let body = usage(&app, "owner").await.expect(200).json();
    let stored_bytes = 2 * CONTENT.len();
    let used =
        json!({"stored_bytes": stored_bytes, "files": 3, "pending_uploads": 1, "imports": 1, "previews": 0});
    assert_eq!(body["used"], used);
    let limits = json!({
        "stored_bytes": null, "files": 7, "file_bytes": 53_687_091_200_u64, "pending_uploads": 10_000,
        "imports": null, "previews": 4, "requests_per_second": null,
    });
    assert_eq!(body["limits"], limits);
    assert_eq!(app.calls("get-usage", "dynamodb", "BatchGetItem"), 1);
    assert_eq!(usage(&app, "another").await.expect(200).json()["used"]["files"], 0);
}

#[tokio::test]
async fn requests_are_counted_in_blocks() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::RequestsPerSecond, 20)]).await;
    let (function, key, now) = (app.function("get-usage"), app.key("owner").await, lambda_startup::now());
    let handler = GetUsage { records: function.client_records() };
    let ask = async || function.send_at(now, &handler, app.get("/v1/usage").key(&key)).await;
    for _ in 0..21 {
        ask().await.expect(200); // the first request, which reads the key, is not counted
    }
    assert_eq!(app.calls("get-usage", "dynamodb", "UpdateItem"), 10, "one for two requests");
    let refused = ask().await;
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit-policy"), "\"requests\";q=20;w=1");
    assert_eq!(refused.header("ratelimit"), "\"requests\";r=0;t=1");
    refused.expect_error(429, "too_many_requests");
    ask().await.expect_error(429, "too_many_requests");
    assert_eq!(app.calls("get-usage", "dynamodb", "UpdateItem"), 11, "a second that is full is remembered");
    let next = files_domain::Timestamp::from_millis(now.millis() + 1_000);
    function.send_at(next, &handler, app.get("/v1/usage").key(&key)).await.expect(200);
}

#[tokio::test]
async fn the_key_must_be_valid_and_have_the_scope_read() {
    let app = TestApp::new().await;
    let function = app.function("get-usage");
    let handler = GetUsage { records: function.client_records() };
    function.send(&handler, app.get("/v1/usage")).await.expect_error(401, "invalid_api_key");
    let lacking = app.key_with("owner", &[Scope::Write], None).await;
    function.send(&handler, app.get("/v1/usage").key(&lacking)).await.expect_error(403, "missing_scope");
    let revoked = app.key_with("owner", &Scope::ALL, None).await;
    app.revoke(&revoked).await;
    function.send(&handler, app.get("/v1/usage").key(&revoked)).await.expect_error(401, "invalid_api_key");
}
