//! `deliver-webhook`, killed at each call or left without its response, and a bus that fails: each event is on the bus and delivered at
//! least once, by one delivery.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use files_tests::backend::text;
use files_tests::owner::id;
use files_tests::{Cloud, WebhookReceiver, media, until};
use serde_json::{Value, json};

use crate::every_call::FaultTest;
use crate::invariants::End;
use crate::recovery::recover;

const DELIVER: &str = "deliver-webhook";
/// As many failures as the SDK makes attempts: the message fails.
const FAILURES: u64 = 4;

async fn start() -> (FaultTest, WebhookReceiver) {
    let test = FaultTest::start_with(Cloud::setup().parameter("EventBus", "media")).await;
    (test, WebhookReceiver::start(&[]).await)
}

async fn announce(test: &FaultTest, receiver: &WebhookReceiver) -> Value {
    let body = json!({"name": "a.png", "size": media::PNG.len(), "content_type": "image/png", "webhook": receiver.url});
    test.owner.announce_as(&body).await
}

async fn put(test: &FaultTest, file: &Value) -> (String, End) {
    test.owner.put(file, media::PNG.clone()).await.expect(200);
    (id(file).to_owned(), End::Bytes(media::PNG.clone()))
}

async fn is_delivered(test: &FaultTest, file: &str) -> bool {
    let item = test.owner.backend.item(&format!("delivery#{file}_succeeded_default")).await;
    item.is_some_and(|item| text(&item, "status") == Some("delivered"))
}

/// Recovers, and checks what the receiver and the bus have got of each file, and its record.
async fn check(test: &FaultTest, receiver: &WebhookReceiver) {
    recover(&test.cloud, &[&test.owner]).await;
    let requests = receiver.counts();
    let mut on_bus = BTreeMap::<String, usize>::new();
    for event in test.cloud.bus_events().await {
        assert_eq!(
            (&event["bus"], &event["event"]["detail-type"]),
            (&json!("media"), &json!("files.file.succeeded"))
        );
        *on_bus.entry(id(&event["event"]["detail"]["data"]).to_owned()).or_default() += 1;
    }
    let items = test.owner.backend.items().await;
    let of = |prefix: &str| {
        let sks =
            items.iter().filter_map(|item| Some((text(item, "sk")?.strip_prefix(prefix)?.to_owned(), item)));
        sks.collect::<BTreeMap<_, _>>()
    };
    let (files, deliveries) = (of("file#"), of("delivery#"));
    let expected: Vec<_> = files.keys().map(|file| format!("{file}_succeeded_default")).collect();
    assert_eq!(
        deliveries.keys().collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>(),
        "one delivery of each file"
    );
    for (delivery, item) in deliveries {
        assert_eq!(text(item, "status"), Some("delivered"), "{delivery}");
        let attempts = item.get("attempts").and_then(|attempts| attempts.as_l().ok()).expect("attempts");
        let times = attempts.iter().filter_map(|attempt| attempt.as_m().ok()?.get("at")?.as_n().ok());
        let times: std::collections::BTreeSet<_> = times.collect();
        let sent = requests.get(&delivery).copied().unwrap_or_default();
        // A worker that was killed after its request has no record of it; no record is of no request, and none is doubled.
        assert_eq!(times.len(), attempts.len(), "{delivery}: {attempts:?}");
        assert!((1..=sent).contains(&attempts.len()), "{delivery}: {sent} requests, {attempts:?}");
        assert!(item.get("generation").is_some_and(|claims| *claims != AttributeValue::N("0".to_owned())));
    }
    assert_eq!(on_bus.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>(), "on the bus");
}

#[tokio::test]
async fn delivering_survives_a_kill_at_every_call() {
    let (mut test, receiver) = start().await;
    let prepare = async |test: &FaultTest| announce(test, &receiver).await;
    let act = async |test: &FaultTest, file: &Value| put(test, file).await;
    test.at_each_call(("delivery", DELIVER), prepare, act, is_delivered).await;
    check(&test, &receiver).await;
    test.end().await;
}

#[tokio::test]
async fn a_bus_that_fails_loses_no_event_and_no_delivery() {
    let (mut test, receiver) = start().await;
    let actions = [
        (json!({"error": "throttling"}), FAILURES),
        (json!({"error": "internal"}), FAILURES),
        (json!("failed_entries"), 1), // which the SDK takes for a success
        (json!("cut"), FAILURES),
        (json!("lose_response"), FAILURES),
        (json!("cut_response"), 1),
    ];
    for (action, most) in actions {
        for times in [1, most] {
            let file = announce(&test, &receiver).await;
            let rule = json!({"caller": DELIVER, "service": "eventbridge", "operation": "PutEvents", "times": times, "action": action});
            test.cloud.add_faults(&rule).await;
            let (file, end) = put(&test, &file).await;
            until(&format!("{action} of PutEvents"), async || {
                let applied = test.cloud.fault_counts().await[0].1;
                (applied > 0 && (applied == times || is_delivered(&test, &file).await)).then_some(())
            })
            .await;
            test.cloud.clear_faults().await;
            test.expect_end(&file, &format!("{action} of PutEvents, {times} times"), end);
        }
    }
    check(&test, &receiver).await;
    test.end().await;
}
