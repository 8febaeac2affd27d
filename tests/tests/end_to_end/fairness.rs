//! Fairness: the effect of one owner's load on the waiting times of another.

use std::time::{Duration, Instant};

use files_tests::setup::Setup;
use files_tests::{Cloud, Form, Owner, Reply, Response, SourceServer, WebhookReceiver, media};
use serde_json::Value;

/// Longer than a fair share of the workers takes on a busy machine, and shorter than the flood holds them.
const FAIR: Duration = Duration::from_secs(15);

/// Imports a URL, and returns the duration.
async fn time_of_import(owner: &Owner, url: &str) -> Duration {
    let started = Instant::now();
    owner.wait_until_success(&owner.import(url).await).await;
    started.elapsed()
}

/// Starts a cloud with two workers for imports, of which an owner can use one.
async fn two_workers() -> Cloud {
    Setup::default().parameter("ImportConcurrency", "2").parameter("OwnerImportWorkers", "1").start().await
}

#[tokio::test]
async fn a_flood_of_imports_is_limited_to_its_share_of_the_workers() {
    let cloud = two_workers().await;
    let (flood, other) = (cloud.owner().await, cloud.owner().await);
    let source = SourceServer::start().await;
    let quick = source.serve("/quick", Reply::bytes(media::PNG.clone()));
    time_of_import(&other, &quick).await; // starts the processes

    // None of the imports ends before the release, so the other owner's import ends only if it gets a worker.
    let (held, release) = Reply::bytes(media::PNG.clone()).held();
    let held = source.serve("/held", held);
    let mut files = Vec::new();
    for _ in 0..6 {
        files.push(flood.import(&held).await);
    }
    flood.wait_for(&files[0], |file| file["status"] != "pending").await;
    for _ in 0..3 {
        let waited = time_of_import(&other, &quick).await;
        assert!(waited <= FAIR, "{waited:?}");
    }
    assert_eq!(source.requests("/held"), 1, "one import of the flood runs");

    release.send();
    for file in &files {
        flood.wait_until_success(file).await;
    }
    assert_eq!(flood.backend.usage().await, flood.backend.sum().await);
}

/// Uploads a file that names a receiver.
async fn upload(owner: &Owner, receiver: &WebhookReceiver) -> Value {
    let form = Form::new().text("webhook", &receiver.url).file("a.png", Some("image/png"), &media::PNG);
    Response::to(owner.form(form)).await.expect(201).json()
}

/// Returns how long the event of a new file was on its way.
async fn time_of_webhook(owner: &Owner, receiver: &WebhookReceiver) -> Duration {
    let before = receiver.count();
    upload(owner, receiver).await;
    receiver.wait_for(before + 1).await[before].delay()
}

#[tokio::test]
async fn a_flood_of_webhooks_that_fail_leaves_anothers_on_time() {
    let cloud = Setup::default().parameter("DeliveryConcurrency", "2").start().await;
    let (flood, flood_of_errors, other) = (cloud.owner().await, cloud.owner().await, cloud.owner().await);
    let (silent, failing) = (WebhookReceiver::silent().await, WebhookReceiver::always(500).await);
    let receiver = WebhookReceiver::start(&[]).await;
    time_of_webhook(&other, &receiver).await; // starts the processes

    // None of these attempts ends within 20 s, and there are more than workers.
    for _ in 0..8 {
        upload(&flood, &silent).await;
    }
    silent.wait_for(1).await;
    for _ in 0..4 {
        let waited = time_of_webhook(&other, &receiver).await;
        assert!(waited <= FAIR, "{waited:?} beside a silent receiver");
    }
    assert!(silent.count() < 8, "{} attempts of one owner", silent.count());
    // These end at once, and come again after 5 s.
    for _ in 0..8 {
        for _ in 0..8 {
            upload(&flood_of_errors, &failing).await;
        }
        let waited = time_of_webhook(&other, &receiver).await;
        assert!(waited <= FAIR, "{waited:?} beside a failing receiver");
    }
    assert!(failing.count() >= 8, "{}", failing.count());
}
