//! Many requests of one owner at the same time, at its limit, under injected faults.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use files_domain::Limit;
use futures_util::future::join_all;
use serde_json::json;
use test_app::{CONTENT, TestApp};

use crate::faults;
use crate::processes::Processes;

const MAX_FILES: u64 = 50;
const REQUESTS: usize = 200;

/// Requests that end with an error of a fault are sent again, so at the end each has happened or was refused.
#[tokio::test]
async fn at_a_limit_creations_and_deletions_are_never_over_and_never_stuck() {
    let app = TestApp::new().await;
    app.set_limits("owner", &[(Limit::Files, MAX_FILES)]).await;
    let (key, now) = (app.key("owner").await, lambda_startup::now());
    let processes = Processes::new(&app);
    let records = app.operator().records();
    let used = async || records.usage(key.owner()).await.expect("usage").files;
    faults::inject(&app, 7);

    let (is_over, most, refused) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let body = json!({"name": "a.mp4", "size": CONTENT.len(), "content_type": "video/mp4"});
    let create = async |number: usize| {
        let created = processes.create(key.reveal(), now, &format!("request {number}"), &body).await;
        if created.status == 403 {
            created.expect_error(403, "quota_exceeded");
            refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let id = created.expect(201).json()["id"].as_str().expect("an id").to_owned();
        if number.is_multiple_of(2) {
            let status = processes.delete(&key, now, &[&id]).await;
            assert!([204, 404].contains(&status[0]), "{status:?}");
            return None;
        }
        Some(id)
    };
    let watch = async {
        while !is_over.load(Ordering::Relaxed) {
            most.fetch_max(used().await, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    let work = async {
        let kept = join_all((0..REQUESTS).map(create)).await;
        is_over.store(true, Ordering::Relaxed);
        kept.into_iter().flatten().collect::<Vec<_>>()
    };
    let (kept, ()) = tokio::join!(work, watch);
    assert!(faults::clear(&app) > 0, "no fault was applied");

    let most = most.into_inner();
    assert!((1..=MAX_FILES).contains(&most), "{most} files at once");
    assert!(refused.into_inner() > 0, "the limit was reached");
    assert_eq!(used().await, kept.len() as u64, "usage is the number of the files");
    let mut listed = processes.list(&key, now).await;
    let mut expected = kept.clone();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);

    // The owner can fill its limit exactly, and make room again.
    for number in kept.len()..usize::try_from(MAX_FILES).expect("few") {
        let once = format!("later {number}");
        processes.create(key.reveal(), now, &once, &body).await.expect(201);
    }
    processes.create(key.reveal(), now, "over", &body).await.expect_error(403, "quota_exceeded");
    let all = processes.list(&key, now).await;
    let ids: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(processes.delete(&key, now, &ids).await, vec![204; 50]);
    assert_eq!(used().await, 0);
}
