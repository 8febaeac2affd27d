//! Slow receivers, and an owner's share of the workers.

use std::time::{Duration, Instant};

use files_domain::{DeliveryId, DeliveryStatus, EndpointId, EventKind, File, limits};
use files_records::SlotKind;
use test_app::TestApp;

use crate::receiver::{Receiver, Reply};
use crate::setup::{attempt, deliveries, delivery, delivery_of, endpoint, event, owner, work};

/// Returns how many slow attempts the owner has.
async fn slow(app: &TestApp) -> u64 {
    let (records, now) = (app.operator().records(), lambda_startup::now());
    let found = records.find_endpoint_and_slots(owner(), EndpointId::Default, SlotKind::SlowDelivery, now);
    found.await.expect("the records").1
}

/// Has the event of a file delivered. Returns the delivery's id, and how long that kept the worker.
async fn deliver(app: &TestApp, file: &File) -> (DeliveryId, Duration) {
    let started = Instant::now();
    work(app, event(file, EventKind::Succeeded), lambda_startup::now()).await;
    (delivery_of(file, EndpointId::Default), started.elapsed())
}

async fn found(app: &TestApp, id: DeliveryId) -> files_domain::Delivery {
    let all = deliveries(app).await;
    all.into_iter().find(|(one, _)| *one == id).expect("the delivery").1
}

#[tokio::test]
async fn a_slow_receiver_is_left_after_20_seconds_and_keeps_one_worker_of_its_owner() {
    let app = TestApp::new().await;
    let (silent, fast) = (Receiver::replying([], Reply::Silence).await, Receiver::start([]).await);
    let mut files = Vec::new();
    for _ in 0..3 {
        files.push(app.file("clip.mp4").webhook(&silent.url).uploaded().await);
    }
    let others = async {
        silent.wait_for(1).await;
        // Two workers have begun before either is slow: the second one is cancelled.
        let (second, took) = deliver(&app, &files[1]).await;
        assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&took), "{took:?}");
        let broken_off = found(&app, second).await;
        assert_eq!((broken_off.status, broken_off.tries), (DeliveryStatus::Pending, 0));
        let error = broken_off.attempts[0].error.as_deref().unwrap_or_default();
        assert!(error.contains("more than a second"), "{error}");
        assert_eq!(slow(&app).await, 1);

        // While the first one is slow, others to its endpoint are postponed. Another endpoint gets its own.
        let (third, took) = deliver(&app, &files[2]).await;
        assert!(took < Duration::from_secs(10), "{took:?}");
        let put_off = found(&app, third).await;
        assert_eq!((put_off.status, put_off.attempts.len()), (DeliveryStatus::Pending, 0));
        assert!(put_off.next_at > lambda_startup::now());
        assert_eq!(silent.received().len(), 2);
        endpoint(&app, &fast.url, &[EventKind::Succeeded]).await;
        let file = app.file("clip.mp4").uploaded().await;
        work(&app, event(&file, EventKind::Succeeded), lambda_startup::now()).await;
        assert_eq!(fast.received().len(), 1);
        third
    };
    let ((first, took), third) = tokio::join!(deliver(&app, &files[0]), others);
    assert!(took >= limits::DELIVERY_TIMEOUT && took < Duration::from_secs(25), "{took:?}");
    let timed_out = found(&app, first).await;
    assert_eq!((timed_out.status, timed_out.tries), (DeliveryStatus::Pending, 1));
    assert_eq!(timed_out.attempts[0].error.as_deref(), Some("the receiver took too long to respond"));
    assert!(timed_out.attempts[0].duration_ms >= 20_000);
    assert_eq!(slow(&app).await, 0, "the slot is given back");

    // Then another one is sent.
    let due = found(&app, third).await.next_at.plus(limits::SLOW_DELIVERY_LEASE);
    tokio::select! {
        () = work(&app, attempt(third), due) => {}
        () = silent.wait_for(3) => {}
    }
    assert_eq!(silent.received().len(), 3);
}

#[tokio::test]
async fn a_fast_receiver_takes_no_slot() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    deliver(&app, &app.file("clip.mp4").webhook(&receiver.url).uploaded().await).await;
    let calls = |operation| app.calls("deliver-webhook", "dynamodb", operation);
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Delivered);
    // The default endpoint is created, which later events find.
    let before = (calls("UpdateItem"), calls("BatchGetItem"), calls("PutItem"));
    assert_eq!(before, (1, 2, 2), "the claim; the endpoint, twice; the endpoint and the outcome");
    deliver(&app, &app.file("clip.mp4").webhook(&receiver.url).uploaded().await).await;
    assert_eq!((calls("UpdateItem"), calls("BatchGetItem"), calls("PutItem")), (2, 3, 3));
    assert_eq!(calls("TransactWriteItems"), 2, "each event is replaced by its delivery");
}
