//! A process is frozen between two events.

use serde_json::json;

use crate::faults::{add, bucket};
use crate::setup::{Running, is_alive, until, worker};

/// Returns the states of all threads of a process: `T` is stopped.
fn states(pid: u64) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let state = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        Some(text.rsplit(") ").next()?.chars().next()?.to_string())
    };
    threads.filter_map(state).collect()
}

async fn frozen(pid: u64) {
    until("it is frozen", || states(pid).iter().all(|state| state == "T")).await;
}

#[tokio::test]
async fn nothing_runs_between_two_events() {
    let running = worker("Timeout: 60");
    let pid = running.succeed(json!({"do": "work-on"})).await["pid"].as_u64().unwrap();
    frozen(pid).await;
    assert!(states(pid).len() > 1, "its background thread still works");
    for _ in 0..20 {
        let again = running.succeed(json!({"do": "work-on"})).await;
        assert_eq!(again["pid"], pid, "resumed");
    }
    frozen(pid).await;
}

#[tokio::test]
async fn a_frozen_process_can_be_stopped_and_killed() {
    let running = worker("Timeout: 60");
    let pid = running.succeed(json!({})).await["pid"].as_u64().unwrap();
    frozen(pid).await;
    running.lambda.stop().await;
    assert!(!is_alive(pid));
}

/// Returns whether the connection that the function has kept is still open.
async fn is_open(running: &Running) -> bool {
    running.succeed(json!({"do": "look"})).await == true
}

#[tokio::test]
async fn a_fault_closes_connections_of_a_frozen_process() {
    let running = worker("Timeout: 60");
    let (_s3, address) = bucket(&running).await;
    add(&running, r#"{"operation": "Invoke", "nth": 3, "times": 20, "action": "close_frozen"}"#);
    running.succeed(json!({"do": "connect", "url": address})).await;
    assert!(is_open(&running).await);
    // The server may accept a connection, and only then know it, after the function has connected.
    for _ in 0..20 {
        if !is_open(&running).await {
            return;
        }
    }
    panic!("the connection is still open");
}
