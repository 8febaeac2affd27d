//! Random operations of several owners under the mix of all faults, by a seed; then the invariants are checked.
//!
//! `SOAK_SEED` and `SOAK_OPERATIONS` set the seed and the number of operations; after `SOAK_SECONDS` no new ones start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use files_tests::backend::{status, text};
use files_tests::{Cloud, Owner, SourceServer};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::invariants::violations;
use crate::recovery::recover;
use crate::worker::Worker;

const OWNERS: u64 = 3;
/// Seconds by which the clock of retries and visibility advances per [`STEP`].
const AHEAD: u64 = 150;
/// Interval of these advances.
const STEP: Duration = Duration::from_secs(4);

/// Reads a whole number from the environment.
pub(crate) fn setting(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not {text}")))
}

#[tokio::test]
async fn random_work_under_all_faults_loses_nothing() {
    let (seed, operations) = (setting("SOAK_SEED", 7), setting("SOAK_OPERATIONS", 150));
    let stop = Instant::now() + Duration::from_secs(setting("SOAK_SECONDS", 60));
    println!("SOAK_SEED={seed} SOAK_OPERATIONS={operations}");
    let cloud = Cloud::start().await;
    let source = SourceServer::start().await;
    let mut owners = Vec::new();
    for _ in 0..OWNERS {
        owners.push(cloud.owner().await);
    }
    cloud.add_faults(&json!(seed)).await;
    let mut workers: Vec<_> = (0..OWNERS)
        .zip(&owners)
        .map(|(number, owner)| Worker::new(owner, &source, seed.wrapping_mul(OWNERS) + number))
        .collect();
    let work = workers.iter_mut().map(|worker| worker.run(operations / OWNERS, stop));
    tokio::select! {
        _ = join_all(work) => {}
        () = pass_time(&cloud) => {}
    }
    let counted = cloud.fault_counts().await;
    cloud.clear_faults().await;
    let done: u64 = workers.iter().map(|worker| worker.done).sum();
    let applied: u64 = counted.iter().map(|(_, hits)| hits).sum();
    println!("seed {seed}: {done} operations, {applied} faults: {}", counts(&counted));

    recover(&cloud, &owners.iter().collect::<Vec<&Owner>>()).await;
    println!("seed {seed}: {:?}", ends(&owners).await);
    let mut wrong = Vec::new();
    for worker in &workers {
        wrong.extend(worker.wrong.iter().cloned());
        wrong.extend(violations(worker.owner, &worker.known()).await);
        wrong.extend(worker.changed_statuses().await);
    }
    assert!(wrong.is_empty(), "SOAK_SEED={seed} SOAK_OPERATIONS={operations}: {wrong:#?}");
    assert!(done > 0 && applied > 0, "{done} operations, {applied} faults: nothing was tested");
}

/// Advances the clock during the faults, so that retries and late events happen, and runs `sweep`.
async fn pass_time(cloud: &Cloud) {
    loop {
        tokio::time::sleep(STEP).await;
        cloud.advance_clock(AHEAD).await;
    }
}

/// Returns how many files of each source ended in each status.
async fn ends(owners: &[Owner]) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for owner in owners {
        for item in owner.backend.items().await {
            if let (Some(source), Some(status)) = (text(&item, "source"), status(&item)) {
                *ends.entry(format!("{source} {status}")).or_default() += 1;
            }
        }
    }
    ends
}

fn counts(counted: &[(Value, u64)]) -> String {
    let applied = counted.iter().filter(|(_, hits)| *hits > 0);
    applied.map(|(action, hits)| format!("{hits} {action}")).collect::<Vec<_>>().join(", ")
}
