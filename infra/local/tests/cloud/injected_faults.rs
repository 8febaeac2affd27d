//! The whole program with injected faults: options, the cloud's own API, events that come twice, late and out of order.

use serde_json::{Value, json};

use crate::process::{Cloud, Place};
use crate::setup::until;

/// Returns the keys of the objects in the function's events, in order.
fn notified(place: &Place) -> Vec<String> {
    let key = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["Records"][0]["s3"]["object"]["key"].as_str().unwrap().to_owned()
    };
    place.board.seen().lines().map(key).collect()
}

fn hits(cloud: &Cloud) -> Vec<u64> {
    let shown = cloud.get("/_local/faults").json();
    shown["rules"].as_array().unwrap().iter().map(|rule| rule["hits"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn events_are_delivered_twice_late_and_out_of_order() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    let rules = r#"[{"operation": "ObjectCreated", "nth": 1, "action": "duplicate"},
                    {"operation": "ObjectCreated", "nth": 2, "action": "out_of_order"},
                    {"operation": "ObjectCreated", "nth": 4, "action": {"delay_ms": 120000}}]"#;
    assert_eq!(cloud.send("POST", "/_local/faults", rules).status, 200);
    cloud.put("files/1").await;
    until("it came twice", || notified(&place) == ["files/1"; 2]).await;
    cloud.put("files/2").await;
    until("its turn is decided", || hits(&cloud) == [1, 1, 0]).await;
    cloud.put("files/3").await;
    until("both came", || notified(&place).len() == 4).await;
    assert_eq!(notified(&place)[2..], ["files/3", "files/2"]);
    cloud.put("files/4").await;
    until("its turn is decided", || hits(&cloud) == [1, 1, 1]).await;
    cloud.put("files/5").await;
    until("the one after it came", || notified(&place).len() == 5).await;
    let clock = cloud.send("POST", "/_local/clock", r#"{"advance_seconds": 120}"#);
    assert_eq!((clock.status, &clock.json()["ahead_seconds"]), (200, &json!(120)));
    until("it came", || notified(&place).len() == 6).await;
    assert_eq!(notified(&place)[4..], ["files/5", "files/4"]);
}

#[tokio::test]
async fn rules_are_added_listed_and_removed() {
    let place = Place::new(&["worker"]);
    let file = place.functions.path().join("rules.json");
    std::fs::write(
        &file,
        r#"{"seed": 9, "rules": [{"operation": "Invoke", "nth": 2, "action": {"error": "internal"}}]}"#,
    )
    .unwrap();
    let cloud = place.start_with(&["--faults", file.to_str().unwrap()]).await;
    assert_eq!(
        [cloud.get("/echo").status, cloud.get("/echo").status, cloud.get("/echo").status],
        [200, 500, 200]
    );
    let more = r#"{"caller": "worker", "operation": "Invoke", "action": {"error": "throttling"}}"#;
    let shown = cloud.send("POST", "/_local/faults", more).json();
    assert_eq!((&shown["seed"], &shown["rules"][0]["matched"]), (&json!(9), &json!(3)));
    assert_eq!(cloud.get("/echo").status, 503);
    assert_eq!(hits(&cloud), [1, 1]);
    let wrong = cloud.send("POST", "/_local/faults", r#"{"action": "explode"}"#);
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("rule 1: unknown variant `explode`"), "{}", wrong.text());
    assert_eq!(cloud.send("DELETE", "/_local/faults", "").status, 204);
    assert_eq!((hits(&cloud), cloud.get("/echo").status), (vec![], 200));
}

#[tokio::test]
async fn the_clocks_lead_survives_a_kill() {
    let place = Place::new(&["worker"]);
    let cloud = place.start().await;
    assert_eq!(cloud.get("/_local/clock").json()["ahead_seconds"], 0);
    for wrong in ["", "{}", r#"{"advance_seconds": -1}"#, r#"{"advance_seconds": 1000000000000}"#] {
        assert_eq!(cloud.send("POST", "/_local/clock", wrong).status, 400, "{wrong}");
    }
    cloud.send("POST", "/_local/clock", r#"{"advance_seconds": 3600}"#);
    cloud.signal("-KILL");
    cloud.output();
    std::fs::remove_file(place.data.path().join("ready.json")).unwrap();
    assert_eq!(place.start().await.get("/_local/clock").json()["ahead_seconds"], 3600);
}

#[tokio::test]
async fn a_seed_is_a_mix_and_an_invalid_rule_stops_the_start() {
    let place = Place::new(&["worker"]);
    let cloud = place.start_with(&["--faults", "7"]).await;
    let shown = cloud.get("/_local/faults").json();
    assert!(shown["seed"] == 7 && shown["rules"].as_array().unwrap().len() > 20, "{shown}");
    cloud.signal("-TERM");
    assert!(String::from_utf8(cloud.output().stdout).unwrap().contains("fault injection is on: 7"));

    let file = place.functions.path().join("rules.json");
    for (rules, told) in [
        (r#"[{"action": "cut"}, {"action": {"stale_ms": 1}, "service": "sqs"}]"#, "rule 2: "),
        ("seven", "this is not JSON"),
    ] {
        std::fs::write(&file, rules).unwrap();
        let output = place.command().arg("--faults").arg(&file).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(told) && error.contains("rules.json"), "{error}");
    }
}
