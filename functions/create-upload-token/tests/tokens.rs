//! Calls the handlers of upload tokens in this process, with real services.

use std::time::Duration;

use complete_upload::CompleteUpload;
use create_file::CreateFile;
use create_upload_token::CreateUploadToken;
use delete_upload_token::DeleteUploadToken;
use files_domain::{ApiKey, OwnerId, Scope, Timestamp, UploadToken};
use list_parts::ListParts;
use safe_fetch::Allowed;
use serde_json::{Value, json};
use sign_parts::SignParts;
use sign_upload::SignUpload;
use test_app::{CONTENT, Method, Response, TestApp};

/// Creates a token of the owner `owner`.
async fn token(app: &TestApp, bounds: Value) -> Value {
    token_by(app, &app.key("owner").await, bounds).await
}

async fn token_by(app: &TestApp, key: &ApiKey, bounds: Value) -> Value {
    let function = app.function("create-upload-token");
    let handler = CreateUploadToken { records: function.client_records(), allowed: Allowed::parse("") };
    let request = app.post("/v1/upload-tokens").key(key).json(&bounds);
    function.send(&handler, request).await.expect(201).json()
}

fn text(token: &Value) -> &str {
    token["token"].as_str().expect("a token")
}

async fn create_at(app: &TestApp, now: Timestamp, token: &str, body: &Value, once: Option<&str>) -> Response {
    let function = app.function("create-file");
    let handler = CreateFile {
        records: function.client_records(),
        objects: function.objects(),
        imports: function.import_queue(),
        allowed: Allowed::parse("127.0.0.1"),
        max_file_bytes: 1 << 40,
        public_url: None,
    };
    let request = app.post("/v1/files").bearer(token).json(body);
    let request = match once {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    function.send_at(now, &handler, request).await
}

async fn create(app: &TestApp, token: &str, body: &Value) -> Response {
    create_at(app, lambda_startup::now(), token, body, None).await
}

/// Sends a request to one of the routes of an upload.
async fn upload(app: &TestApp, now: Timestamp, token: &str, id: &Value, action: &str) -> Response {
    let id = id.as_str().expect("an id");
    let path = |rest: &str| format!("/v1/uploads/{id}/{rest}");
    match action {
        "sign" => {
            let function = app.function("sign-upload");
            let handler = SignUpload { records: function.client_records(), objects: function.objects() };
            function.send_at(now, &handler, app.post(&path("sign")).bearer(token)).await
        }
        "parts" => {
            let function = app.function("sign-parts");
            let handler = SignParts { records: function.client_records(), objects: function.objects() };
            let request = app.post(&path("parts")).bearer(token).json(&json!({"part_numbers": [1]}));
            function.send_at(now, &handler, request).await
        }
        "list" => {
            let function = app.function("list-parts");
            let handler = ListParts { records: function.client_records(), objects: function.objects() };
            function.send_at(now, &handler, app.get(&path("parts")).bearer(token)).await
        }
        _ => {
            let function = app.function("complete-upload");
            let handler = CompleteUpload {
                records: function.client_records(),
                objects: function.objects(),
                public_url: None,
            };
            function.send_at(now, &handler, app.post(&path("complete")).bearer(token)).await
        }
    }
}

async fn revoke(app: &TestApp, owner: &str, id: &str) -> Response {
    let function = app.function("delete-upload-token");
    let handler = DeleteUploadToken { records: function.client_records() };
    let request = app.delete(&format!("/v1/upload-tokens/{id}")).key(&app.key(owner).await);
    function.send(&handler, request).await
}

fn clip() -> Value {
    json!({"name": "clip.mp4", "size": CONTENT.len(), "content_type": "video/mp4"})
}

#[tokio::test]
async fn a_token_can_upload_by_single_put_and_multipart_upload() {
    let app = TestApp::new().await;
    let bounds = json!({"metadata": {"form": "7"}, "content_types": ["video/*"], "max_size": 100});
    let token = token(&app, bounds).await;
    let file = create(&app, text(&token), &clip()).await.expect(201).json();
    assert_eq!(file["metadata"], json!({"form": "7"}));
    let put = &file["upload"];
    let stored = app.fetch(Method::PUT, put["url"].as_str().expect("a URL"), &put["headers"], CONTENT).await;
    assert_eq!(stored.status, 200, "{stored:?}");

    let now = lambda_startup::now();
    let waiting = create(&app, text(&token), &clip()).await.expect(201).json();
    upload(&app, now, text(&token), &waiting["id"], "sign").await.expect(200);

    let parts = json!({"name": "a.mp4", "size": 3, "content_type": "video/mp4", "multipart": true});
    let parts = create(&app, text(&token), &parts).await.expect(201).json();
    let signed = upload(&app, now, text(&token), &parts["id"], "parts").await.expect(200).json();
    let part = &signed["parts"][0];
    let url = part["url"].as_str().expect("a URL");
    assert_eq!(app.fetch(Method::PUT, url, &part["headers"], b"abc").await.status, 200);
    let listed = upload(&app, now, text(&token), &parts["id"], "list").await.expect(200).json();
    assert_eq!(listed["parts"][0]["size"], 3);
    upload(&app, now, text(&token), &parts["id"], "complete").await.expect(202);
}

#[tokio::test]
async fn long_metadata_of_a_token_is_stored_once_and_deleted_with_it() {
    let app = TestApp::new().await;
    let metadata = json!({"brief": "ü🎬".repeat(200), "take": "7".repeat(500), "form": "9".repeat(500)});
    let token = token(&app, json!({"metadata": metadata, "max_files": 2})).await;
    for _ in 0..2 {
        let file = create(&app, text(&token), &clip()).await.expect(201).json();
        assert_eq!(file["metadata"], metadata);
    }
    create(&app, text(&token), &clip()).await.expect_error(403, "upload_token_used_up");
    assert_eq!(token_items(&app).await, 2);
    revoke(&app, "owner", token["id"].as_str().expect("an id")).await.expect(204);
    assert_eq!(token_items(&app).await, 0);
}

async fn token_items(app: &TestApp) -> i32 {
    app.operator().count_items(OwnerId::named("owner"), "token#").await
}

#[tokio::test]
async fn each_bound_is_enforced_and_named_by_its_field() {
    let app = TestApp::new().await;
    let token = token(&app, json!({"max_size": 19, "content_types": ["video/*", "image/png"]})).await;
    let with = |field: &str, value: Value| {
        let mut body = clip();
        body[field] = value;
        body
    };
    let large =
        create(&app, text(&token), &with("size", json!(20))).await.expect_error(413, "file_too_large");
    assert_eq!(large["details"][0]["field"], "size");
    for content_type in ["image/gif", "text/html"] {
        let body = with("content_type", json!(content_type));
        let error = create(&app, text(&token), &body).await.expect_error(422, "invalid_content_type");
        assert_eq!(error["details"][0]["field"], "content_type");
    }
    let by_name = json!({"name": "page.html", "size": 1});
    create(&app, text(&token), &by_name).await.expect_error(422, "invalid_content_type");
    for other in [json!({"file_url": "http://127.0.0.1:9/"}), json!({"file_url": "https://a.example/b.mp4"})]
    {
        create(&app, text(&token), &other).await.expect_error(403, "missing_scope");
    }
    create(&app, text(&token), &clip()).await.expect(201);
}

#[tokio::test]
async fn the_token_sets_the_webhook_of_its_files() {
    let app = TestApp::new().await;
    let token = token(&app, json!({"webhook": "https://hooks.example/a"})).await;
    let mut body = clip();
    body["webhook"] = json!("https://evil.example/");
    create(&app, text(&token), &body).await.expect_error(403, "missing_scope");
    let file = create(&app, text(&token), &clip()).await.expect(201).json();
    let (owner, id) = (app.key("owner").await.owner(), file["id"].as_str().expect("an id"));
    let (file, detail) =
        app.operator().records().get_file(owner, id.parse().expect("an id")).await.expect("it");
    assert_eq!((detail.webhook.as_deref(), file.notify), (Some("https://hooks.example/a"), true));
    let function = app.function("create-upload-token");
    let handler = CreateUploadToken { records: function.client_records(), allowed: Allowed::parse("") };
    for webhook in ["http://127.0.0.1/", "none"] {
        let request =
            app.post("/v1/upload-tokens").key(&app.key("owner").await).json(&json!({"webhook": webhook}));
        let error = function.send(&handler, request).await.expect_error(422, "invalid_webhook");
        assert_eq!(error["details"][0]["field"], "webhook");
    }
}

#[tokio::test]
async fn the_number_of_files_is_exact_under_contention() {
    let app = TestApp::new().await;
    let token = token(&app, json!({"max_files": 3})).await;
    let create = || create(&app, text(&token), &CLIP);
    static CLIP: std::sync::LazyLock<Value> = std::sync::LazyLock::new(clip);
    let (a, b, c, d, e, f) = tokio::join!(create(), create(), create(), create(), create(), create());
    let mut statuses = [a, b, c, d, e, f].map(|response| response.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 403, 403, 403]);
    create().await.expect_error(403, "upload_token_used_up");
}

#[tokio::test]
async fn a_repeated_creation_counts_once_and_is_invisible_to_other_tokens() {
    let app = TestApp::new().await;
    let (one, other) = (token(&app, json!({"max_files": 1})).await, token(&app, json!({})).await);
    let now = lambda_startup::now();
    let first = create_at(&app, now, text(&one), &clip(), Some("k")).await.expect(201).json();
    let again = create_at(&app, now, text(&one), &clip(), Some("k")).await.expect(201).json();
    assert_eq!(first["id"], again["id"]);
    let others = create_at(&app, now, text(&other), &clip(), Some("k")).await.expect(201).json();
    assert_ne!(first["id"], others["id"]);
}

#[tokio::test]
async fn an_upload_that_began_within_the_ttl_may_end_after_it() {
    let app = TestApp::new().await;
    let token = token(&app, json!({"ttl": 60})).await;
    let end = Timestamp::parse(token["expires_at"].as_str().expect("a time")).expect("a time");
    let file = create(&app, text(&token), &clip()).await.expect(201).json();
    let before = Timestamp::from_millis(end.millis() - 1);
    create_at(&app, before, text(&token), &clip(), None).await.expect(201);
    create_at(&app, end, text(&token), &clip(), None).await.expect_error(401, "invalid_api_key");
    let later = end.plus(Duration::from_secs(3600));
    upload(&app, later, text(&token), &file["id"], "sign").await.expect(200);
}

#[tokio::test]
async fn a_token_accesses_only_its_own_uploads() {
    let app = TestApp::new().await;
    let (one, other) = (token(&app, json!({})).await, token(&app, json!({})).await);
    let now = lambda_startup::now();
    let body = json!({"name": "a.mp4", "size": 3, "multipart": true});
    let file = create(&app, text(&other), &body).await.expect(201).json();
    let owners = json!(app.file("a.mp4").awaiting_parts(3).await.id.to_string());
    for action in ["sign", "parts", "list", "complete"] {
        for id in [&file["id"], &owners, &json!("019aa1b2-c3d4-7e5f-8a6b-0123456789ab")] {
            upload(&app, now, text(&one), id, action).await.expect_error(404, "not_found");
        }
    }
    let function = app.function("create-upload-token");
    let handler = CreateUploadToken { records: function.client_records(), allowed: Allowed::parse("") };
    let request = app.post("/v1/upload-tokens").bearer(text(&one)).json(&json!({}));
    function.send(&handler, request).await.expect_error(403, "missing_scope");
    assert_eq!(
        app.calls("create-upload-token", "dynamodb", "BatchGetItem"),
        2,
        "two reads of the keys that created the tokens, and none for the refusal"
    );
}

#[tokio::test]
async fn a_deleted_token_is_rejected() {
    let app = TestApp::new().await;
    let token = token(&app, json!({})).await;
    let id = token["id"].as_str().expect("an id");
    let file = create(&app, text(&token), &clip()).await.expect(201).json();
    revoke(&app, "another", id).await.expect_error(404, "not_found");
    revoke(&app, "owner", "7").await.expect_error(404, "not_found");
    revoke(&app, "owner", id).await.expect(204);
    revoke(&app, "owner", id).await.expect_error(404, "not_found");
    let now = lambda_startup::now();
    create(&app, text(&token), &clip()).await.expect_error(401, "invalid_api_key");
    upload(&app, now, text(&token), &file["id"], "sign").await.expect_error(401, "invalid_api_key");
}

#[tokio::test]
async fn a_token_stops_with_the_key_that_created_it() {
    let app = TestApp::new().await;
    let (now, end) = (lambda_startup::now(), lambda_startup::now().plus(Duration::from_secs(3600)));
    let in_parts = json!({"name": "a.mp4", "size": 3, "content_type": "video/mp4", "multipart": true});
    for (expires_at, over) in [(None, now), (Some(end), end)] {
        let key = app.key_with("owner", &Scope::ALL, expires_at).await;
        let token = token_by(&app, &key, json!({})).await;
        let put = create_at(&app, now, text(&token), &clip(), Some("k")).await.expect(201).json();
        let parts = create(&app, text(&token), &in_parts).await.expect(201).json();
        upload(&app, now, text(&token), &parts["id"], "parts").await.expect(200);
        if expires_at.is_none() {
            app.revoke(&key).await;
        }
        let calls = |function| app.calls(function, "dynamodb", "BatchGetItem");
        let before = calls("create-file");
        create_at(&app, over, text(&token), &clip(), None).await.expect_error(401, "invalid_api_key");
        create_at(&app, over, text(&token), &clip(), Some("k")).await.expect_error(401, "invalid_api_key");
        assert_eq!(calls("create-file"), before + 2, "each process reads token and key by one call");
        for (id, action) in [(&put, "sign"), (&parts, "parts"), (&parts, "list"), (&parts, "complete")] {
            let refused = upload(&app, over, text(&token), &id["id"], action).await;
            refused.expect_error(401, "invalid_api_key");
        }
    }
}

#[tokio::test]
async fn a_bad_token_costs_one_read_and_garbage_none() {
    let app = TestApp::new().await;
    let creator = app.key("owner").await.hash();
    let forged = UploadToken::generate(OwnerId::named("owner"), creator).expect("randomness");
    let function = app.function("sign-upload");
    let handler = SignUpload { records: function.client_records(), objects: function.objects() };
    let send = async |token: &str| {
        let path = "/v1/uploads/019aa1b2-c3d4-7e5f-8a6b-0123456789ab/sign";
        function.send(&handler, app.post(path).bearer(token)).await.expect_error(401, "invalid_api_key")
    };
    send("fmu_00").await;
    send(&forged.reveal()[..forged.reveal().len() - 1]).await;
    assert_eq!(app.calls("sign-upload", "dynamodb", "BatchGetItem"), 0);
    for _ in 0..2 {
        send(forged.reveal()).await;
        assert_eq!(app.calls("sign-upload", "dynamodb", "BatchGetItem"), 1);
    }
    create(&app, forged.reveal(), &clip()).await.expect_error(401, "invalid_api_key");
    assert_eq!(app.calls("create-file", "dynamodb", "BatchGetItem"), 1);
    assert_eq!(app.calls("create-file", "dynamodb", "TransactWriteItems"), 0);
}

#[tokio::test]
async fn only_a_key_with_the_scope_write_creates_tokens() {
    let app = TestApp::new().await;
    let function = app.function("create-upload-token");
    let handler = CreateUploadToken { records: function.client_records(), allowed: Allowed::parse("") };
    let reader = app.key_with("owner", &[Scope::Read, Scope::Delete], None).await;
    let ask = |key| app.post("/v1/upload-tokens").key(key).json(&json!({"ttl": 60}));
    function.send(&handler, ask(&reader)).await.expect_error(403, "missing_scope");
    let revoked = app.key_with("owner", &Scope::ALL, None).await;
    function.send(&handler, ask(&revoked)).await.expect(201);
    app.revoke(&revoked).await;
    function.send(&handler, ask(&revoked)).await.expect_error(401, "invalid_api_key");
}
