use std::time::Duration;

use files_domain::{DeliveryId, DeliveryStatus, EndpointId, EventKind, Timestamp, limits};
use test_app::TestApp;

use crate::receiver::{Receiver, Reply, status, with_headers};
use crate::setup::{attempt, deliveries, delivery, delivery_of, endpoint, event, owner, work, work_with};

/// Creates a file with a webhook and makes the first attempt. Returns its delivery.
async fn first_attempt(app: &TestApp, receiver: &Receiver, now: Timestamp) -> DeliveryId {
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    work(app, event(&file, EventKind::Succeeded), now).await;
    delivery_of(&file, EndpointId::Default)
}

#[tokio::test]
async fn a_receiver_that_is_down_for_days_receives_ten_attempts_of_the_same_event() {
    let app = TestApp::new().await;
    let receiver = Receiver::start((0..10).map(|_| status(503))).await;
    let start = lambda_startup::now();
    let id = first_attempt(&app, &receiver, start).await;
    for delay in limits::DELIVERY_DELAYS {
        let pending = delivery(&app).await;
        let last = pending.attempts.last().expect("an attempt").at;
        let waits = pending.next_at.millis() - last.millis();
        let least = u64::try_from(delay.as_millis()).unwrap();
        assert!((least..=least * 11 / 10 + 30_000).contains(&waits), "{delay:?}: {waits} ms");
        assert_eq!(pending.status, DeliveryStatus::Pending);
        let early = Timestamp::from_millis(pending.next_at.millis() - 2_000);
        work(&app, attempt(id), early).await;
        assert_eq!(delivery(&app).await.attempts.len(), pending.attempts.len(), "too early");
        work(&app, attempt(id), pending.next_at).await;
    }
    let ended = delivery(&app).await;
    assert_eq!((ended.status, ended.attempts.len()), (DeliveryStatus::Undelivered, 10));
    assert!(ended.attempts.iter().all(|attempt| attempt.status == Some(503)));
    work(&app, attempt(id), ended.next_at.plus(Duration::from_secs(30 * 24 * 3600))).await;

    let received = receiver.received();
    assert_eq!(received.len(), 10);
    let same = |one: &crate::receiver::Received| (one.header("webhook-id").to_owned(), one.body.clone());
    assert!(received.iter().all(|one| same(one) == same(&received[0])));
    let times: Vec<_> = received.iter().map(|one| one.header("webhook-timestamp").to_owned()).collect();
    assert!(times.is_sorted() && times.first() != times.last(), "{times:?}");
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_by_a_delayed_message() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([status(500), status(200)]).await;
    let id = first_attempt(&app, &receiver, lambda_startup::now()).await;
    assert_eq!(app.receive("DeliveryQueue").await, None, "it is delayed");
    app.pass_time(Duration::from_secs(6));
    let message = app.receive("DeliveryQueue").await.expect("a message").body;
    assert_eq!(message["delivery"], id.to_string());
    work(&app, serde_json::from_value(message).unwrap(), delivery(&app).await.next_at).await;
    let delivered = delivery(&app).await;
    assert_eq!((delivered.status, delivered.attempts.len()), (DeliveryStatus::Delivered, 2));
    assert_eq!(app.receive("DeliveryQueue").await, None);
}

#[tokio::test]
async fn a_410_disables_an_endpoint() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([status(410)]).await;
    let (id, _) = endpoint(&app, &receiver.url, &EventKind::FOR_WEBHOOKS).await;
    let now = lambda_startup::now();
    for _ in 0..2 {
        let file = app.upload("clip.mp4").await;
        work(&app, event(&file, EventKind::Succeeded), now).await;
    }
    assert_eq!(receiver.received().len(), 1, "the second event is not sent");
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Undelivered);
    let found = app.operator().records().find_endpoint(owner(), id).await.unwrap().expect("the endpoint");
    assert!(!found.enabled);
}

#[tokio::test]
async fn an_overloaded_endpoint_is_paused_for_its_retry_after() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([with_headers(429, "Retry-After: 100\r\n")]).await;
    let (id, _) = endpoint(&app, &receiver.url, &EventKind::FOR_WEBHOOKS).await;
    let now = lambda_startup::now();
    let (first, second) = (app.upload("a.mp4").await, app.upload("b.mp4").await);
    work(&app, event(&first, EventKind::Succeeded), now).await;
    work(&app, event(&second, EventKind::Succeeded), now.plus(Duration::from_secs(50))).await;
    assert_eq!(receiver.received().len(), 1);
    let all = deliveries(&app).await;
    let (_, later) = all.iter().find(|(id, _)| id.file == second.id).expect("the second");
    assert!(later.next_at >= now.plus(Duration::from_secs(100)) && later.tries == 0, "{later:?}");
    let (_, earlier) = all.iter().find(|(id, _)| id.file == first.id).expect("the first");
    assert!(earlier.next_at >= now.plus(Duration::from_secs(100)) && earlier.tries == 1, "{earlier:?}");
    work(&app, attempt(delivery_of(&second, id)), later.next_at).await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let app = TestApp::new().await;
    let target = Receiver::start([]).await;
    for location in [target.url.as_str(), "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/"] {
        let redirect = with_headers(307, &format!("Location: {location}\r\n"));
        let receiver = Receiver::start([redirect]).await;
        let id = first_attempt(&app, &receiver, lambda_startup::now()).await;
        let all = deliveries(&app).await;
        let (_, delivery) = all.iter().find(|(one, _)| *one == id).expect("the delivery");
        assert_eq!((delivery.attempts[0].status, delivery.status), (Some(307), DeliveryStatus::Pending));
    }
    assert!(target.received().is_empty());
}

#[tokio::test]
async fn a_private_address_is_rejected() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    work_with(&app, "", event(&file, EventKind::Succeeded), lambda_startup::now()).await;
    assert!(receiver.received().is_empty());
    let attempt = delivery(&app).await.attempts.remove(0);
    assert_eq!(attempt.error.as_deref(), Some("the receiver is not at a public address"));
}

#[tokio::test]
async fn only_the_status_of_a_response_matters() {
    let app = TestApp::new().await;
    const GIBIBYTE: u64 = 1 << 30;
    let head = |length: u64| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let cut = [head(100), b"half".to_vec()].concat();
    for reply in [
        Reply::Endless(head(GIBIBYTE), GIBIBYTE),
        Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), GIBIBYTE),
        Reply::Bytes(cut),
    ] {
        let receiver = Receiver::replying([reply], Reply::Silence).await;
        let id = first_attempt(&app, &receiver, lambda_startup::now()).await;
        let all = deliveries(&app).await;
        let (_, delivery) = all.iter().find(|(one, _)| *one == id).expect("the delivery");
        assert_eq!(delivery.status, DeliveryStatus::Delivered, "{delivery:?}");
        // The rest of the response stays in the buffers of the two sockets.
        assert!(receiver.taken() < 32 << 20, "{} bytes were taken", receiver.taken());
    }
}

#[tokio::test]
async fn the_url_of_a_file_that_is_overloaded_is_left_alone_for_as_long_as_it_asks() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([with_headers(429, "Retry-After: 100\r\n"), status(200)]).await;
    let now = lambda_startup::now();
    let id = first_attempt(&app, &receiver, now).await;
    let pending = delivery(&app).await;
    assert!(pending.next_at >= now.plus(Duration::from_secs(100)), "{pending:?}");
    work(&app, attempt(id), now.plus(Duration::from_secs(90))).await;
    assert_eq!(receiver.received().len(), 1);
    work(&app, attempt(id), pending.next_at).await;
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_response_that_ends_before_its_status_is_a_failure() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([b"HTTP/1.1 20".to_vec()]).await;
    let id = first_attempt(&app, &receiver, lambda_startup::now()).await;
    let pending = delivery(&app).await;
    assert_eq!((pending.status, pending.attempts[0].status), (DeliveryStatus::Pending, None));
    assert_eq!(pending.attempts[0].error.as_deref(), Some("the connection to the receiver broke off"));
    work(&app, attempt(id), pending.next_at).await;
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_crashed_worker_is_replaced_after_its_lease_and_fenced() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([status(500)]).await;
    let id = first_attempt(&app, &receiver, lambda_startup::now()).await;
    let due = delivery(&app).await.next_at;
    let claimed = app.operator().records().claim_delivery(owner(), id, due).await.unwrap();
    let dead = claimed.expect("a claimed delivery");
    work(&app, attempt(id), due).await;
    assert_eq!(receiver.received().len(), 1, "another worker has the lease");
    let later = due.plus(limits::DELIVERY_LEASE);
    work(&app, attempt(id), later).await;
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Delivered);
    // The crashed worker resumes, and is fenced.
    let records = app.operator().records();
    let saved = records.save_delivery(owner(), id, &dead.postponed(later), later).await;
    assert!(saved.is_err());
    assert_eq!(delivery(&app).await.status, DeliveryStatus::Delivered);
}
