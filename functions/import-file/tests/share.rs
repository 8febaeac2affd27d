//! An owner's share of the workers, by a handler in this process, on real services.

mod handler;

use std::time::Duration;

use files_domain::{File, Status, limits};
use files_queues::ImportMessage;
use files_records::SlotKind;
use handler::handler;
use import_file::ImportFile;
use lambda_startup::EventHandler;
use serde_json::{Value, json};
use test_app::{TestApp, json_event};

/// Queues an import that fails at once: its source has a private address.
async fn queued(app: &TestApp, owner: &str) -> File {
    let file_url = "http://127.0.0.1/clip.mp4".to_owned();
    let file = app.file("clip.mp4").of(owner).awaiting_import(&file_url).await;
    let headers = serde_json::from_value(json!({"referer": "https://media.example/"})).expect("headers");
    let message = ImportMessage { owner: file.owner, id: file.id, file_url, headers, put_back: 0 };
    app.operator().import_queue().send(&message).await.expect("sent");
    file
}

/// Hands the next message to the function; its body.
async fn run(app: &TestApp, owner_share: Option<u64>) -> Option<Value> {
    let message = app.receive("ImportQueue").await?;
    let handler = ImportFile { owner_share, ..handler(app, "") };
    let response = handler.handle(json_event(&message.event)).await.expect("handled");
    assert!(response.batch_item_failures.is_empty(), "no receive counts as a failure");
    Some(message.body)
}

async fn status(app: &TestApp, file: &File) -> Status {
    app.find(file).await.expect("the record").status()
}

#[tokio::test]
async fn an_import_beyond_its_owners_share_is_put_back_and_anothers_runs() {
    let app = TestApp::new().await;
    let (flood, other) = (queued(&app, "owner").await, queued(&app, "another").await);
    let (records, now) = (app.operator().records(), lambda_startup::now());
    let slot = records.take_slot(flood.owner, SlotKind::Import, 1, limits::IMPORT_LEASE, now).await;
    let slot = slot.expect("the table").expect("a free place");
    let before = app.find(&flood).await;

    for _ in 0..2 {
        run(&app, Some(1)).await.expect("a message");
    }
    assert_eq!(app.find(&flood).await, before, "it is not claimed");
    assert_eq!(status(&app, &other).await, Status::Failed);
    assert_eq!(app.receive("ImportQueue").await, None, "it comes later");

    records.release_slot(&slot).await.expect("released");
    app.pass_time(Duration::from_secs(5));
    let message = run(&app, Some(1)).await.expect("it comes again");
    assert_eq!(
        (&message["put_back"], &message["headers"]["referer"]),
        (&json!(1), &json!("https://media.example/"))
    );
    assert_eq!(status(&app, &flood).await, Status::Failed);
    let free = records.take_slot(flood.owner, SlotKind::Import, 1, limits::IMPORT_LEASE, now).await;
    assert!(free.expect("the table").is_some(), "the place is given back");
}

#[tokio::test]
async fn a_place_of_a_crashed_worker_is_free_when_its_time_is_over() {
    let app = TestApp::new().await;
    let file = queued(&app, "owner").await;
    let past = files_domain::Timestamp::from_millis(lambda_startup::now().millis() - 331_000);
    let records = app.operator().records();
    let slot = records.take_slot(file.owner, SlotKind::Import, 1, limits::IMPORT_LEASE, past).await;
    slot.expect("the table").expect("a free place");
    run(&app, Some(1)).await.expect("a message");
    assert_eq!(status(&app, &file).await, Status::Failed);
}

#[tokio::test]
async fn without_a_share_no_place_is_taken() {
    let app = TestApp::new().await;
    let file = queued(&app, "owner").await;
    run(&app, None).await.expect("a message");
    assert_eq!(status(&app, &file).await, Status::Failed);
    assert_eq!(app.calls("import-file", "dynamodb", "UpdateItem"), 1, "the claim");
}
