//! Benchmark of fairness between owners, through the real binaries: the time of an import while another owner queues many, and a
//! run of sweep with many overdue entries of many owners. Fails if a budget is exceeded.
//!
//! `make bench-fairness`, or with other sizes: `FLOOD=500 DUE=50000 make bench-fairness`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use files_domain::{FileId, OwnerId};
use files_tests::cloud::now;
use files_tests::setup::Setup;
use files_tests::{Cloud, Owner, Reply, SourceServer};
use futures_util::stream::{self, StreamExt};

/// Imports measured in each situation.
const ROUNDS: usize = 5;
/// Owners of the overdue entries.
const OWNERS: u64 = 40;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a whole number"))
}

/// Returns the times of some sequential imports.
async fn imports(owner: &Owner, url: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        owner.wait_until_success(&owner.import(url).await).await;
        times.push(started.elapsed());
    }
    times
}

fn line(what: &str, times: &[Duration]) -> (Duration, Duration) {
    let (mut sorted, longest) = (times.to_vec(), times.iter().max().copied().unwrap_or_default());
    sorted.sort();
    let median = sorted[sorted.len() / 2];
    println!("| {what:<40} | {:>10} | {:>10} |", median.as_millis(), longest.as_millis());
    (median, longest)
}

async fn bench_imports(flood: u64) {
    let cloud = Setup::default().parameter("ImportConcurrency", "4").parameter("OwnerImportWorkers", "2");
    let cloud = cloud.start().await;
    let (other, flooding) = (cloud.owner().await, cloud.owner().await);
    let source = SourceServer::start().await;
    let quick = source.serve("/quick", Reply::bytes(vec![7; 100_000]));
    let (held, release) = Reply::bytes(vec![7; 100_000]).held();
    let held = source.serve("/held", held);
    imports(&other, &quick).await; // starts the processes

    println!("| imports of one owner                     | median, ms | longest, ms |");
    println!("| ---------------------------------------- | ---------: | ---------: |");
    let (idle, _) = line("idle", &imports(&other, &quick).await);
    let queue = async |url: &str, count: u64| {
        let queued = stream::iter(0..count).map(|_| flooding.import(url)).buffer_unordered(8);
        queued.for_each(|_| async {}).await;
    };
    queue(&quick, flood).await;
    let (_, quick_longest) =
        line(&format!("while another queued {flood} quick ones"), &imports(&other, &quick).await);
    queue(&held, 20).await;
    let (_, held_longest) = line("while another has 20 that do not end", &imports(&other, &quick).await);
    release.send();
    let budget = 2 * idle + Duration::from_secs(1);
    println!("budget of the longest: {} ms", budget.as_millis());
    assert!(quick_longest.max(held_longest) <= budget, "an import waited too long");
}

/// Writes overdue removal entries in batches of the largest size of DynamoDB.
async fn overdue(owner: &Owner, count: u64) {
    let entry = |n: u64| {
        let (id, due_at) = (FileId::new(now()), 1_000 + n);
        let text = |text: String| AttributeValue::S(text);
        let item = HashMap::from([
            ("pk".to_owned(), text(format!("owner#{}", OwnerId::named(&format!("owner {}", n % OWNERS))))),
            ("sk".to_owned(), text(format!("gone#{id}"))),
            ("due_shard".to_owned(), text(format!("due#{}", n % 4))),
            ("due_at".to_owned(), AttributeValue::N(due_at.to_string())),
        ]);
        WriteRequest::builder()
            .put_request(PutRequest::builder().set_item(Some(item)).build().expect("an item"))
            .build()
    };
    let entries: Vec<_> = (0..count).map(entry).collect();
    for batch in entries.chunks(25) {
        let write = owner.backend.dynamodb.batch_write_item();
        let written =
            write.request_items(&owner.backend.table, batch.to_vec()).send().await.expect("written");
        assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()), "all are written");
    }
}

async fn bench_sweep(due: u64) {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    overdue(&owner, due).await;
    cloud.reset_calls().await;
    let started = Instant::now();
    assert!(cloud.try_sweep().await, "sweep succeeds");
    let seconds = started.elapsed().as_secs_f64();
    let done = cloud.calls("sweep").await["dynamodb"]["DeleteItem"].as_u64().unwrap_or(0);
    println!(
        "sweep handled {done} of {due} overdue deletions in {seconds:.1} s ({:.0} per second)",
        done as f64 / seconds
    );
    assert!(done > 0, "nothing was handled");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    bench_imports(number("FLOOD", 200)).await;
    bench_sweep(number("DUE", 20_000)).await;
}
