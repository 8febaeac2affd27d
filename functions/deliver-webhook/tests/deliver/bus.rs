use std::collections::BTreeMap;

use deliver_webhook::EventBus;
use files_domain::{EventKind, File, Scope};
use serde_json::{Value, json};
use test_app::{OWNER, TestApp};

use crate::receiver::Receiver;
use crate::setup::{event, work_on};

pub(crate) async fn app_with_bus() -> TestApp {
    TestApp::with_parameters(BTreeMap::from([("EventBus".to_owned(), "media".to_owned())])).await
}

/// Returns the bus of the function.
pub(crate) fn bus_of(app: &TestApp) -> Option<EventBus> {
    let (client, name) = app.function("deliver-webhook").event_bus().expect("the template names the bus");
    Some(EventBus::new(client, name))
}

/// Delivers an event to the bus and to webhooks.
async fn tell(app: &TestApp, file: &File, kind: EventKind) {
    work_on(app, "127.0.0.1", bus_of(app), event(file, kind), lambda_startup::now()).await;
}

fn events(app: &TestApp) -> Vec<(String, Value)> {
    let events = app.services().services.eventbridge.events();
    events.into_iter().map(|event| (event.bus, event.event)).collect()
}

#[tokio::test]
async fn the_bus_receives_each_event_with_the_body_of_a_webhook() {
    let app = app_with_bus().await;
    let receiver = Receiver::start([]).await;
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    tell(&app, &file, EventKind::Succeeded).await;
    let all = events(&app);
    assert_eq!(all.len(), 1);
    let (bus, event) = &all[0];
    assert_eq!(
        (bus.as_str(), &event["source"], &event["detail-type"]),
        ("media", &json!("files"), &json!("files.file.succeeded"))
    );
    let sent: Value = serde_json::from_str(&receiver.received()[0].body).unwrap();
    assert_eq!(event["detail"], sent);
    // A duplicate message has no effect, since the event is replaced.
    tell(&app, &file, EventKind::Succeeded).await;
    assert_eq!(events(&app).len(), 1);
}

#[tokio::test]
async fn with_a_bus_every_file_has_events_including_its_deletion() {
    let app = app_with_bus().await;
    let key = app.key(OWNER).await;
    let records = app.function("delete-file").client_records();
    let caller =
        |scope| files_domain::Caller { principal: key.clone().into(), scope, now: lambda_startup::now() };
    let file = app.file("clip.mp4").awaiting_upload().await;
    records.remove_file(&caller(Scope::Delete), &file).await.unwrap();
    let written = records.unchecked().take_events();
    assert_eq!(written.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Deleted]);
    tell(&app, &file, EventKind::Deleted).await;
    let (_, event) = events(&app).pop().expect("an event");
    assert_eq!(event["detail-type"], "files.file.deleted");
    assert_eq!(event["detail"]["data"]["id"], json!(file.id));
}

#[tokio::test]
async fn without_a_bus_no_function_may_put_events() {
    let app = TestApp::new().await;
    assert!(app.function("deliver-webhook").event_bus().is_none());
    let policies = format!("{:?}", app.services().model.functions);
    assert!(!policies.contains("events:PutEvents"), "no permission is granted");
    let file = app.file("clip.mp4").awaiting_upload().await;
    let caller = files_domain::Caller {
        principal: app.key(OWNER).await.into(),
        scope: Scope::Delete,
        now: lambda_startup::now(),
    };
    let records = app.function("delete-file").client_records();
    records.remove_file(&caller, &file).await.unwrap();
    assert!(records.unchecked().take_events().is_empty());
}
