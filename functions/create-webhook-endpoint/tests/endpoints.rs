//! Calls the handlers of webhook endpoints in this process, with real services.

use create_webhook_endpoint::CreateWebhookEndpoint;
use delete_webhook_endpoint::DeleteWebhookEndpoint;
use files_domain::{ApiKey, Scope};
use list_webhook_endpoints::ListWebhookEndpoints;
use rotate_webhook_secret::RotateWebhookSecret;
use safe_fetch::Allowed;
use serde_json::{Value, json};
use test_app::{OWNER, Response, TestApp};

const PATH: &str = "/v1/webhook-endpoints";

async fn create(app: &TestApp, key: &ApiKey, body: &Value) -> Response {
    let function = app.function("create-webhook-endpoint");
    let handler =
        CreateWebhookEndpoint { records: function.client_records(), allowed: Allowed::parse("127.0.0.1") };
    function.send(&handler, app.post(PATH).key(key).json(body)).await
}

async fn list(app: &TestApp, key: &ApiKey) -> Response {
    let function = app.function("list-webhook-endpoints");
    let handler = ListWebhookEndpoints { records: function.client_records() };
    function.send(&handler, app.get(PATH).key(key)).await
}

async fn rotate(app: &TestApp, key: &ApiKey, id: &str) -> Response {
    let function = app.function("rotate-webhook-secret");
    let handler = RotateWebhookSecret { records: function.client_records() };
    function.send(&handler, app.post(&format!("{PATH}/{id}/rotate")).key(key)).await
}

async fn delete(app: &TestApp, key: &ApiKey, id: &str) -> Response {
    let function = app.function("delete-webhook-endpoint");
    let handler = DeleteWebhookEndpoint { records: function.client_records() };
    function.send(&handler, app.delete(&format!("{PATH}/{id}")).key(key)).await
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    let body = json!({"url": "https://hooks.example/files?token=1", "events": ["file.failed"]});
    let created = create(&app, &key, &body).await.expect(201).json();
    assert!(text(&created, "secret").starts_with("whsec_"), "{created}");
    assert_eq!(
        (&created["url"], &created["events"], &created["enabled"]),
        (&body["url"], &body["events"], &json!(true))
    );
    let mut listed = list(&app, &key).await.expect(200).json()["endpoints"].take();
    let mut expected = created;
    expected.as_object_mut().expect("an object").remove("secret");
    assert_eq!(listed.take(), json!([expected]));
}

#[tokio::test]
async fn a_rotation_returns_a_new_secret_and_the_previous_one_is_valid_for_a_day() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    let created = create(&app, &key, &json!({"url": "http://127.0.0.1:8000/"})).await.expect(201).json();
    assert_eq!(created["events"], json!(["file.succeeded", "file.failed", "file.expired"]));
    let rotated = rotate(&app, &key, text(&created, "id")).await.expect(200).json();
    assert_ne!(rotated["secret"], created["secret"]);
    assert!(rotated["previous_secret_expires_at"].is_string(), "{rotated}");
    rotate(&app, &key, "019aa1b2-c3d4-7e5f-8a6b-0123456789ab").await.expect_error(404, "not_found");
    rotate(&app, &key, "x").await.expect_error(404, "not_found");
}

#[tokio::test]
async fn rotating_the_default_secret_creates_the_default_endpoint() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    assert_eq!(list(&app, &key).await.expect(200).json(), json!({"endpoints": []}));
    let first = rotate(&app, &key, "default").await.expect(200).json();
    assert_eq!((&first["id"], &first["url"]), (&json!("default"), &Value::Null));
    assert_ne!(rotate(&app, &key, "default").await.expect(200).json()["secret"], first["secret"]);
    delete(&app, &key, "default").await.expect(204);
    delete(&app, &key, "default").await.expect_error(404, "not_found");
}

#[tokio::test]
async fn endpoints_are_visible_to_their_owner_only() {
    let app = TestApp::new().await;
    let (key, other) = (app.key(OWNER).await, app.key("another").await);
    let created = create(&app, &key, &json!({"url": "https://hooks.example/"})).await.expect(201).json();
    let id = text(&created, "id");
    assert_eq!(list(&app, &other).await.expect(200).json(), json!({"endpoints": []}));
    rotate(&app, &other, id).await.expect_error(404, "not_found");
    delete(&app, &other, id).await.expect_error(404, "not_found");
    delete(&app, &key, id).await.expect(204);
    assert_eq!(list(&app, &key).await.expect(200).json(), json!({"endpoints": []}));
    delete(&app, &key, id).await.expect_error(404, "not_found");
}

#[tokio::test]
async fn an_owner_has_at_most_ten_endpoints() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    let body = json!({"url": "https://hooks.example/"});
    let mut last = Value::Null;
    for _ in 0..10 {
        last = create(&app, &key, &body).await.expect(201).json();
    }
    create(&app, &key, &body).await.expect_error(409, "too_many_endpoints");
    delete(&app, &key, text(&last, "id")).await.expect(204);
    create(&app, &key, &body).await.expect(201);
}

#[tokio::test]
async fn an_invalid_endpoint_is_rejected() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    for url in [
        json!(null),
        json!(7),
        json!(""),
        json!("hooks.example"),
        json!("ftp://hooks.example/"),
        json!("http://10.0.0.1/"),
        json!("http://localhost/"),
        json!("https://user:word@hooks.example/"),
        json!(format!("https://hooks.example/{}", "x".repeat(2_048))),
    ] {
        let error = create(&app, &key, &json!({"url": url})).await;
        assert_eq!(error.expect_error(422, "invalid_webhook")["details"][0]["field"], "url", "{url}");
    }
    for events in [json!([]), json!("file.failed"), json!(["file.done"]), json!([1])] {
        let body = json!({"url": "https://hooks.example/", "events": events});
        create(&app, &key, &body).await.expect_error(422, "invalid_events");
    }
    let body = json!({"url": "https://hooks.example/", "secret": "x"});
    let error = create(&app, &key, &body).await.expect_error(422, "unknown_field");
    assert_eq!(error["details"][0]["field"], "secret");
}

#[tokio::test]
async fn a_key_with_the_scope_read_alone_lists_no_endpoints() {
    let app = TestApp::new().await;
    let reader = app.key_with(OWNER, &[Scope::Read, Scope::Delete], None).await;
    list(&app, &reader).await.expect_error(403, "missing_scope");
    create(&app, &reader, &json!({"url": "https://hooks.example/"})).await.expect_error(403, "missing_scope");
    rotate(&app, &reader, "default").await.expect_error(403, "missing_scope");
    delete(&app, &reader, "default").await.expect_error(403, "missing_scope");
}
