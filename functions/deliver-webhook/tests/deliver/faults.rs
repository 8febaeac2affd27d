use std::time::Duration;

use files_domain::{DeliveryStatus, EndpointId, EventKind, limits};
use files_local::faults::Rules;
use files_queues::DeliveryMessage;
use serde_json::{Value, json};
use test_app::TestApp;

use crate::bus::{app_with_bus, bus_of};
use crate::receiver::Receiver;
use crate::setup::{attempt, deliveries, delivery_of, event, handler};

/// More consecutive failures than the SDK's attempts, so that the function fails.
const FAILURES: usize = 5;
/// Maximum number of calls of an event with one delivery, according to `limits.md`, with a bus and a new default endpoint.
const CALLS: u32 = 9;

/// Delivers an event while the calls that a rule matches fail. Returns the numbers of requests that the receiver got, and of events
/// that the bus got.
async fn deliver(rule: &Value) -> (usize, usize) {
    let app = app_with_bus().await;
    let receiver = Receiver::start([]).await;
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    app.services().faults.add(Rules::parse(rule.to_string().as_bytes()).expect("rules"));
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
            return (received.len(), app.services().services.eventbridge.events().len());
        }
        now = now.plus(limits::DELIVERY_LEASE + limits::DELIVERY_GRACE + Duration::from_secs(1));
    }
    panic!("never delivered: {rule}");
}

async fn work(
    app: &TestApp,
    message: &DeliveryMessage,
    now: files_domain::Timestamp,
) -> Result<(), files_domain::BoxError> {
    handler(app, "127.0.0.1", bus_of(app)).work(message, now).await
}

#[tokio::test]
async fn an_event_is_delivered_whichever_call_fails() {
    for action in [json!({"error": "internal"}), json!("cut"), json!("cut_response")] {
        for nth in 1..=CALLS {
            let rule = json!({"caller": "deliver-webhook", "nth": nth, "times": FAILURES, "action": action});
            let (received, on_bus) = deliver(&rule).await;
            assert!(received >= 1 && on_bus >= 1, "{rule}: {received}, {on_bus}");
        }
    }
}

#[tokio::test]
async fn an_event_is_on_the_bus_however_putting_it_fails() {
    // Calls that fail; events that the bus has then. What was put without a response is put again.
    for (action, on_bus) in [
        (json!({"error": "throttling"}), 1),
        (json!({"error": "internal"}), 1),
        (json!("failed_entries"), 1),
        (json!("cut"), 1),
        (json!("lose_response"), 1 + FAILURES),
        (json!("cut_response"), 1 + FAILURES),
    ] {
        let rule = json!({"caller": "deliver-webhook", "service": "eventbridge", "times": FAILURES, "action": action});
        assert_eq!(deliver(&rule).await, (1, on_bus), "{action}");
    }
}
