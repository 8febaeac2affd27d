use std::time::Duration;

use files_domain::{DeliveryStatus, EndpointId, EventKind, limits};
use files_local::faults::Rules;
use files_queues::DeliveryMessage;
use serde_json::{Value, json};
use test_app::TestApp;

use crate::receiver::Receiver;
use crate::setup::{attempt, deliveries, delivery_of, event, handler};

/// More consecutive failures than the SDK's attempts, so that the function fails.
const FAILURES: u32 = 5;
/// Most calls of an event with one delivery, according to `limits.md`.
const CALLS: u32 = 8;

/// Delivers an event while [`FAILURES`] calls from the `nth` one on fail. Returns the number of requests that the receiver got.
async fn deliver(nth: u32, action: &Value) -> usize {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    let rules = json!([{"caller": "deliver-webhook", "nth": nth, "times": FAILURES, "action": action}]);
    app.services().faults.add(Rules::parse(rules.to_string().as_bytes()).expect("rules"));
    let (messages, mut now) = (
        [event(&file, EventKind::Succeeded), attempt(delivery_of(&file, EndpointId::Default))],
        lambda_startup::now(),
    );
    for _ in 0..10 {
        // SQS delivers a failed message again, and sweep sends a message for each passed deadline.
        for message in &messages {
            let _: Result<_, _> = work(&app, message, now).await;
        }
        let found = deliveries(&app).await;
        if found.iter().any(|(_, delivery)| delivery.status == DeliveryStatus::Delivered) {
            assert_eq!(found.len(), 1, "one delivery, whichever call fails");
            let received = receiver.received();
            assert!(received.iter().all(|one| one.body == received[0].body));
            return received.len();
        }
        now = now.plus(limits::DELIVERY_LEASE + limits::DELIVERY_GRACE + Duration::from_secs(1));
    }
    panic!("never delivered: {nth} {action}");
}

async fn work(
    app: &TestApp,
    message: &DeliveryMessage,
    now: files_domain::Timestamp,
) -> Result<(), files_domain::BoxError> {
    handler(app, "127.0.0.1", None).work(message, now).await
}

#[tokio::test]
async fn an_event_is_delivered_whichever_call_fails() {
    for action in [json!({"error": "internal"}), json!("cut"), json!("cut_response")] {
        for nth in 1..=CALLS {
            assert!(deliver(nth, &action).await >= 1, "{nth} {action}");
        }
    }
}
