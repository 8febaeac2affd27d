//! The day on which a key was last used, by a handler in this process, on real services.

use std::time::{Duration, Instant};

use files_domain::{ApiKey, OwnerId, Scope, Timestamp};
use files_local::faults::Rules;
use get_usage::GetUsage;
use serde_json::{Value, json};
use test_app::{Response, TestApp};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Returns a process of `get-usage`.
fn process(app: &TestApp) -> GetUsage {
    GetUsage { records: app.function("get-usage").client_records() }
}

async fn ask(app: &TestApp, process: &GetUsage, key: &ApiKey, now: Timestamp) -> Response {
    app.function("get-usage").send_at(now, process, app.get("/v1/usage").key(key)).await
}

async fn last_used(app: &TestApp, key: &ApiKey) -> Option<String> {
    let id = (key.owner(), key.hash().id());
    app.operator().records().days_of_use(&[id]).await.expect("the days").remove(&id)
}

fn writes(app: &TestApp) -> u64 {
    app.calls("get-usage", "dynamodb", "UpdateItem")
}

#[tokio::test]
async fn a_process_stores_each_day_of_a_key_once() {
    let app = TestApp::new().await;
    let (key, unused) = (app.key("owner").await, app.key_with("owner", &Scope::ALL, None).await);
    let now = lambda_startup::now();
    assert_eq!(last_used(&app, &key).await, None);
    let first = process(&app);
    let at = |days: u32, seconds: u64| now.plus(DAY * days + Duration::from_secs(seconds));
    ask(&app, &first, &key, now).await.expect(200);
    ask(&app, &first, &key, now).await.expect(200);
    assert_eq!((last_used(&app, &key).await, writes(&app)), (Some(now.day()), 1));
    ask(&app, &first, &key, at(1, 0)).await.expect(200);
    ask(&app, &first, &key, at(1, 0)).await.expect(200);
    assert_eq!((last_used(&app, &key).await, writes(&app)), (Some(at(1, 0).day()), 2));

    // Another process whose clock is late changes nothing.
    let second = process(&app);
    for seconds in [0, 31, 62] {
        ask(&app, &second, &key, at(0, seconds)).await.expect(200);
    }
    assert_eq!(last_used(&app, &key).await, Some(at(1, 0).day()));
    assert!((3..=4).contains(&writes(&app)), "one a day: {}", writes(&app));
    assert_eq!(last_used(&app, &unused).await, None);
}

#[tokio::test]
async fn a_refused_key_leaves_nothing() {
    let app = TestApp::new().await;
    let now = lambda_startup::now();
    let process = process(&app);
    let revoked = app.key_with("owner", &Scope::ALL, None).await;
    app.revoke(&revoked).await;
    let lacking = app.key_with("owner", &[Scope::Write], None).await;
    let forged = ApiKey::generate(OwnerId::named("owner")).expect("randomness");
    for (key, status) in [(revoked, 401), (lacking, 403), (forged, 401)] {
        ask(&app, &process, &key, now).await.expect(status);
        assert_eq!((last_used(&app, &key).await, writes(&app)), (None, 0));
    }
}

/// Has the writes of `get-usage` fail.
fn fail_writes(app: &TestApp, action: &Value) {
    let rules =
        json!([{"caller": "get-usage", "service": "dynamodb", "operation": "UpdateItem", "action": action}]);
    app.services().faults.add(Rules::parse(rules.to_string().as_bytes()).expect("rules"));
}

#[tokio::test]
async fn a_failed_write_fails_no_request_and_is_tried_again_later() {
    for action in [
        json!({"error": "internal"}),
        json!({"error": "throttling"}),
        json!("cut"),
        json!({"delay_ms": 60_000}),
    ] {
        let app = TestApp::new().await;
        let (key, now) = (app.key("owner").await, lambda_startup::now());
        fail_writes(&app, &action);
        let (process, started) = (process(&app), Instant::now());
        ask(&app, &process, &key, now).await.expect(200);
        assert!(started.elapsed() < Duration::from_secs(30), "{action}: the request waits for the write");
        let tries = writes(&app);
        ask(&app, &process, &key, now.plus(Duration::from_secs(60))).await.expect(200);
        assert_eq!((last_used(&app, &key).await, writes(&app)), (None, tries), "{action}: not at once");
        app.services().faults.clear();
        let later = now.plus(Duration::from_secs(301));
        ask(&app, &process, &key, later).await.expect(200);
        assert_eq!(last_used(&app, &key).await, Some(later.day()), "{action}");
    }
}
