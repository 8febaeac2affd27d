//! Invalid requests: a clear error, and no effect.

use files_tests::form::BOUNDARY;
use files_tests::{Cloud, Form, Owner, Response, Usage, media};
use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// Creates an owner with one file.
async fn with_a_file() -> (Owner, Value) {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.upload("before.png", &media::PNG).await;
    let file = owner.wait_until_success(&file).await;
    (owner, file)
}

/// Returns everything that is visible of an owner.
async fn everything(owner: &Owner) -> (Value, Option<(Vec<String>, Vec<String>, Usage)>) {
    let list = owner.list("").await;
    let Some(backend) = owner.local_backend() else {
        return (list, None);
    };
    let mut keys = backend.sort_keys().await;
    keys.sort();
    (list, Some((keys, backend.objects().await, backend.usage().await)))
}

/// Sends each request, and checks that it is refused as expected without an effect.
async fn assert_refused(
    cases: impl FnOnce(&Owner) -> Vec<(&'static str, RequestBuilder, u16, &'static str)>,
) {
    let (owner, _) = with_a_file().await;
    let before = everything(&owner).await;
    for (case, request, status, reason) in cases(&owner) {
        let response = Response::to(request).await;
        let body = response.json();
        let refused = (response.status, body["reason"].as_str());
        assert_eq!(refused, (status, Some(reason)), "{case}: {body}");
        response.expect_error(status, reason);
        assert_eq!(everything(&owner).await, before, "{case} had an effect");
    }
}

#[tokio::test]
async fn exactly_one_source_of_bytes_is_needed() {
    assert_refused(|owner| {
        let url = "https://example.com/a.mp4";
        let file = || Form::new().file("a.png", None, b"bytes");
        vec![
            ("no body", owner.request(Method::POST, "/files"), 422, "file_or_url_required"),
            ("empty JSON", owner.json(&json!({})), 422, "file_or_url_required"),
            ("empty form", owner.form(Form::new()), 422, "file_or_url_required"),
            ("other fields", owner.form(Form::new().text("name", "a")), 422, "invalid_size"),
            ("nothing chosen", owner.form(Form::new().file("", None, b"")), 422, "file_or_url_required"),
            ("both in a form", owner.form(file().text("file_url", url)), 422, "file_and_url_given"),
            ("two files", owner.form(file().file("b.png", None, b"more")), 422, "file_and_url_given"),
            (
                "both in JSON",
                owner.json(&json!({"file_url": url, "name": "a", "size": 1, "content_type": "video/mp4"})),
                422,
                "file_and_url_given",
            ),
        ]
    })
    .await;
}

#[tokio::test]
async fn the_message_names_the_required_fields() {
    let (owner, _) = with_a_file().await;
    let neither = Response::to(owner.json(&json!({}))).await.expect_error(422, "file_or_url_required");
    assert_eq!(neither["message"], "File or URL is required");
    let url =
        Response::to(owner.json(&json!({"file_url": "clip.mp4"}))).await.expect_error(422, "invalid_url");
    assert_eq!(url["message"], "Invalid URL");
    assert_eq!(url["details"][0]["field"], "file_url");
}

#[tokio::test]
async fn an_unreadable_body_is_refused() {
    let whole = Form::new().file("a.png", None, &media::PNG).finish();
    let cut = whole[..whole.len() / 2].to_vec();
    let form = format!("multipart/form-data; boundary={BOUNDARY}");
    assert_refused(|owner| {
        vec![
            ("cut form", owner.post(&form, cut), 400, "malformed_request"),
            ("no boundary", owner.post("multipart/form-data", whole.clone()), 400, "malformed_request"),
            (
                "another boundary",
                owner.post("multipart/form-data; boundary=another", whole),
                400,
                "malformed_request",
            ),
            ("not a form", owner.post(&form, "plain words"), 400, "malformed_request"),
            ("empty form body", owner.post(&form, ""), 422, "file_or_url_required"),
            ("half of JSON", owner.post("application/json", "{\"file_url\":"), 400, "malformed_request"),
            ("JSON of another shape", owner.post("application/json", "[1]"), 400, "malformed_request"),
            ("a number as URL", owner.json(&json!({"file_url": 7})), 422, "invalid_url"),
            ("a text as size", owner.json(&json!({"name": "a", "size": "7"})), 422, "invalid_size"),
            ("another type", owner.post("text/plain", "words"), 415, "unsupported_media_type"),
            ("no type", owner.request(Method::POST, "/files").body("x"), 415, "unsupported_media_type"),
        ]
    })
    .await;
}

#[tokio::test]
async fn an_invalid_field_is_refused() {
    let long = "x".repeat(513);
    assert_refused(|owner| {
        let with = |field: &str, value: Value| {
            let mut body = json!({"name": "a.mp4", "size": 1, "content_type": "video/mp4"});
            body[field] = value;
            owner.json(&body)
        };
        let many: serde_json::Map<_, _> = (0..51).map(|n| (format!("key {n}"), json!(""))).collect();
        vec![
            ("size below zero", with("size", json!(-1)), 422, "invalid_size"),
            ("size above the deployment's", with("size", json!(50_u64 << 30 | 1)), 413, "file_too_large"),
            ("size beyond all numbers", with("size", json!(u64::MAX)), 413, "file_too_large"),
            ("no name", with("name", Value::Null), 422, "invalid_name"),
            ("empty name", with("name", json!("")), 422, "invalid_name"),
            ("name of dots", with("name", json!("../..")), 422, "invalid_name"),
            ("name of controls", with("name", json!("\0\r\n\u{202e}")), 422, "invalid_name"),
            ("type without slash", with("content_type", json!("mp4")), 422, "invalid_content_type"),
            ("type with a line end", with("content_type", json!("a/b\r\nx: y")), 422, "invalid_content_type"),
            ("short checksum", with("checksum_sha256", json!("00")), 422, "invalid_checksum"),
            ("no hex", with("checksum_sha256", json!("g".repeat(64))), 422, "invalid_checksum"),
            ("no lifetime", with("expires_in", json!(0)), 422, "invalid_expiry"),
            ("lifetime below zero", with("expires_in", json!(-5)), 422, "invalid_expiry"),
            ("lifetime of ages", with("expires_in", json!(315_360_001)), 422, "invalid_expiry"),
            ("metadata of numbers", with("metadata", json!({"a": 1})), 422, "invalid_metadata"),
            ("metadata as list", with("metadata", json!(["a"])), 422, "invalid_metadata"),
            ("long metadata", with("metadata", json!({"a": long})), 422, "invalid_metadata"),
            ("long metadata key", with("metadata", json!({"k".repeat(65): "a"})), 422, "invalid_metadata"),
            ("much metadata", with("metadata", Value::Object(many)), 422, "invalid_metadata"),
            (
                "metadata that is no JSON",
                owner.form(Form::new().text("metadata", "{").file("a", None, b"x")),
                422,
                "invalid_metadata",
            ),
            ("webhook", with("webhook", json!("ftp://example.com/hook")), 422, "invalid_webhook"),
            (
                "empty idempotency key",
                with("name", json!("a")).header("idempotency-key", " "),
                400,
                "malformed_parameter",
            ),
            (
                "long idempotency key",
                with("name", json!("a")).header("idempotency-key", "k".repeat(256)),
                400,
                "malformed_parameter",
            ),
            (
                "bytes that are not those announced",
                owner.form(
                    Form::new().text("checksum_sha256", &media::sha256(b"other")).file("a", None, b"x"),
                ),
                422,
                "checksum_mismatch",
            ),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_url_that_must_not_be_fetched_is_refused() {
    let urls = [
        "clip.mp4",
        "//example.com/a",
        "http:example.com",
        "http://",
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/",
        "data:video/mp4;base64,AAAA",
        "http://user@example.com/a",
        "http://user:secret@example.com/a",
        "http://localhost/a",
        "http://LOCALHOST./a",
        "http://a.localhost/a",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[fd00::1]/",
        "http://metadata.google.internal/",
        "http://example.com:22/",
    ];
    for url in urls {
        assert_refused(|owner| {
            vec![
                (url, owner.json(&json!({ "file_url": url })), 422, "invalid_url"),
                (url, owner.form(Form::new().text("file_url", url)), 422, "invalid_url"),
            ]
        })
        .await;
    }
    let long = format!("https://example.com/{}", "a".repeat(9000));
    assert_refused(|owner| {
        vec![("a long URL", owner.json(&json!({ "file_url": long })), 422, "invalid_url")]
    })
    .await;
}

#[tokio::test]
async fn a_malformed_id_differs_from_a_missing_file() {
    let owner = Cloud::shared().await.owner().await;
    let absent = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (wrong, status, reason) in [
        ("x", 400, "malformed_id"),
        ("%00", 400, "malformed_id"),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", 400, "malformed_id"),
        (&absent.to_uppercase(), 404, "not_found"),
        (&absent.replace('-', ""), 400, "malformed_id"),
        (absent, 404, "not_found"),
    ] {
        let path = format!("/files/{wrong}");
        owner.get(&path).await.expect_error(status, reason);
        owner.get(&format!("{path}/a.mp4")).await.expect_error(status, reason);
        Response::to(owner.request(Method::DELETE, &path)).await.expect_error(status, reason);
    }
}

#[tokio::test]
async fn a_large_body_is_refused_with_advice() {
    let (owner, _) = with_a_file().await;
    let before = everything(&owner).await;
    let just_fits = media::noise(4 << 20, 2);
    let file = owner.upload("fits.bin", &just_fits).await;
    assert_eq!(owner.wait_until_success(&file).await["size"], 4 << 20);
    owner.delete(&file).await.expect(204);

    let form = Form::new().file("large.bin", None, &media::noise((4 << 20) + 1, 2));
    let body = Response::to(owner.form(form)).await.expect_error(413, "body_too_large");
    let message = body["message"].as_str().expect("a message");
    for advice in ["4 MiB", "presigned", "POST", "/v1/files", "\"size\"", "PUT"] {
        assert!(message.contains(advice), "{advice}: {message}");
    }
    // Larger ones never reach a function: 7 MB exceed Lambda's limit, 11 MB the gateway's.
    for megabytes in [7, 11] {
        let form = Form::new().file("huge.bin", None, &media::noise(megabytes * 1_000_000, 2));
        Response::to(owner.form(form)).await.expect_bare(413, "Request Entity Too Large");
    }
    assert_eq!(everything(&owner).await, before);
}
