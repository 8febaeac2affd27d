//! Receiving: long polls, visibility, redelivery, dead letters.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::MessageSystemAttributeName;
use files_local::sqs::Depth;

use crate::cloud::{Cloud, DEAD, QUEUE, attribute, handle};
use crate::signed::calls;

#[tokio::test]
async fn an_undeleted_message_comes_again_with_another_handle_and_the_old_one_deletes_nothing() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("again").await;
    let received = Instant::now();
    let first = cloud.receive_for(QUEUE, 1, Some(2)).await.expect("a message");
    assert!(cloud.receive(QUEUE, 0).await.is_none(), "hidden");
    let second = cloud.receive(QUEUE, 20).await.expect("the message again");

    let waited = received.elapsed();
    assert!(waited >= Duration::from_secs(2), "not before its visibility timeout: {waited:?}");
    assert!(waited < Duration::from_secs(10), "a long poll sees it when it becomes visible: {waited:?}");
    assert_eq!(first.message_id(), second.message_id());
    assert_ne!(first.receipt_handle(), second.receipt_handle());
    assert_eq!(attribute(&second, MessageSystemAttributeName::ApproximateReceiveCount), "2");
    let first_received = MessageSystemAttributeName::ApproximateFirstReceiveTimestamp;
    assert_eq!(attribute(&first, first_received.clone()), attribute(&second, first_received));

    cloud.delete(handle(&first)).await.expect("succeeds, as in AWS");
    assert_eq!(cloud.depth(QUEUE).in_flight, 1);
    cloud.delete(handle(&second)).await.expect("delete");
    cloud.delete(handle(&second)).await.expect("deleting twice is no error");
    assert_eq!(cloud.depth(QUEUE), Depth::default());
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("poison").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let message = cloud.receive(QUEUE, 5).await.expect("a message");
        ids.push(message.message_id().unwrap_or_default().to_owned());
        cloud.change_visibility(handle(&message), 0).await.expect("visible again");
    }
    assert_eq!(cloud.depth(DEAD), Depth::default(), "moved at the receive after the last allowed one");

    // The receiver of the dead letters waits before there are any.
    let (dead, none) = tokio::join!(cloud.receive(DEAD, 10), cloud.receive(QUEUE, 0));
    assert!(none.is_none());
    let dead = dead.expect("a dead letter");
    assert_eq!(dead.body(), Some("poison"));
    assert_eq!(dead.message_id(), Some(ids[1].as_str()));
    let source = attribute(&dead, MessageSystemAttributeName::DeadLetterQueueSourceArn);
    assert_eq!(source, format!("arn:aws:sqs:us-east-1:000000000000:{QUEUE}"));
    assert_eq!(cloud.depth(QUEUE), Depth::default());
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_arrives_or_its_time_is_over() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let started = Instant::now();
    assert!(cloud.receive(QUEUE, 1).await.is_none());
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());

    let started = Instant::now();
    let send = async {
        // Sent once the receiver has certainly been heard.
        while calls(&cloud.access, "import-file", "sqs", "ReceiveMessage") < 2 {
            assert!(started.elapsed() < Duration::from_secs(10), "the receiver is not heard");
            tokio::task::yield_now().await;
        }
        cloud.send("here").await;
    };
    let (message, ()) = tokio::join!(cloud.receive(QUEUE, 20), send);
    assert_eq!(message.expect("a message").body(), Some("here"));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn visibility_can_be_changed_only_while_in_flight_and_within_twelve_hours() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("one").await;
    let message = cloud.receive_for(QUEUE, 1, Some(3)).await.expect("a message");
    let handle = handle(&message);
    assert_eq!(cloud.change_visibility(handle, 43_201).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(cloud.change_visibility("bm90LW1pbmU=", 1).await, Err("ReceiptHandleIsInvalid".to_owned()));
    cloud.change_visibility(handle, 600).await.expect("hidden for longer");
    assert!(cloud.receive(QUEUE, 4).await.is_none(), "the three seconds are over");
    cloud.change_visibility(handle, 0).await.expect("visible");
    let not_in_flight = "AWS.SimpleQueueService.MessageNotInflight".to_owned();
    assert_eq!(cloud.change_visibility(handle, 1).await, Err(not_in_flight));
    cloud.delete(handle).await.expect("the last handle deletes a visible message too");
    assert_eq!(cloud.change_visibility(handle, 1).await, Err("InvalidParameterValue".to_owned()));
}
