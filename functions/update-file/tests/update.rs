//! Calls the handler in this process, with real services.

use std::time::Duration;

use download_file::DownloadFile;
use files_domain::File;
use files_records::RecordsError;
use serde_json::{Value, json};
use test_app::{Response, TestApp};
use update_file::UpdateFile;

async fn patch(app: &TestApp, owner: &str, file: &File, body: Value, tag: Option<&str>) -> Response {
    let function = app.function("update-file");
    let handler =
        UpdateFile { records: function.client_records(), objects: function.objects(), public_url: None };
    let request = app.patch(&format!("/v1/files/{}", file.id)).key(&app.key(owner).await).json(&body);
    let request = match tag {
        Some(tag) => request.header("if-match", tag),
        None => request,
    };
    function.send(&handler, request).await
}

async fn change(app: &TestApp, file: &File, body: Value) -> Value {
    patch(app, "owner", file, body, None).await.expect(200).json()
}

async fn download(app: &TestApp, url: &Value) -> Response {
    let function = app.function("download-file");
    let handler = DownloadFile { records: function.client_records(), objects: function.objects() };
    let path =
        url.as_str().and_then(|url| url.strip_prefix("https://api.example")).expect("a URL of the API");
    function.send(&handler, app.get(path).key(&app.key("owner").await)).await
}

#[tokio::test]
async fn a_change_of_name_or_metadata_has_a_new_entity_tag() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let body = json!({"name": "trailer.mp4", "metadata": {"project": "trailer"}});
    let response = patch(&app, "owner", &file, body, None).await.expect(200);
    let changed = response.json();
    assert_eq!(
        (&changed["name"], &changed["metadata"]),
        (&json!("trailer.mp4"), &json!({"project": "trailer"}))
    );
    assert_eq!((&changed["status"], &changed["ffprobe"]["width"]), (&json!("success"), &json!(640)));
    assert_eq!(response.header("etag"), format!("\"v{}\"", file.version + 1));
    let stored = app.find(&file).await.expect("the record");
    assert_eq!((stored.version, stored.name.as_str()), (file.version + 1, "trailer.mp4"));
    assert_eq!(app.calls("update-file", "dynamodb", "TransactWriteItems"), 1);

    let changed = change(&app, &file, json!({"metadata": {"project": "film"}})).await;
    assert_eq!(
        (&changed["name"], &changed["metadata"]),
        (&json!("trailer.mp4"), &json!({"project": "film"}))
    );
    let changed = change(&app, &file, json!({"metadata": null})).await;
    assert_eq!(changed["metadata"], json!({}));
    let before = app.find(&file).await.expect("the record");
    change(&app, &file, json!({"metadata": {}, "name": "trailer.mp4"})).await;
    assert_eq!(app.find(&file).await, Some(before), "no change writes nothing");
}

#[tokio::test]
async fn every_earlier_download_url_stays_valid() {
    let app = TestApp::new().await;
    let file = app.upload("50% off? \u{fc}.mp4").await;
    let mut urls = Vec::new();
    for name in ["b.mp4", "c.mp4", "50% off? \u{fc}.mp4", "d.mp4"] {
        urls.push(change(&app, &file, json!({"name": name})).await["download_url"].clone());
    }
    for url in &urls {
        download(&app, url).await.expect(302);
    }
    let other = urls[0].as_str().expect("a URL").replace("b.mp4", "e.mp4");
    download(&app, &json!(other)).await.expect_error(404, "not_found");
    let calls = app.services().access.calls.to_json()["download-file"].clone();
    // Each request has a new process here, which writes the day of the key's last use.
    assert_eq!(calls["dynamodb"], json!({"BatchGetItem": 5, "UpdateItem": 5}), "one read each, as before");
}

#[tokio::test]
async fn only_the_version_in_if_match_is_changed() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let name = || json!({"name": "other.mp4"});
    patch(&app, "owner", &file, name(), Some("\"v0\"")).await.expect_error(412, "precondition_failed");
    let tag = format!("\"v{}\"", file.version);
    let response = patch(&app, "owner", &file, name(), Some(&tag)).await.expect(200);
    patch(&app, "owner", &file, json!({"metadata": {"a": "b"}}), Some(&tag))
        .await
        .expect_error(412, "precondition_failed");
    patch(&app, "owner", &file, json!({"metadata": {"a": "b"}}), Some(response.header("etag")))
        .await
        .expect(200);
}

#[tokio::test]
async fn an_expiry_is_set_shortened_extended_and_removed() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let set = change(&app, &file, json!({"expires_in": 3600})).await;
    assert!(set["expires_at"].is_string(), "{set}");
    let stored = app.find(&file).await.expect("the record");
    assert_eq!(stored.deadline.map(|deadline| deadline.at), stored.expires_at);
    let at = lambda_startup::now().plus(Duration::from_secs(7200)).to_string();
    assert_eq!(change(&app, &file, json!({"expires_at": at})).await["expires_at"], json!(at));
    change(&app, &file, json!({"expires_in": 1})).await;
    let expired = app.find(&file).await.expect("the record").expires_at.expect("an expiry");
    let (function, key) = (app.function("update-file"), app.key("owner").await);
    let handler =
        UpdateFile { records: function.client_records(), objects: function.objects(), public_url: None };
    let request =
        || app.patch(&format!("/v1/files/{}", file.id)).key(&key).json(&json!({"expires_in": null}));
    function.send_at(expired, &handler, request()).await.expect_error(404, "not_found");
    let before = files_domain::Timestamp::from_millis(expired.millis() - 1);
    let kept = function.send_at(before, &handler, request()).await.expect(200).json();
    assert_eq!(kept["expires_at"], Value::Null);
    assert_eq!(app.find(&file).await.expect("the record").deadline, None);
}

#[tokio::test]
async fn a_concurrent_probe_and_change_are_both_kept() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").unprobed().await;
    let changed = change(&app, &file, json!({"name": "other.mp4", "expires_in": 60})).await;
    assert_eq!(changed["status"], "running");
    let probed = files_domain::Probed::Unreadable("no media".to_owned());
    let file = app.finish_probe(&file, probed).await;
    assert_eq!((file.name.as_str(), file.ffprobe_error()), ("other.mp4", Some("no media")));
    assert_eq!(file.deadline.map(|deadline| deadline.at), file.expires_at, "it still expires");
}

#[tokio::test]
async fn a_change_of_an_outdated_record_is_rejected() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    change(&app, &file, json!({"name": "other.mp4"})).await;
    let function = app.function("update-file");
    let caller = app.caller("owner", files_domain::Scope::Write).await;
    let outcome = function.client_records().update_file(&caller, &file, file.clone(), None).await;
    assert!(matches!(outcome, Err(RecordsError::Changed)), "{outcome:?}");
}

#[tokio::test]
async fn concurrent_changes_are_all_kept() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    let name = change(&app, &file, json!({"name": "other.mp4"}));
    let metadata = change(&app, &file, json!({"metadata": {"a": "b"}}));
    let expiry = change(&app, &file, json!({"expires_in": 60}));
    tokio::join!(name, metadata, expiry);
    let (stored, detail) = app.operator().records().get_file(file.owner, file.id).await.expect("the record");
    assert_eq!((stored.version, stored.name.as_str()), (file.version + 3, "other.mp4"));
    assert!(stored.expires_at.is_some() && detail.metadata.entries().len() == 1);
}

#[tokio::test]
async fn invalid_changes_are_rejected() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    patch(&app, "another", &file, json!({"name": "a"}), None).await.expect_error(404, "not_found");
    let error =
        patch(&app, "owner", &file, json!({"size": 1}), None).await.expect_error(422, "unknown_field");
    assert_eq!(error["details"][0]["field"], "size");
    patch(&app, "owner", &file, json!({}), None).await.expect_error(422, "nothing_to_change");
    let error = patch(&app, "owner", &file, json!({"name": "a"}), Some("")).await;
    let error = error.expect_error(400, "malformed_parameter");
    assert!(error["message"].as_str().is_some_and(|text| text.starts_with("If-Match must be")), "{error}");
    let function = app.function("update-file");
    let handler =
        UpdateFile { records: function.client_records(), objects: function.objects(), public_url: None };
    let read_only = app.key_with("owner", &[files_domain::Scope::Read], None).await;
    let request = app.patch(&format!("/v1/files/{}", file.id)).key(&read_only).json(&json!({"name": "a"}));
    function.send(&handler, request).await.expect_error(403, "missing_scope");
    let form = app.patch(&format!("/v1/files/{}", file.id)).key(&app.key("owner").await);
    let form = form.body("application/x-www-form-urlencoded", "name=a");
    function.send(&handler, form).await.expect_error(415, "unsupported_media_type");
    assert_eq!(app.find(&file).await, Some(file));
}
