//! Injected faults of SQS, and an advanced clock.

use std::time::{Duration, Instant};

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use files_local::faults::Rules;
use files_local::sqs::Depth;

use crate::cloud::{Cloud, DEAD, QUEUE};

/// Sends once, without retries. The error is its code, empty without a response.
async fn send(cloud: &Cloud) -> Result<(), String> {
    let client = cloud.client("create-item", None);
    let once = aws_sdk_sqs::config::Builder::new().retry_config(RetryConfig::disabled());
    let send = client.send_message().queue_url(cloud.queue_url(QUEUE)).message_body("x");
    let sent = send.customize().config_override(once).send().await;
    sent.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_call_fails_before_or_after_it_is_carried_out() {
    for (action, code, visible) in [
        (r#"{"error": "throttling"}"#, "RequestThrottled", 0),
        (r#"{"error": "internal"}"#, "InternalFailure", 0),
        (r#""cut""#, "", 0),
        (r#""lose_response""#, "", 1),
        (r#""cut_response""#, "", 1),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let cloud = Cloud::start(folder.path()).await;
        let rule = format!(r#"{{"caller": "create-item", "nth": 2, "action": {action}}}"#);
        cloud.faults.add(Rules::parse(rule.as_bytes()).expect("a rule"));
        assert_eq!(send(&cloud).await, Ok(()), "the first one");
        assert_eq!(send(&cloud).await, Err(code.to_owned()), "{action}");
        assert_eq!(cloud.depth(QUEUE).visible, 1 + visible, "{action}");
    }
}

#[tokio::test]
async fn the_sdk_retries_a_throttled_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = Cloud::start(folder.path()).await;
    let rule = r#"{"caller": "create-item", "times": 2, "action": {"error": "throttling"}}"#;
    cloud.faults.add(Rules::parse(rule.as_bytes()).expect("a rule"));
    cloud.send("x").await;
    assert_eq!(
        (cloud.depth(QUEUE).visible, cloud.faults.to_json()["rules"][0]["hits"].clone()),
        (1, 2.into())
    );
}

#[tokio::test]
async fn the_clock_advances_visibility_and_retention() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("x").await;
    for _ in 0..2 {
        cloud.receive(QUEUE, 0).await.expect("it is there");
        assert_eq!(cloud.depth(QUEUE), Depth { in_flight: 1, ..Depth::default() });
        cloud.sqs.clock().advance(31).expect("advances");
        assert_eq!(cloud.depth(QUEUE).visible, 1, "visible again");
    }
    assert!(cloud.receive(QUEUE, 0).await.is_none(), "received too often");
    assert_eq!(cloud.depth(DEAD).visible, 1);
    cloud.sqs.clock().advance(1_209_600).expect("advances");
    assert_eq!(cloud.depth(DEAD).visible, 0, "two weeks old");
}

#[tokio::test]
async fn an_advance_wakes_a_waiting_receiver() {
    let folder = tempfile::tempdir().expect("a folder");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("x").await;
    cloud.receive(QUEUE, 0).await.expect("it is there");
    let begun = Instant::now();
    let mut waiting = std::pin::pin!(cloud.sqs.receive(QUEUE, 1, Duration::from_secs(20)));
    tokio::select! {
        biased;
        received = &mut waiting => panic!("nothing is visible yet: {:?}", received.map(|found| found.len())),
        () = tokio::task::yield_now() => {}
    }
    cloud.sqs.clock().advance(31).expect("advances");
    let received = waiting.await.expect("receives");
    assert_eq!(received.len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
