//! Receiving: long polls, visibility, redelivery, dead letters.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::MessageSystemAttributeName;
use files_local::sqs::Depth;

use crate::cloud::{Cloud, DEAD, QUEUE, attribute, handle};
use crate::signed::calls;

#[tokio::test]
async fn a_message_comes_again_with_another_handle_and_the_old_one_deletes_nothing() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("again").await;
    let received = Instant::now();
    let first = cloud.receive_for(QUEUE, 1, Some(5)).await.expect("a message");
    assert!(cloud.receive(QUEUE, 0).await.is_none(), "hidden");
    let second = cloud.receive(QUEUE, 20).await.expect("the message again");

    let waited = received.elapsed();
    assert!(waited >= Duration::from_secs(5), "not before its visibility timeout: {waited:?}");
    assert!(waited < Duration::from_secs(30), "a long poll returns it when it becomes visible: {waited:?}");
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
    let (mut ids, mut last_handle) = (Vec::new(), None);
    for _ in 0..2 {
        let message = cloud.receive(QUEUE, 5).await.expect("a message");
        ids.push(message.message_id().unwrap_or_default().to_owned());
        cloud.change_visibility(handle(&message), 0).await.expect("visible again");
        last_handle = message.receipt_handle;
    }
    assert_eq!(cloud.depth(DEAD), Depth::default(), "moved at the receive after the last allowed one");
    let handle_before = last_handle.expect("received");

    // The receiver of the dead-letter queue waits before it has any messages.
    let (dead, none) = tokio::join!(cloud.receive(DEAD, 10), cloud.receive(QUEUE, 0));
    assert!(none.is_none());
    let dead = dead.expect("a dead letter");
    assert_eq!(dead.body(), Some("poison"));
    assert_eq!(dead.message_id(), Some(ids[1].as_str()));
    let source = attribute(&dead, MessageSystemAttributeName::DeadLetterQueueSourceArn);
    assert_eq!(source, format!("arn:aws:sqs:us-east-1:000000000000:{QUEUE}"));
    // localstack, `test_dead_letter_queue_message_attributes` (recorded on AWS): the count continues.
    assert_eq!(attribute(&dead, MessageSystemAttributeName::ApproximateReceiveCount), "3");
    assert_eq!(cloud.depth(QUEUE), Depth::default());
    let gone = cloud.change_visibility(&handle_before, 0).await;
    assert_eq!(gone, Err("InvalidParameterValue".to_owned()), "it has left the queue");
}

/// localstack, `test_change_message_visibility_after_visibility_timeout_expiration` and
/// `test_terminate_visibility_timeout_after_receive` (recorded on AWS).
#[tokio::test]
async fn a_handle_changes_visibility_after_its_timeout_and_after_a_newer_receive() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    cloud.send("one").await;
    let first = cloud.receive(QUEUE, 1).await.expect("a message");
    cloud.sqs.clock().advance(31).expect("advances");
    assert_eq!(cloud.depth(QUEUE).visible, 1, "its timeout has passed");
    cloud.change_visibility(handle(&first), 60).await.expect("hides it again");
    assert_eq!(cloud.depth(QUEUE), Depth { in_flight: 1, ..Depth::default() });
    assert!(cloud.receive(QUEUE, 0).await.is_none());

    cloud.sqs.clock().advance(61).expect("advances");
    let second = cloud.receive(QUEUE, 1).await.expect("the message again");
    cloud.change_visibility(handle(&first), 0).await.expect("ends the newer timeout");
    assert_eq!(cloud.depth(QUEUE), Depth { visible: 1, ..Depth::default() });
    cloud.delete(handle(&first)).await.expect("succeeds, as in AWS");
    assert_eq!(cloud.depth(QUEUE).visible, 1, "an old handle deletes nothing");
    cloud.delete(handle(&second)).await.expect("delete");
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
        // Sent once the receiver's call has arrived.
        while calls(&cloud.access, "import-item", "sqs", "ReceiveMessage") < 2 {
            assert!(started.elapsed() < Duration::from_secs(10), "the receiver's call has not arrived");
            tokio::task::yield_now().await;
        }
        cloud.send("here").await;
    };
    let (message, ()) = tokio::join!(cloud.receive(QUEUE, 20), send);
    assert_eq!(message.expect("a message").body(), Some("here"));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn visibility_can_be_changed_within_twelve_hours_until_the_message_is_deleted() {
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
    cloud.change_visibility(handle, 600).await.expect("a visible message is hidden again");
    assert_eq!(cloud.depth(QUEUE), Depth { in_flight: 1, ..Depth::default() });
    cloud.change_visibility(handle, 0).await.expect("visible");
    cloud.delete(handle).await.expect("the last handle deletes a visible message too");
    assert_eq!(cloud.change_visibility(handle, 1).await, Err("InvalidParameterValue".to_owned()));
}
