//! Calls the handler in this process, with real services.

use delete_files::DeleteFiles;
use files_deletion::Deletion;
use files_domain::{ApiKey, Scope};
use serde_json::{Value, json};
use test_app::{Response, TestApp};

async fn delete(app: &TestApp, key: &ApiKey, body: Value) -> Response {
    let function = app.function("delete-files");
    let deletion = Deletion { records: function.client_records(), objects: function.objects() };
    let request = app.post("/v1/files/delete").key(key).json(&body);
    function.send(&DeleteFiles { deletion, deliveries: function.delivery_queue() }, request).await
}

#[tokio::test]
async fn each_file_has_a_result_and_an_error_does_not_affect_the_others() {
    let app = TestApp::new().await;
    let key = app.key("owner").await;
    let mut ids = Vec::new();
    let mut files = Vec::new();
    for name in ["a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4", "f.mp4"] {
        files.push(app.upload(name).await);
        ids.push(files.last().expect("a file").id.to_string());
    }
    let theirs = app.file("theirs.mp4").of("another").uploaded().await;
    let absent = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab";
    ids.extend([theirs.id.to_string(), absent.to_owned(), ids[0].to_uppercase()]);
    let mut body = delete(&app, &key, json!({"ids": ids})).await.expect(200).json();
    let results = body["results"].as_array_mut().expect("results");
    assert_eq!(results.len(), 8, "a repeated id counts once");
    for (file, result) in files.iter().zip(&*results) {
        assert_eq!(*result, json!({"id": file.id.to_string(), "status": 204}));
        assert_eq!((app.find(file).await, app.has_bytes(file).await), (None, false));
    }
    assert_eq!((&results[6]["status"], &results[6]["error"]["reason"]), (&json!(404), &json!("not_found")));
    assert_eq!(
        results[6]["error"], results[7]["error"],
        "the errors for another owner's file and a missing file are equal"
    );
    assert_eq!((&results[6]["id"], &results[7]["id"]), (&json!(theirs.id.to_string()), &json!(absent)));
    assert!(app.find(&theirs).await.is_some() && app.has_bytes(&theirs).await);
}

#[tokio::test]
async fn invalid_ids_delete_nothing() {
    let app = TestApp::new().await;
    let key = app.key("owner").await;
    let file = app.upload("clip.mp4").await;
    let id = file.id.to_string();
    for ids in [json!(null), json!([]), json!("x"), json!({}), json!(vec![&id; 101])] {
        let error = delete(&app, &key, json!({"ids": ids})).await.expect_error(422, "invalid_ids");
        assert_eq!(error["details"][0]["field"], "ids", "{error}");
    }
    for other in [json!("7"), json!(7), json!(null)] {
        let error = delete(&app, &key, json!({"ids": [id, other]})).await.expect_error(422, "invalid_ids");
        assert_eq!(error["details"][0]["field"], "ids[1]", "{error}");
    }
    assert_eq!(app.find(&file).await, Some(file));
}

#[tokio::test]
async fn a_key_without_the_scope_and_a_revoked_one_delete_nothing() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let body = json!({"ids": [file.id.to_string()]});
    let writer = app.key_with("owner", &[Scope::Read, Scope::Write], None).await;
    delete(&app, &writer, body.clone()).await.expect_error(403, "missing_scope");
    let revoked = app.key_with("owner", &Scope::ALL, None).await;
    app.revoke(&revoked).await;
    delete(&app, &revoked, body).await.expect_error(401, "invalid_api_key");
    assert_eq!(app.find(&file).await, Some(file));
}
