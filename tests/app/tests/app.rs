//! Tests of the harness that handlers' tests use.

use std::time::{Duration, Instant};

use files_domain::{Caller, Detail, Scope, SourceHeaders, Status};
use files_queues::ImportMessage;
use test_app::TestApp;

#[tokio::test]
async fn files_are_created_in_the_requested_state() {
    let app = TestApp::new().await;
    let stored = app.upload("clip.mp4").await;
    assert_eq!((stored.status(), stored.size), (Status::Success, Some(19)));
    let unprobed = app.file("clip.mp4").unprobed().await;
    let waiting = app.file("clip.mp4").awaiting_upload().await;
    let parts = app.file("clip.mp4").awaiting_parts(12 << 20).await;
    let import = app.file("clip.mp4").awaiting_import("https://media.example/clip.mp4").await;
    assert_eq!((unprobed.status(), waiting.status()), (Status::Running, Status::Pending));
    assert_eq!((parts.part_plan().map(|plan| plan.count()), import.import().is_some()), (Some(2), true));
    for (file, has_bytes) in
        [(&stored, true), (&unprobed, true), (&waiting, false), (&parts, false), (&import, false)]
    {
        assert_eq!(app.has_bytes(file).await, has_bytes, "{file:?}");
        assert_eq!(app.find(file).await.map(|file| file.status()), Some(file.status()));
    }
}

#[tokio::test]
async fn an_adapter_has_the_permissions_of_its_function() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let caller =
        Caller { principal: app.key("owner").await.into(), scope: Scope::Read, now: lambda_startup::now() };
    let found = app.function("get-file").client_records().find_file_with_detail(&caller, file.id).await;
    let (found, detail) = found.expect("get-file may read records");
    assert_eq!((found.id, detail), (file.id, Detail::default()));
    assert_eq!(app.calls("get-file", "dynamodb", "BatchGetItem"), 1);
    let refused = app.function("get-file").objects().delete_file(file.owner, file.id).await;
    assert!(refused.is_err(), "get-file may not delete objects");
    assert!(app.has_bytes(&file).await);
}

#[tokio::test]
async fn a_message_arrives_after_its_delay() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_import("https://media.example/clip.mp4").await;
    let queue = app.function("create-file").import_queue();
    let message = ImportMessage {
        owner: file.owner,
        id: file.id,
        file_url: "https://media.example/clip.mp4".to_owned(),
        headers: SourceHeaders::default(),
        put_back: 0,
    };
    queue.send(&message).await.expect("sent");
    queue.send_later(&message, Duration::from_secs(60)).await.expect("sent");
    let first = app.receive("ImportQueue").await.expect("the first message");
    assert_eq!(first.body["id"], file.id.to_string());
    let body = first.event["Records"][0]["body"].as_str().expect("a body");
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).expect("JSON"), first.body);
    assert_eq!(app.receive("ImportQueue").await, None);
    app.pass_time(Duration::from_secs(60));
    assert_eq!(app.receive("ImportQueue").await.expect("the second message").body, first.body);
}

#[tokio::test]
async fn an_app_starts_in_milliseconds() {
    let times = 10;
    let start = Instant::now();
    for _ in 0..times {
        TestApp::new().await.upload("clip.mp4").await;
    }
    let each = start.elapsed() / times;
    eprintln!("{each:?} each with an upload");
    assert!(each < Duration::from_secs(5), "{each:?}");
}
