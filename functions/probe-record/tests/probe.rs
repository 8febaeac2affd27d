//! Calls the handler in this process, with real services.

use files_domain::{File, FileState, MediaType, ProbeFacts, ProbeSummary, Status, file_object_key};
use lambda_startup::EventHandler;
use probe_protocol::{Found, MediaFound, ProbeReport, ProbeRequest, ProbeResponse};
use probe_record::ProbeRecord;
use serde_json::{Value, json};
use test_app::{CONTENT, Method, TestApp, event};

fn handler(app: &TestApp) -> ProbeRecord {
    let function = app.function("probe-record");
    ProbeRecord {
        records: function.records(),
        objects: function.objects(),
        deliveries: function.delivery_queue(),
    }
}

async fn begin(app: &TestApp, file: &File) -> ProbeResponse {
    let request = ProbeRequest::Begin { key: file_object_key(file.owner, file.id) };
    handler(app).handle(event(request)).await.expect("a response")
}

async fn finish(app: &TestApp, file: &File, etag: &str, found: Found) -> Option<ProbeResponse> {
    let report = ProbeReport {
        key: file_object_key(file.owner, file.id),
        etag: etag.to_owned(),
        content_type: Some("video/mp4".to_owned()),
        ffprobe: Some("7.1.5".to_owned()),
        ends_upload: matches!(file.state, FileState::AwaitingUpload),
        poster: None,
        found,
    };
    handler(app).handle(event(ProbeRequest::Finish(Box::new(report)))).await.ok()
}

async fn etag(app: &TestApp, file: &File) -> String {
    app.operator().objects().head_file(file.owner, file.id).await.expect("the object").etag
}

fn media() -> Found {
    let summary = ProbeSummary { width: Some(64), format_name: "mp4".to_owned(), ..ProbeSummary::default() };
    Found::Media(Box::new(MediaFound {
        media_type: MediaType::Video,
        summary,
        facts: ProbeFacts::default(),
        full: json!({"format": {}, "streams": [], "chapters": []}),
        partial: None,
    }))
}

#[tokio::test]
async fn a_file_that_awaits_its_probe_can_be_read_and_is_finished_once() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").unprobed().await;
    let ProbeResponse::Probe { url, extension, .. } = begin(&app, &file).await else {
        panic!("nothing to probe")
    };
    assert_eq!(extension.as_deref(), Some("mp4"));
    assert_eq!(app.fetch(Method::GET, &url, &Value::Null, b"").await.expect(200).body, CONTENT);
    let tag = etag(&app, &file).await;
    assert_eq!(finish(&app, &file, &tag, media()).await, Some(ProbeResponse::Saved));
    let saved = app.find(&file).await.expect("the record");
    assert_eq!((saved.status(), saved.probe().and_then(|probe| probe.width)), (Status::Success, Some(64)));
    assert_eq!(begin(&app, &file).await, ProbeResponse::NothingToDo);
    let unreadable = Found::Unreadable("the file is empty".to_owned());
    assert_eq!(
        finish(&app, &file, &tag, unreadable).await,
        Some(ProbeResponse::NothingToDo),
        "a late report"
    );
    assert_eq!(app.find(&file).await.and_then(|file| file.ffprobe_error().map(str::to_owned)), None);
}

#[tokio::test]
async fn a_report_of_other_bytes_is_rejected() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").unprobed().await;
    assert_eq!(finish(&app, &file, "\"other\"", media()).await, None);
    assert_eq!(app.find(&file).await.map(|file| file.status()), Some(Status::Running));
}

#[tokio::test]
async fn bytes_of_a_deleted_file_are_deleted() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    let records = app.operator().records();
    records.remove_file(&file, lambda_startup::now()).await.expect("removed");
    app.put_bytes(&file).await;
    assert_eq!(begin(&app, &file).await, ProbeResponse::NothingToDo);
    assert!(app.has_bytes(&file).await, "left to sweep while the deletion is scheduled");
    records.delete_removal_entry(file.owner, file.id).await.expect("forgotten");
    assert_eq!(begin(&app, &file).await, ProbeResponse::NothingToDo);
    assert!(!app.has_bytes(&file).await);
}

#[tokio::test]
async fn other_keys_are_rejected() {
    let app = TestApp::new().await;
    for key in ["", "files/o/i", "probes/x", "../files"] {
        let request = ProbeRequest::Begin { key: key.to_owned() };
        assert!(handler(&app).handle(event(request)).await.is_err(), "{key}");
    }
}

#[tokio::test]
async fn the_success_of_a_file_with_a_webhook_is_announced_once() {
    let app = TestApp::new().await;
    let (plain, file) = (
        app.file("a.mp4").unprobed().await,
        app.file("b.mp4").webhook("https://hooks.example/").unprobed().await,
    );
    for file in [&plain, &file] {
        let tag = etag(&app, file).await;
        for _ in 0..2 {
            finish(&app, file, &tag, media()).await.expect("a response");
        }
    }
    let message = app.receive("DeliveryQueue").await.expect("a message").body;
    assert_eq!((&message["file"], &message["kind"]), (&json!(file.id), &json!("file.succeeded")));
    assert_eq!(app.receive("DeliveryQueue").await, None);
    assert_eq!(app.calls("probe-record", "sqs", "SendMessage"), 1);
}
