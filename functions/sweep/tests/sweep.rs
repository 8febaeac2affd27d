//! Calls the handler in this process, with real services.

use std::time::Duration;

use files_domain::{Delivery, DeliveryId, EndpointId, EventKind, EventRef, File, Status, Timestamp};
use lambda_startup::EventHandler;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sweep::Sweep;
use test_app::{TestApp, event};

const HOUR: Duration = Duration::from_secs(3600);

async fn sweep(app: &TestApp) -> Value {
    let function = app.function("sweep");
    let sweep = Sweep {
        records: function.records(),
        objects: function.objects(),
        imports: function.import_queue(),
        probes: function.probe_queue(),
        deliveries: function.delivery_queue(),
    };
    sweep.handle(event(IgnoredAny)).await.expect("a sweep")
}

async fn now(app: &TestApp, file: &File) -> File {
    app.find(file).await.expect("the record")
}

#[tokio::test]
async fn nothing_is_done_before_its_deadline() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    assert_eq!(sweep(&app).await, json!({"done": 0, "failed": 0}));
    assert_eq!(now(&app, &file).await, file);
}

#[tokio::test]
async fn an_upload_whose_bytes_did_not_come_fails() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").aged(25 * HOUR).awaiting_upload().await;
    assert_eq!(sweep(&app).await, json!({"done": 1, "failed": 0}));
    let failed = now(&app, &file).await;
    assert_eq!((failed.status(), failed.reserved_bytes()), (Status::Failed, 0));
    assert!(failed.error().is_some_and(|error| error.contains("expired")));
}

#[tokio::test]
async fn bytes_whose_event_was_lost_are_probed() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").aged(25 * HOUR).awaiting_upload().await;
    app.put_bytes(&file).await;
    assert_eq!(sweep(&app).await, json!({"done": 1, "failed": 0}));
    let event = app.receive("ProbeQueue").await.expect("a probe").body;
    let key = event["Records"][0]["s3"]["object"]["key"].as_str().expect("a key");
    assert!(key.ends_with(&file.id.to_string()), "{key}");
    assert!(!now(&app, &file).await.status().is_terminal());
}

#[tokio::test]
async fn an_upload_with_all_its_parts_is_completed() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").aged(25 * HOUR).awaiting_parts(6 << 20).await;
    app.start_parts(&file).await;
    app.put_part(&file, 1).await;
    sweep(&app).await;
    assert!(app.has_bytes(&file).await);
    assert_eq!(now(&app, &file).await.status(), Status::Running);
}

#[tokio::test]
async fn an_import_that_was_not_queued_is_queued() {
    let app = TestApp::new().await;
    let url = "https://media.example/clip.mp4";
    let file = app.file("clip.mp4").aged(HOUR).awaiting_import(url).await;
    sweep(&app).await;
    let message = app.receive("ImportQueue").await.expect("a message").body;
    assert_eq!((&message["id"], &message["file_url"]), (&json!(file.id), &json!(url)));
    assert_eq!(sweep(&app).await, json!({"done": 0, "failed": 0}), "its next deadline is later");
}

#[tokio::test]
async fn an_expired_file_is_deleted_with_its_bytes() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").expires_at(lambda_startup::now()).unprobed().await;
    sweep(&app).await;
    assert_eq!((app.find(&file).await, app.has_bytes(&file).await), (None, false));
}

#[tokio::test]
async fn an_event_that_was_not_queued_is_queued() {
    let app = TestApp::new().await;
    let aged = app.file("clip.mp4").aged(25 * HOUR).webhook("https://hooks.example/").awaiting_upload().await;
    sweep(&app).await;
    assert_eq!(now(&app, &aged).await.status(), Status::Failed);
    let announced = app.receive("DeliveryQueue").await.expect("sweep's own event").body;
    assert_eq!((&announced["file"], &announced["kind"]), (&json!(aged.id), &json!("file.failed")));

    // An event of a function that crashed: its deadline has passed.
    let past = Timestamp::from_millis(lambda_startup::now().millis() - 600_000);
    let lost = app.file("clip.mp4").webhook("https://hooks.example/").awaiting_upload().await;
    let records = app.operator().records();
    records.change_read_file(lost.clone(), |file| file.failed("no bytes", past)).await.expect("the record");
    assert_eq!(sweep(&app).await, json!({"done": 1, "failed": 0}));
    let announced = app.receive("DeliveryQueue").await.expect("a message").body;
    assert_eq!(announced["file"], json!(lost.id));
    assert_eq!(sweep(&app).await, json!({"done": 0, "failed": 0}), "its next deadline is later");
}

#[tokio::test]
async fn the_next_attempt_of_a_delivery_is_queued_at_its_deadline() {
    let app = TestApp::new().await;
    let records = app.operator().records();
    let past = Timestamp::from_millis(lambda_startup::now().millis() - 600_000);
    let file = app.file("clip.mp4").webhook("https://hooks.example/").uploaded().await;
    let event = EventRef { owner: file.owner, file: file.id, kind: EventKind::Succeeded };
    let id = DeliveryId { file: file.id, kind: event.kind, endpoint: EndpointId::Default };
    let delivery = Delivery::new("https://hooks.example/".into(), "{}".into(), past);
    assert!(records.replace_event(event, &[(id, delivery)]).await.expect("the event"));
    assert_eq!(sweep(&app).await, json!({"done": 1, "failed": 0}));
    assert_eq!(app.receive("DeliveryQueue").await.expect("a message").body["delivery"], id.to_string());
    assert_eq!(sweep(&app).await, json!({"done": 0, "failed": 0}), "its next deadline is later");
}

#[tokio::test]
async fn expiry_is_an_event_and_deletion_is_not() {
    let app = TestApp::new().await;
    let url = "https://hooks.example/";
    let file = app.file("clip.mp4").expires_at(lambda_startup::now()).webhook(url).awaiting_upload().await;
    sweep(&app).await;
    let announced = app.receive("DeliveryQueue").await.expect("a message").body;
    assert_eq!((&announced["file"], &announced["kind"]), (&json!(file.id), &json!("file.expired")));
    let kept = app.file("clip.mp4").webhook(url).awaiting_upload().await;
    app.operator().records().remove_file(&kept, lambda_startup::now()).await.expect("the file");
    sweep(&app).await;
    assert_eq!(app.receive("DeliveryQueue").await, None);
}

#[tokio::test]
async fn a_run_handles_many_owners_and_more_than_a_page() {
    let app = TestApp::new().await;
    let mut files = Vec::new();
    for n in 0..450 {
        let owner = if n % 50 == 0 { "another" } else { "owner" };
        files.push(app.file("clip.mp4").of(owner).aged(25 * HOUR).awaiting_upload().await);
    }
    assert_eq!(sweep(&app).await, json!({"done": 450, "failed": 0}));
    for file in &files {
        assert_eq!(now(&app, file).await.status(), Status::Failed);
    }
    let usage = app.operator().records().usage(files[1].owner).await.expect("usage");
    assert_eq!((usage.files, usage.stored_bytes, usage.pending_uploads), (441, 0, 0));
}
