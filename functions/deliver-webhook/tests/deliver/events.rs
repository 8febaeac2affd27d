use files_api::{BaseUrl, EventBody};
use files_domain::{
    DeliveryStatus, Endpoint, EndpointId, EventKind, EventRef, File, FileEvent, FileName, FileState, OwnerId,
    Timestamp, WebhookSecret,
};
use test_app::TestApp;

use crate::receiver::Receiver;
use crate::setup::{attempt, deliveries, delivery, endpoint, event, owner, work};

#[tokio::test]
async fn each_subscribed_endpoint_receives_an_event_once() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let (first, _) = endpoint(&app, &receiver.url, &[EventKind::Succeeded]).await;
    let (second, _) = endpoint(&app, &receiver.url, &EventKind::FOR_WEBHOOKS).await;
    endpoint(&app, &receiver.url, &[EventKind::Failed, EventKind::Expired]).await;
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    let now = lambda_startup::now();

    let (one, two) = (event(&file, EventKind::Succeeded), event(&file, EventKind::Succeeded));
    tokio::join!(work(&app, one, now), work(&app, two, now));
    let mut ids: Vec<_> = deliveries(&app).await.into_iter().map(|(id, _)| id.endpoint).collect();
    ids.sort_by_key(EndpointId::to_string);
    let mut expected = vec![first, second, EndpointId::Default];
    expected.sort_by_key(EndpointId::to_string);
    assert_eq!(ids, expected);

    // Each delivery has a message, and a duplicate message sends no second request.
    let mut messages = 0;
    while let Some(message) = app.receive("DeliveryQueue").await {
        let message = serde_json::from_value(message.body).expect("a message");
        tokio::join!(work(&app, message, now), work(&app, message, now));
        messages += 1;
    }
    assert_eq!((messages, receiver.received().len()), (3, 3));
    assert!(deliveries(&app).await.iter().all(|(_, one)| one.status == DeliveryStatus::Delivered));
    work(&app, event(&file, EventKind::Succeeded), now).await;
    assert_eq!(receiver.received().len(), 3, "the event is replaced");
}

#[tokio::test]
async fn an_owner_without_endpoints_has_no_events() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let file = app.file("clip.mp4").uploaded().await;
    let event_ref = EventRef { owner: file.owner, file: file.id, kind: EventKind::Succeeded };
    assert_eq!(app.operator().records().find_event(event_ref).await.unwrap(), None);
    // An endpoint of another owner does not count.
    let secret = WebhookSecret::generate().unwrap();
    let now = lambda_startup::now();
    let theirs = Endpoint::new(Some(receiver.url.clone()), EventKind::FOR_WEBHOOKS.into(), secret, now);
    let other = OwnerId::named("another");
    app.operator().records().create_endpoint(other, EndpointId::new(now), &theirs).await.unwrap();
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    work(&app, event(&file, EventKind::Succeeded), now).await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(delivery(&app).await.attempts.len(), 1);
}

#[tokio::test]
async fn the_failure_and_the_expiry_of_a_file_are_events() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let (records, now) = (app.operator().records(), lambda_startup::now());
    let failing = app.file("a.mp4").webhook(&receiver.url).awaiting_upload().await;
    records.change_read_file(failing.clone(), |file| file.failed("no bytes", now)).await.unwrap();
    let gone = app.file("b.mp4").webhook(&receiver.url).expires_at(now).awaiting_upload().await;
    records.remove_file(&gone, now).await.unwrap();
    let kinds: Vec<_> = records.take_events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Failed, EventKind::Expired]);
    assert!(records.take_events().is_empty());
    work(&app, event(&failing, EventKind::Failed), now).await;
    work(&app, event(&gone, EventKind::Expired), now).await;
    let bodies: Vec<serde_json::Value> =
        receiver.received().iter().map(|one| serde_json::from_str(&one.body).unwrap()).collect();
    assert_eq!(
        (&bodies[0]["type"], &bodies[0]["data"]["error"]),
        (&"file.failed".into(), &"no bytes".into())
    );
    assert_eq!((&bodies[1]["type"], &bodies[1]["data"]["name"]), (&"file.expired".into(), &"b.mp4".into()));
}

#[tokio::test]
async fn a_deleted_endpoint_ends_its_deliveries() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([crate::receiver::status(500)]).await;
    let (id, _) = endpoint(&app, &receiver.url, &EventKind::FOR_WEBHOOKS).await;
    let (file, now) = (app.upload("clip.mp4").await, lambda_startup::now());
    work(&app, event(&file, EventKind::Succeeded), now).await;
    app.operator().records().delete_endpoint(owner(), id).await.unwrap();
    work(&app, attempt(crate::setup::delivery_of(&file, id)), delivery(&app).await.next_at).await;
    let ended = delivery(&app).await;
    assert_eq!((ended.status, receiver.received().len()), (DeliveryStatus::Undelivered, 1));
    assert_eq!(ended.ended_because.as_deref(), Some("the endpoint was deleted"));
}

#[tokio::test]
async fn the_largest_event_is_under_20_kilobytes() {
    let app = TestApp::new().await;
    let file = app.file("x").awaiting_upload().await;
    let name = FileName::clean(&"\u{0e01}".repeat(85)).expect("a name");
    let (file, _) = File { name, content_type: Some("x".repeat(255)), ..file }.split();
    let file = file.with_state(FileState::Failed { error: "\"\u{1f3ac}".repeat(5_000) });
    let event = FileEvent { kind: EventKind::Failed, at: Timestamp::from_millis(1), file, webhook: None };
    let body = serde_json::to_string(&EventBody::new(&event, &BaseUrl::configured("https://api.example")));
    let length = body.unwrap().len();
    assert!((6_000..20_000).contains(&length), "{length}");
}
