//! Calls the handlers of deliveries in this process, with real services.

use files_domain::{ApiKey, Attempt, Delivery, DeliveryId, EndpointId, EventKind, EventRef, File, Scope};
use list_deliveries::ListDeliveries;
use redeliver::Redeliver;
use serde_json::{Value, json};
use test_app::{OWNER, Response, TestApp};

async fn list(app: &TestApp, key: &ApiKey, query: &str) -> Response {
    let function = app.function("list-deliveries");
    let handler = ListDeliveries { records: function.client_records() };
    function.send(&handler, app.get(&format!("/v1/deliveries?{query}")).key(key)).await
}

async fn redeliver(app: &TestApp, key: &ApiKey, id: &str) -> Response {
    let function = app.function("redeliver");
    let handler = Redeliver { records: function.client_records(), queue: function.delivery_queue() };
    function.send(&handler, app.post(&format!("/v1/deliveries/{id}/redeliver")).key(key)).await
}

/// Writes the delivery of a file's success to the default endpoint, after one attempt with this status.
async fn delivery(app: &TestApp, file: &File, status: u16) -> DeliveryId {
    let (records, now) = (app.operator().records(), lambda_startup::now());
    let id = DeliveryId { file: file.id, kind: EventKind::Succeeded, endpoint: EndpointId::Default };
    let event = EventRef { owner: file.owner, file: file.id, kind: EventKind::Succeeded };
    let new = Delivery::new("https://hooks.example/".into(), "{}".into(), now);
    assert!(records.replace_event(event, &[(id, new)]).await.expect("a response"), "the event is there");
    let claimed =
        records.claim_delivery(file.owner, id, now).await.expect("a response").expect("the delivery");
    let attempt = Attempt { at: now, duration_ms: 12, status: Some(status), error: None };
    let after = claimed.attempted(attempt, None, 0.0, now);
    records.save_delivery(file.owner, id, &after, after.next_at).await.expect("saved");
    id
}

async fn file(app: &TestApp, owner: &str) -> File {
    app.file("clip.mp4").of(owner).webhook("https://hooks.example/").uploaded().await
}

fn ids(page: &Value) -> Vec<String> {
    let deliveries = page["deliveries"].as_array().expect("deliveries").iter();
    deliveries.map(|delivery| delivery["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn deliveries_are_listed_by_file_and_by_status() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    let (first, second, third) = (file(&app, OWNER).await, file(&app, OWNER).await, file(&app, OWNER).await);
    let pending = delivery(&app, &first, 500).await.to_string();
    let delivered = delivery(&app, &second, 204).await.to_string();
    let undelivered = delivery(&app, &third, 410).await.to_string();
    delivery(&app, &file(&app, "another").await, 500).await;

    let all = list(&app, &key, "").await.expect(200).json();
    assert_eq!(ids(&all), [undelivered.clone(), delivered.clone(), pending.clone()], "the newest first");
    let one = list(&app, &key, &format!("file={}", first.id)).await.expect(200).json();
    assert_eq!(ids(&one), std::slice::from_ref(&pending));
    let shown = &one["deliveries"][0];
    assert_eq!(
        (&shown["type"], &shown["file"], &shown["endpoint"], &shown["status"]),
        (&json!("file.succeeded"), &json!(first.id), &json!("default"), &json!("pending"))
    );
    assert_eq!(
        (&shown["attempts"][0]["status"], &shown["attempts"][0]["duration_ms"]),
        (&json!(500), &json!(12))
    );
    assert!(shown["next_attempt_at"].is_string());
    for (status, id) in [("pending", &pending), ("delivered", &delivered), ("undelivered", &undelivered)] {
        let page = list(&app, &key, &format!("status={status}")).await.expect(200).json();
        assert_eq!(ids(&page), std::slice::from_ref(id), "{status}");
        let both = list(&app, &key, &format!("status={status}&file={}", first.id)).await.expect(200).json();
        assert_eq!(ids(&both).len(), usize::from(*id == pending), "{status}");
    }
}

#[tokio::test]
async fn pages_have_every_delivery_once() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    for _ in 0..5 {
        delivery(&app, &file(&app, OWNER).await, 500).await;
    }
    for filter in ["", "&status=pending"] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&app, &key, &format!("limit=2{filter}{cursor}")).await.expect(200).json();
            found.extend(ids(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let mut once = found.clone();
        once.dedup();
        assert_eq!((found.len(), once.len()), (5, 5), "{filter}");
    }
    for (wrong, reason) in [
        ("file=x", "malformed_id"),
        ("status=done", "malformed_parameter"),
        ("limit=0", "malformed_limit"),
        ("cursor=x", "malformed_cursor"),
    ] {
        list(&app, &key, wrong).await.expect_error(400, reason);
    }
}

#[tokio::test]
async fn a_redelivery_starts_with_the_first_attempt() {
    let app = TestApp::new().await;
    let key = app.key(OWNER).await;
    let (stored, lost) = (file(&app, OWNER).await, file(&app, OWNER).await);
    for (id, attempts) in [(delivery(&app, &stored, 204).await, 1), (delivery(&app, &lost, 410).await, 1)] {
        let again = redeliver(&app, &key, &id.to_string()).await.expect(202).json();
        assert_eq!((&again["id"], &again["status"]), (&json!(id.to_string()), &json!("pending")));
        assert_eq!(again["attempts"].as_array().map(Vec::len), Some(attempts), "the attempts are kept");
        let message = app.receive("DeliveryQueue").await.expect("a message").body;
        assert_eq!(message["delivery"], id.to_string());
        let claimed = app.operator().records().claim_delivery(stored.owner, id, lambda_startup::now()).await;
        assert!(claimed.unwrap().is_some_and(|delivery| delivery.tries == 0));
    }
}

#[tokio::test]
async fn a_delivery_is_visible_to_its_owner_only() {
    let app = TestApp::new().await;
    let id = delivery(&app, &file(&app, OWNER).await, 500).await.to_string();
    let other = app.key("another").await;
    assert_eq!(list(&app, &other, "").await.expect(200).json()["deliveries"], json!([]));
    redeliver(&app, &other, &id).await.expect_error(404, "not_found");
    redeliver(&app, &other, "x").await.expect_error(404, "not_found");
    let reader = app.key_with(OWNER, &[Scope::Read], None).await;
    list(&app, &reader, "").await.expect(200);
    redeliver(&app, &reader, &id).await.expect_error(403, "missing_scope");
}
