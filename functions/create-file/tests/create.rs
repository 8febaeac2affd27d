//! Calls the handler in this process, with real services.

use create_file::CreateFile;
use files_domain::{Endpoint, EndpointId, EventKind, Limit, Scope, Timestamp, WebhookSecret};
use safe_fetch::Allowed;
use serde_json::{Value, json};
use test_app::{CONTENT, Method, RequestBuilder, Response, TestApp, TestFunction};

const FORM: &str = "multipart/form-data; boundary=b";

fn handler(function: &TestFunction<'_>) -> CreateFile {
    CreateFile {
        records: function.client_records(),
        objects: function.objects(),
        imports: function.import_queue(),
        allowed: Allowed::parse(""),
        max_file_bytes: 1_000_000,
        public_url: None,
    }
}

async fn create(app: &TestApp, request: RequestBuilder) -> Response {
    let function = app.function("create-file");
    function.send(&handler(&function), request.key(&app.key("owner").await)).await
}

async fn create_json(app: &TestApp, body: &Value) -> Response {
    create(app, app.post("/v1/files").json(body)).await
}

fn form(name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: video/mp4\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

/// Returns the record of the file in a response.
async fn stored(app: &TestApp, file: &Value) -> files_domain::File {
    let (owner, id) =
        (app.key("owner").await.owner(), file["id"].as_str().expect("an id").parse().expect("an id"));
    app.operator().records().get_file(owner, id).await.expect("the record").0
}

#[tokio::test]
async fn bytes_in_a_form_are_stored() {
    let app = TestApp::new().await;
    let response =
        create(&app, app.post("/v1/files").body(FORM, form("clip.mp4", CONTENT))).await.expect(201);
    let file = response.json();
    assert_eq!(
        (&file["name"], &file["status"], &file["size"]),
        (&json!("clip.mp4"), &json!("running"), &json!(19))
    );
    assert_eq!(
        response.header("location"),
        format!("https://api.example/v1/files/{}", file["id"].as_str().unwrap())
    );
    assert!(app.has_bytes(&stored(&app, &file).await).await);
}

#[tokio::test]
async fn a_url_is_queued_as_an_import() {
    let app = TestApp::new().await;
    let url = "https://media.example/a/clip%20one.mp4";
    let file = create_json(&app, &json!({"file_url": url})).await.expect(202).json();
    assert_eq!((&file["name"], &file["status"]), (&json!("clip one.mp4"), &json!("pending")));
    let message = app.receive("ImportQueue").await.expect("a message").body;
    assert_eq!((&message["id"], &message["file_url"]), (&file["id"], &json!(url)));
    assert_eq!(app.receive("ImportQueue").await, None, "one message");
}

#[tokio::test]
async fn a_presigned_put_accepts_the_announced_bytes_once() {
    let app = TestApp::new().await;
    let announced = json!({"name": "clip.mp4", "size": CONTENT.len(), "content_type": "video/mp4"});
    let file = create_json(&app, &announced).await.expect(201).json();
    let (url, headers) = (file["upload"]["url"].as_str().unwrap(), &file["upload"]["headers"]);
    assert_eq!(file["upload"]["method"], "PUT");
    assert_eq!(
        app.fetch(Method::PUT, url, headers, b"longer than the bytes").await.status,
        403,
        "another size"
    );
    assert_eq!(app.fetch(Method::PUT, url, headers, CONTENT).await.status, 200);
    assert_eq!(app.fetch(Method::PUT, url, headers, CONTENT).await.status, 412, "once");
    assert!(app.has_bytes(&stored(&app, &file).await).await);
}

#[tokio::test]
async fn a_multipart_upload_is_planned() {
    let app = TestApp::new().await;
    let announced = json!({"name": "clip.mp4", "size": 900_000, "multipart": true});
    let file = create_json(&app, &announced).await.expect(201).json();
    assert_eq!((&file["upload"]["part_count"], &file["upload"]["url"]), (&json!(1), &Value::Null));
    assert_eq!(app.calls("create-file", "s3", "CreateMultipartUpload"), 0, "sign-parts creates it");
}

#[tokio::test]
async fn an_idempotency_key_creates_one_file() {
    let app = TestApp::new().await;
    let ask = async |size: u64| {
        let request = app.post("/v1/files").header("idempotency-key", "k");
        create(&app, request.json(&json!({"name": "clip.mp4", "size": size}))).await
    };
    let (first, second) = (ask(7).await.expect(201).json(), ask(7).await.expect(201).json());
    assert_eq!(first["id"], second["id"]);
    ask(8).await.expect_error(409, "idempotency_conflict");
}

#[tokio::test]
async fn an_invalid_request_is_rejected_with_its_reason() {
    let app = TestApp::new().await;
    for (body, status, reason) in [
        (json!({}), 422, "file_or_url_required"),
        (json!({"name": "a", "size": 1, "file_url": "https://media.example/a"}), 422, "file_and_url_given"),
        (json!({"file_url": "ftp://media.example/a"}), 422, "invalid_url"),
        (json!({"file_url": "http://127.0.0.1/a"}), 422, "invalid_url"),
        (json!({"name": "a", "size": 1_000_001}), 413, "file_too_large"),
        (json!({"name": "a", "size": 1, "checksum_sha256": "00"}), 422, "invalid_checksum"),
        (json!({"name": "a", "size": 1, "expires_at": "2026-01-01T00:00:00Z"}), 422, "invalid_expiry"),
        (json!({"name": "a", "size": 1, "expire_in": 60}), 422, "unknown_field"),
    ] {
        let error = create_json(&app, &body).await;
        assert_eq!((error.status, &error.json()["reason"]), (status, &json!(reason)), "{body}");
    }
    assert_eq!(app.calls("create-file", "dynamodb", "TransactWriteItems"), 0);
}

#[tokio::test]
async fn a_request_above_a_limit_creates_nothing_and_the_error_has_the_numbers() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::StoredBytes, 10), (Limit::Imports, 1), (Limit::FileBytes, 9)]).await;
    let upload = |size: u64| json!({"name": "clip.mp4", "size": size});
    create_json(&app, &upload(9)).await.expect(201);
    let error = create_json(&app, &upload(2)).await.expect_error(403, "quota_exceeded");
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("9 of 10 used, 2 requested")),
        "{error}"
    );
    assert_eq!(error["details"][0]["field"], "stored_bytes");
    let bytes = app.post("/v1/files").body(FORM, form("clip.mp4", b"ab"));
    create(&app, bytes).await.expect_error(403, "quota_exceeded");
    let error = create_json(&app, &upload(10)).await.expect_error(413, "file_too_large");
    assert_eq!(error["details"][0]["field"], "file_bytes");

    let import = json!({"file_url": "https://media.example/clip.mp4"});
    create_json(&app, &import).await.expect(202);
    let response = create_json(&app, &import).await;
    assert_eq!(response.header("retry-after"), "30");
    let error = response.expect_error(429, "too_many_at_once");
    assert_eq!(error["details"][0]["field"], "imports");
    app.receive("ImportQueue").await.expect("the first import");
    assert_eq!(app.receive("ImportQueue").await, None, "the second is not queued");
}

#[tokio::test]
async fn an_owner_at_its_limit_can_repeat_an_idempotent_request() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::Files, 1)]).await;
    let ask = async |size: u64| {
        let request = app.post("/v1/files").header("idempotency-key", "k");
        create(&app, request.json(&json!({"name": "clip.mp4", "size": size}))).await
    };
    let first = ask(7).await.expect(201).json();
    assert_eq!(ask(7).await.expect(201).json()["id"], first["id"]);
    ask(8).await.expect_error(409, "idempotency_conflict");
    create_json(&app, &json!({"name": "b", "size": 1})).await.expect_error(403, "quota_exceeded");
}

#[tokio::test]
async fn limits_cost_no_additional_call() {
    let app = TestApp::new().await;
    let (function, key) = (app.function("create-file"), app.key("owner").await);
    let handler = handler(&function);
    for _ in 0..3 {
        let request = app.post("/v1/files").json(&json!({"name": "a", "size": 1})).key(&key);
        function.send(&handler, request).await.expect(201);
    }
    let calls = |operation| app.calls("create-file", "dynamodb", operation);
    assert_eq!((calls("BatchGetItem"), calls("GetItem"), calls("TransactWriteItems")), (1, 0, 3));
}

#[tokio::test]
async fn json_that_is_not_utf_8_creates_nothing() {
    let app = TestApp::new().await;
    let body = b"{\"name\":\"gr\xFCn.mp4\",\"size\":3}".to_vec();
    let error = create(&app, app.post("/v1/files").body("application/json", body)).await;
    let error = error.expect_error(400, "malformed_request");
    assert_eq!(error["message"], "The JSON body is not UTF-8");
    let body = "{\"name\":\"gr\u{FFFD}n.mp4\",\"size\":3}";
    let file = create(&app, app.post("/v1/files").body("application/json", body)).await.expect(201).json();
    assert_eq!(file["name"], "gr\u{FFFD}n.mp4");
}

#[tokio::test]
async fn a_file_expires_at_the_time_of_the_request() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::Retention, 86_400)]).await;
    let at = lambda_startup::now().plus(std::time::Duration::from_secs(864_000)).to_string();
    let file = create_json(&app, &json!({"name": "a.mp4", "size": 3, "expires_at": at})).await.expect(201);
    assert_eq!(file.json()["expires_at"], at);
    assert_eq!(stored(&app, &file.json()).await.expires_at.map(|at| at.to_string()), Some(at.clone()));
    let form = format!("name=a.mp4&size=3&expires_at={}", at.replace(':', "%3A"));
    let form = app.post("/v1/files").body("application/x-www-form-urlencoded", form);
    assert_eq!(create(&app, form).await.expect(201).json()["expires_at"], at);
    let never = create_json(&app, &json!({"name": "a.mp4", "size": 3, "expires_at": null})).await.expect(201);
    assert_eq!(never.json()["expires_at"], Value::Null);
}

#[tokio::test]
async fn a_file_without_a_lifetime_has_its_owners() {
    let app = TestApp::new().await;
    let now = lambda_startup::now().millis();
    let create = async |lifetime: Option<Value>| {
        let mut body = json!({"name": "a.mp4", "size": 3, "content_type": "video/mp4"});
        if let Some(lifetime) = lifetime {
            body["expires_in"] = lifetime;
        }
        let expires_at = create_json(&app, &body).await.expect(201).json()["expires_at"].clone();
        let expires_at = expires_at.as_str().map(|at| Timestamp::parse(at).expect("a time").millis());
        expires_at.map(|at| (at - now) / 1_000)
    };
    assert_eq!(create(None).await, None, "by default, files do not expire");
    app.set_limits("owner", &[(Limit::Retention, 86_400)]).await;
    let day = create(None).await.expect("an expiry");
    assert!((86_400..86_460).contains(&day), "{day}");
    assert_eq!(create(Some(Value::Null)).await, None, "a default is no maximum");
    let long = create(Some(json!(864_000))).await.expect("an expiry");
    assert!((864_000..864_060).contains(&long), "{long}");
    app.set_limits("owner", &[(Limit::Retention, 0)]).await;
    assert_eq!(create(None).await, None);
}

#[tokio::test]
async fn a_key_must_be_good_and_may_write() {
    let app = TestApp::new().await;
    let function = app.function("create-file");
    let (handler, body) = (handler(&function), json!({"name": "a", "size": 1}));
    let request = || app.post("/v1/files").json(&body);
    function.send(&handler, request()).await.expect_error(401, "invalid_api_key");
    let read_only = app.key_with("owner", &[Scope::Read], None).await;
    function.send(&handler, request().key(&read_only)).await.expect_error(403, "missing_scope");
    let revoked = app.key_with("owner", &Scope::ALL, None).await;
    app.revoke(&revoked).await;
    function.send(&handler, request().key(&revoked)).await.expect_error(401, "invalid_api_key");
    assert_eq!(
        app.calls("create-file", "dynamodb", "TransactWriteItems"),
        0,
        "no item of the owner is accessed"
    );
}

#[tokio::test]
async fn a_webhook_is_stored_with_the_file_and_checked_like_the_url_of_an_import() {
    let app = TestApp::new().await;
    let body = |url: &str| json!({"name": "a.mp4", "size": 5, "webhook": url});
    let file = create_json(&app, &body("https://hooks.example/a?b=c#d")).await.expect(201).json();
    assert!(file.get("webhook").is_none(), "{file}");
    let (owner, id) = (app.key("owner").await.owner(), file["id"].as_str().unwrap().parse().unwrap());
    let (file, detail) = app.operator().records().get_file(owner, id).await.expect("the record");
    assert!(file.notify);
    assert_eq!(detail.webhook.as_deref(), Some("https://hooks.example/a?b=c"));
    for url in ["", "hooks.example", "http://127.0.0.1/", "http://169.254.169.254/", "https://a.example:22/"]
    {
        let error = create_json(&app, &body(url)).await.expect_error(422, "invalid_webhook");
        assert_eq!(error["details"][0]["field"], "webhook", "{url}");
    }
}

#[tokio::test]
async fn a_file_of_an_owner_with_endpoints_has_events() {
    let app = TestApp::new().await;
    let function = app.function("create-file");
    let handler = handler(&function);
    let key = app.key("owner").await;
    let create = async || {
        let request = app.post("/v1/files").json(&json!({"name": "a.mp4", "size": 5})).key(&key);
        stored(&app, &function.send(&handler, request).await.expect(201).json()).await
    };
    let transactions = || app.calls("create-file", "dynamodb", "TransactWriteItems");
    assert_eq!((create().await.notify, transactions()), (false, 1));

    let (now, secret) = (lambda_startup::now(), WebhookSecret::generate().unwrap());
    let endpoint =
        Endpoint::new(Some("https://hooks.example/".into()), EventKind::FOR_WEBHOOKS.into(), secret, now);
    let (records, id) = (app.operator().records(), EndpointId::new(now));
    records.create_endpoint(key.owner(), id, &endpoint).await.unwrap();
    assert_eq!((create().await.notify, transactions()), (true, 3), "detected by the transaction");
    assert_eq!((create().await.notify, transactions()), (true, 4), "remembered");

    records.delete_endpoint(key.owner(), id).await.unwrap();
    let other = app.function("create-file");
    let request = app.post("/v1/files").json(&json!({"name": "a.mp4", "size": 5})).key(&key);
    let file = other.send(&crate::handler(&other), request).await.expect(201).json();
    assert!(!stored(&app, &file).await.notify, "another process has nothing cached");
}
