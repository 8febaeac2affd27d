//! Imports whose workers are killed at random moments, or lose their lease during work: all end with the right bytes, and
//! nothing else is left.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use files_tests::backend::text;
use files_tests::cloud::{children, kill};
use files_tests::owner::id;
use files_tests::{Cloud, Content, Owner, RangedSource, Reply, SourceServer, skip_on_deployment, until};
use serde_json::json;

use crate::invariants::{End, Known, violations};
use crate::recovery::{LONG_AGO, recover};

const IMPORTS: usize = 50;
const KILLS: usize = 48;
/// After this many kills all leases end, including those of living workers. Fewer than the attempts of `sweep`.
const KILLS_AT_ONCE: usize = 12;

/// The size of a part of an import of this size, in bytes.
const PART: u64 = 8 << 20;

/// Returns the seed, which `FILES_SEED` overrides.
fn seed() -> u64 {
    std::env::var("FILES_SEED").map_or(7, |seed| seed.parse().expect("FILES_SEED is a number"))
}

#[tokio::test]
async fn imports_survive_kills_at_random_moments() {
    skip_on_deployment!("kills processes");
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let cloud = Cloud::setup().template_with("rate(1 minute)", "rate(1 hour)").start().await;
    let owner = cloud.owner().await;
    let content = Content::new((20 << 20) + 7, 1);
    let (bytes, sha256) = (content.bytes(), content.sha256());
    let (ranged, plain) = (RangedSource::start(content).await, SourceServer::start().await);
    ranged.limit_speed(10_000_000);
    let stream = plain.serve("/plain.bin", Reply::bytes(bytes.clone()));
    let mut known = Vec::new();
    for index in 0..IMPORTS {
        let url = ranged.url(&format!("/{index}.bin"));
        let (what, body) = match index % 5 {
            0 => ("in order", json!({"file_url": url, "checksum_sha256": sha256})),
            1 => ("one stream", json!({"file_url": stream})),
            _ => ("in parts", json!({"file_url": url})),
        };
        let file = files_tests::Response::to(owner.json(&body)).await.expect(202).json();
        known.push(Known { id: id(&file).to_owned(), what: what.to_owned(), end: End::Bytes(bytes.clone()) });
    }
    let mut killed = BTreeSet::new();
    for turn in 1..=KILLS {
        tokio::time::sleep(Duration::from_millis(rng.u64(30..250))).await; // a random moment
        let workers: Vec<u32> = children(cloud.process())
            .into_iter()
            .filter(|(process, name)| name == "import-file" && !killed.contains(process))
            .map(|(process, _)| process)
            .collect();
        if let Some(worker) = rng.choice(workers) {
            killed.insert(worker);
            kill(worker);
        }
        if turn.is_multiple_of(KILLS_AT_ONCE) {
            end_leases(&owner).await;
            cloud.sweep().await;
        }
    }
    recover(&cloud, &[&owner]).await;
    let wrong = violations(&owner, &known).await;
    assert!(wrong.is_empty(), "FILES_SEED={seed}, {} killed: {wrong:#?}", killed.len());
    assert!(killed.len() > KILLS / 10, "only {} were killed", killed.len());
}

#[tokio::test]
async fn after_a_kill_only_unfinished_parts_are_fetched_again() {
    skip_on_deployment!("kills processes");
    let cloud = Cloud::setup().template_with("rate(1 minute)", "rate(1 hour)").start().await;
    let owner = cloud.owner().await;
    let content = Content::new(128 << 20, 2);
    let source = RangedSource::start(content.clone()).await;
    source.limit_speed(4_000_000);
    let file = owner.import(&source.url("/half.bin")).await;
    until("half of it has been sent", async || (source.sent() > content.size() / 2).then_some(())).await;
    let workers = children(cloud.process()).into_iter().filter(|(_, name)| name == "import-file");
    workers.for_each(|(process, _)| kill(process));
    until("no connection is open", async || (source.open() == 0).then_some(())).await;
    let sent = source.sent();
    let uploads = owner.backend.unfinished_uploads().await;
    let [(_, parts)] = uploads[..] else { panic!("{uploads:?}") };
    let stored = parts as u64 * PART;
    let lost = sent.saturating_sub(stored);
    assert!(lost <= source.most_open() as u64 * PART, "{lost} bytes of {} parts", source.most_open());
    end_leases(&owner).await;
    cloud.sweep().await;
    let file = owner.wait_until_success(&file).await;
    let fetched = source.sent() - sent;
    assert!(fetched <= content.size() - stored, "{fetched} bytes, and {stored} were stored");
    assert!(owner.download(&file).await == content.bytes(), "other bytes");
}

/// Ends every lease, including those of living workers.
async fn end_leases(owner: &Owner) {
    for item in owner.backend.items().await {
        let sk = text(&item, "sk").unwrap_or_default();
        if sk.starts_with("file#") && item.contains_key("lease_until") {
            let over = [("lease_until", LONG_AGO), ("due_at", LONG_AGO)];
            owner.backend.change_numbers(sk, &over).await;
        }
    }
}
