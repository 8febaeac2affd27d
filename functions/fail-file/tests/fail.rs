//! Calls the handler in this process, with real services.

use std::time::Duration;

use fail_file::FailFile;
use files_domain::Status;
use files_queues::{ImportMessage, StoredObject};
use lambda_startup::EventHandler;
use serde_json::{Value, json};
use test_app::{TestApp, json_event};

async fn fail(app: &TestApp, payload: &Value) {
    let function = app.function("fail-file");
    let handler = FailFile {
        records: function.records(),
        objects: function.objects(),
        deliveries: function.delivery_queue(),
    };
    handler.handle(json_event(payload)).await.expect("the dead letter is handled");
}

#[tokio::test]
async fn an_import_fails_once() {
    let app = TestApp::new().await;
    let url = "https://media.example/clip.mp4";
    let file = app.file("clip.mp4").awaiting_import(url).await;
    let message = ImportMessage {
        owner: file.owner,
        id: file.id,
        file_url: url.to_owned(),
        headers: Default::default(),
        put_back: 0,
    };
    app.function("create-file").import_queue().send(&message).await.expect("sent");
    let letter = app.receive("ImportQueue").await.expect("a message").event;
    for _ in 0..2 {
        fail(&app, &letter).await;
        let failed = app.find(&file).await.expect("the record");
        assert_eq!((failed.status(), failed.error()), (Status::Failed, Some("the import failed repeatedly")));
    }
}

#[tokio::test]
async fn a_file_that_could_not_be_probed_becomes_success() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").unprobed().await;
    let bucket = app.function("sweep").objects().bucket().to_owned();
    let object = StoredObject { bucket, owner: file.owner, id: file.id };
    app.function("sweep").probe_queue().send(&object).await.expect("sent");
    fail(&app, &app.receive("ProbeQueue").await.expect("a message").event).await;
    let file = app.find(&file).await.expect("the record");
    assert_eq!(file.status(), Status::Success);
    assert!(file.ffprobe_error().is_some_and(|error| error.contains("could not be probed")));
}

#[tokio::test]
async fn bytes_without_a_record_are_deleted() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").aged(Duration::from_secs(25 * 3600)).awaiting_upload().await;
    app.operator().records().remove_file(&file, lambda_startup::now()).await.expect("removed");
    app.put_bytes(&file).await;
    let record = json!(StoredObject { bucket: "b".to_owned(), owner: file.owner, id: file.id });
    let letter = json!({"requestPayload": record, "requestContext": {}, "responsePayload": {}});
    app.send("DeadLetterQueue", &letter);
    fail(&app, &app.receive("DeadLetterQueue").await.expect("a message").event).await;
    assert!(!app.has_bytes(&file).await);
}

#[tokio::test]
async fn a_malformed_dead_letter_is_dropped() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    for letter in [json!("nonsense"), json!({"requestPayload": null}), json!({"owner": file.owner})] {
        app.send("DeadLetterQueue", &letter);
        fail(&app, &app.receive("DeadLetterQueue").await.expect("a message").event).await;
    }
    assert_eq!(app.find(&file).await, Some(file));
}
