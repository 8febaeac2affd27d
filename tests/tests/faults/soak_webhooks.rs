//! Many deliveries to a fast receiver: each arrives, and its record says so. `SOAK_DELIVERIES` sets their number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use files_tests::owner::id;
use files_tests::{Cloud, Owner, Response, WebhookReceiver, media, until};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::soak::setting;

const OWNERS: usize = 4;
/// Endpoints of each owner, the most that are allowed. Each gets every event.
const ENDPOINTS: usize = 10;
/// Uploads at the same time.
const UPLOADS: usize = 4;
/// Without another arrival for as long, the rest never comes.
const STILL: Duration = Duration::from_secs(60);

async fn endpoints(owner: &Owner, receiver: &WebhookReceiver) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..ENDPOINTS {
        let request = owner.request(http::Method::POST, "/webhook-endpoints");
        let body = json!({"url": receiver.url}).to_string();
        let made = Response::to(request.header("content-type", "application/json").body(body)).await;
        ids.push(id(&made.expect(201).json()).to_owned());
    }
    ids
}

/// Waits until the receiver has had each delivery, as long as there is progress.
async fn all_received(receiver: &WebhookReceiver, expected: usize) -> BTreeMap<String, usize> {
    let (mut count, mut changed) = (0, Instant::now());
    loop {
        let counts = receiver.counts();
        if counts.len() >= expected {
            return counts;
        }
        if receiver.count() > count {
            (count, changed) = (receiver.count(), Instant::now());
        }
        assert!(changed.elapsed() < STILL, "{} of {expected} deliveries have arrived", counts.len());
        tokio::time::sleep(Duration::from_millis(200)).await; // the interval of a poll
    }
}

/// Returns all deliveries of an owner that are not pending, by their ids.
async fn finished(owner: &Owner) -> BTreeMap<String, Value> {
    let (mut deliveries, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = owner.get(&format!("/deliveries?limit=500{cursor}")).await.expect(200).json();
        for delivery in page["deliveries"].as_array().expect("deliveries") {
            if delivery["status"] != "pending" {
                deliveries.insert(id(delivery).to_owned(), delivery.clone());
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return deliveries,
        }
    }
}

#[tokio::test]
async fn every_delivery_to_a_fast_receiver_arrives() {
    let wanted = usize::try_from(setting("SOAK_DELIVERIES", 400)).expect("a number");
    let files = wanted.div_ceil(ENDPOINTS);
    let cloud = Cloud::setup().parameter("DeliveryConcurrency", "8").start().await;
    let (receiver, started) = (WebhookReceiver::start(&[]).await, Instant::now());
    let mut owners = Vec::new();
    for _ in 0..OWNERS {
        let owner = cloud.owner().await;
        let endpoints = endpoints(&owner, &receiver).await;
        owners.push((owner, endpoints));
    }
    let uploads = stream::iter(0..files).map(|number| {
        let (owner, endpoints) = &owners[number % OWNERS];
        async move {
            let file = owner.upload("a.png", &media::PNG).await;
            let delivery = |endpoint| (format!("{}_succeeded_{endpoint}", id(&file)), number % OWNERS);
            endpoints.iter().map(delivery).collect::<Vec<_>>()
        }
    });
    let expected: Vec<Vec<(String, usize)>> = uploads.buffer_unordered(UPLOADS).collect().await;
    let expected: BTreeMap<String, usize> = expected.into_iter().flatten().collect();
    let requests = all_received(&receiver, expected.len()).await;
    println!(
        "{} deliveries in {:.1} s, {} requests",
        expected.len(),
        started.elapsed().as_secs_f64(),
        receiver.count()
    );
    assert_eq!(requests.keys().collect::<BTreeSet<_>>(), expected.keys().collect());

    let mut kept = BTreeMap::new();
    for (number, (owner, _)) in owners.iter().enumerate() {
        let mine = expected.values().filter(|of| **of == number).count();
        kept.extend(
            until("the records of all deliveries", async || {
                let found = finished(owner).await;
                (found.len() >= mine).then_some(found)
            })
            .await,
        );
    }
    assert_eq!(kept.keys().collect::<BTreeSet<_>>(), expected.keys().collect(), "their records");
    for (delivery, record) in kept {
        let attempts = record["attempts"].as_array().expect("attempts");
        assert_eq!(
            (&record["status"], &attempts[attempts.len() - 1]["status"]),
            (&json!("delivered"), &json!(204))
        );
        assert!((1..=attempts.len()).contains(&requests[&delivery]), "{delivery}: {record}");
    }
}
