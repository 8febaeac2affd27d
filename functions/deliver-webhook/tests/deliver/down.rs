//! A receiver that cannot be reached for more than three days, with the queue and the index of deadlines as the only clock.

use std::time::Duration;

use files_domain::{DeliveryStatus, EndpointId, EventKind, Scope, Timestamp, limits};
use files_queues::DeliveryMessage;
use files_records::{DUE_SHARDS, DeliveryFilter, DueItem, ScheduledWork};
use test_app::{OWNER, TestApp};
use tokio::net::TcpListener;

use crate::receiver::Receiver;
use crate::setup::{attempt, delivery, delivery_of, event, owner, work};

/// Returns what the index has as due.
async fn due(app: &TestApp, now: Timestamp) -> Vec<DueItem> {
    let mut items = Vec::new();
    for shard in 0..DUE_SHARDS {
        items.extend(app.operator().records().due(shard, now, 100).await.expect("the index").items);
    }
    items
}

/// Returns the next message, at `now`: the one that was delayed, or the one that `sweep` sends.
async fn message(app: &TestApp, delay: Duration, now: Timestamp) -> DeliveryMessage {
    let records = app.operator().records();
    if delay > limits::MAX_QUEUE_DELAY {
        assert_eq!(app.receive("DeliveryQueue").await, None, "no message waits for as long");
        let early = Timestamp::from_millis(now.millis() - 1_000);
        assert!(due(app, early).await.is_empty(), "not due yet");
        let [DueItem { owner, what: ScheduledWork::Delivery(id) }] = due(app, now).await[..] else {
            panic!("one delivery is due");
        };
        assert!(records.postpone_delivery(owner, id, now).await.expect("the records"));
        app.function("sweep").delivery_queue().send(&attempt(id)).await.expect("sent");
    }
    app.pass_time(delay.min(limits::MAX_QUEUE_DELAY));
    let message = app.receive("DeliveryQueue").await.expect("a message");
    assert!(due(app, now).await.is_empty(), "the message is not late");
    serde_json::from_value(message.body).expect("a message of this queue")
}

#[tokio::test]
async fn a_receiver_that_is_down_for_three_days_is_given_up_and_its_event_kept() {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener); // so that connections are refused
    let start = lambda_startup::now();
    let file = app.file("clip.mp4").webhook(&format!("http://{address}/hook")).uploaded().await;
    let mut now = start;
    let mut next = event(&file, EventKind::Succeeded);
    for attempts in 1.. {
        work(&app, next, now).await;
        let delivery = delivery(&app).await;
        assert_eq!(delivery.attempts.len(), attempts);
        if delivery.status == DeliveryStatus::Undelivered {
            break;
        }
        let delay = Duration::from_millis(delivery.next_at.millis() - now.millis());
        now = delivery.next_at;
        next = message(&app, delay, now).await;
    }
    let hours = (now.millis() - start.millis()) / 3_600_000;
    assert!((75..=83).contains(&hours), "{hours} hours");
    let given_up = delivery(&app).await;
    assert_eq!(given_up.attempts.len(), limits::DELIVERY_DELAYS.len() + 1);
    let errors: Vec<_> = given_up.attempts.iter().map(|attempt| attempt.error.as_deref()).collect();
    assert!(errors.iter().all(|error| *error == errors[0] && error.is_some()), "{errors:?}");

    // It is over, but kept and found for 30 days.
    assert_eq!(app.receive("DeliveryQueue").await, None);
    let retention = limits::DELIVERY_RETENTION;
    assert!(due(&app, now.plus(retention)).await.is_empty());
    let records = app.operator().client_records();
    let undelivered = DeliveryFilter { file: None, status: Some(DeliveryStatus::Undelivered) };
    let caller = app.caller(OWNER, Scope::Read).await;
    let page = records.list_deliveries(&caller, undelivered, 10, None).await.expect("the deliveries");
    let id = delivery_of(&file, EndpointId::Default);
    assert_eq!(page.deliveries, [(id, given_up)]);

    // The receiver is up again, and the owner asks.
    let receiver = Receiver::at(address).await;
    let caller = app.caller(OWNER, Scope::Write).await;
    records.redeliver(&caller, id).await.expect("the delivery");
    work(&app, attempt(id), caller.now).await;
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Delivered);
    assert_eq!(receiver.received()[0].header("webhook-id"), id.to_string());
    assert_eq!(file.owner, owner());
}
