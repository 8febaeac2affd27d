//! Fair queues: MessageGroupId on a standard queue.

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageSystemAttributeName, SendMessageBatchRequestEntry};
use files_local::sqs::Depth;

use crate::cloud::{Cloud, DEAD, QUEUE, attribute, handle};

async fn send(cloud: &Cloud, group: Option<&str>, body: &str) {
    let send = cloud.client("create-item", None).send_message().queue_url(cloud.queue_url(QUEUE));
    send.message_body(body).set_message_group_id(group.map(str::to_owned)).send().await.expect("send");
}

/// Receives up to `max` messages at once. Returns their bodies and handles.
async fn receive(cloud: &Cloud, max: i32) -> Vec<(String, String)> {
    let receive = cloud.client("import-item", None).receive_message().queue_url(cloud.queue_url(QUEUE));
    let received = receive.max_number_of_messages(max).send().await.expect("receive").messages;
    let pair = |message: aws_sdk_sqs::types::Message| {
        (message.body.unwrap_or_default(), message.receipt_handle.unwrap_or_default())
    };
    received.unwrap_or_default().into_iter().map(pair).collect()
}

fn bodies(received: &[(String, String)]) -> Vec<&str> {
    received.iter().map(|(body, _)| body.as_str()).collect()
}

/// localstack, `test_fair_queue_with_message_group_id` (recorded on AWS): accepted, and passed to the receiver.
#[tokio::test]
async fn a_standard_queue_accepts_message_groups() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let punctuation = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;
    let longest = "x".repeat(128);
    for group in ["owner-1", punctuation, &longest] {
        send(&cloud, Some(group), "body").await;
        let message = cloud.receive(QUEUE, 1).await.expect("a message");
        assert_eq!(attribute(&message, MessageSystemAttributeName::MessageGroupId), group);
        cloud.delete(handle(&message)).await.expect("delete");
    }
    let entry =
        SendMessageBatchRequestEntry::builder().id("1").message_body("x").message_group_id("of-a-batch");
    let batch = cloud.client("sweep", None).send_message_batch().queue_url(cloud.queue_url(QUEUE));
    let sent = batch.entries(entry.build().expect("complete")).send().await.expect("a batch");
    assert_eq!(sent.successful().len(), 1);
    // The message keeps its group in the dead-letter queue.
    for _ in 0..2 {
        cloud.receive(QUEUE, 0).await.expect("received too often");
        cloud.sqs.clock().advance(31).expect("advances");
    }
    assert!(cloud.receive(QUEUE, 0).await.is_none());
    let dead = cloud.receive(DEAD, 0).await.expect("a dead letter");
    assert_eq!(attribute(&dead, MessageSystemAttributeName::MessageGroupId), "of-a-batch");
}

#[tokio::test]
async fn group_names_are_checked_and_messages_are_not_deduplicated() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let client = cloud.client("root", None);
    let send = || client.send_message().queue_url(cloud.queue_url(QUEUE)).message_body("x");
    let (blank, long) = ("a b".to_owned(), "x".repeat(129));
    for group in [String::new(), blank, long, "\u{e9}".to_owned()] {
        let error = send().message_group_id(&group).send().await.expect_err("refused").into_service_error();
        assert_eq!(error.code(), Some("InvalidParameterValue"), "{group:?}");
    }
    let error = send().message_group_id("a").message_deduplication_id("b").send().await.expect_err("refused");
    assert_eq!(error.into_service_error().code(), Some("InvalidParameterValue"));
    assert_eq!(cloud.depth(QUEUE), Depth::default());
}

#[tokio::test]
async fn a_receive_prefers_groups_with_fewer_messages_in_flight() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    for n in 0..20 {
        send(&cloud, Some("noisy"), &format!("noisy-{n}")).await;
    }
    let first = receive(&cloud, 3).await;
    assert_eq!(bodies(&first), ["noisy-0", "noisy-1", "noisy-2"], "alone, a group gets everything, in order");
    for (group, body) in [("b", "b-0"), ("c", "c-0"), ("b", "b-1")] {
        send(&cloud, Some(group), body).await;
    }
    send(&cloud, None, "alone").await;
    let second = receive(&cloud, 10).await;
    assert_eq!(
        bodies(&second),
        ["b-0", "c-0", "alone", "b-1", "noisy-3", "noisy-4", "noisy-5", "noisy-6", "noisy-7", "noisy-8"],
        "17 waited before them"
    );
    // b has two messages in flight, c one, noisy nine.
    for (group, body) in [("b", "b-2"), ("c", "c-1")] {
        send(&cloud, Some(group), body).await;
    }
    assert_eq!(bodies(&receive(&cloud, 1).await), ["c-1"]);
    assert_eq!(bodies(&receive(&cloud, 1).await), ["b-2"]);

    // Deleted and visible messages are not in flight.
    for (_, handle) in first.iter().chain(&second) {
        cloud.delete(handle).await.expect("delete");
    }
    send(&cloud, Some("c"), "c-2").await;
    assert_eq!(bodies(&receive(&cloud, 1).await), ["noisy-9"], "the group has no message in flight now");
    cloud.sqs.clock().advance(31).expect("advances");
    assert_eq!(cloud.depth(QUEUE).in_flight, 0);
    let order = receive(&cloud, 10).await;
    assert_eq!(
        bodies(&order)[..3],
        ["noisy-10", "c-2", "b-2"],
        "one of each group, the oldest visible first"
    );
}

/// A group's delayed messages, and its messages in another queue, are not in flight.
#[tokio::test]
async fn only_received_messages_of_the_queue_are_in_flight() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let client = cloud.client("root", None);
    let dead = client.send_message().queue_url(cloud.queue_url(DEAD)).message_body("x").message_group_id("a");
    dead.send().await.expect("send");
    cloud.receive(DEAD, 0).await.expect("in flight in another queue");
    let later = client.send_message().queue_url(cloud.queue_url(QUEUE)).message_body("later");
    later.message_group_id("a").delay_seconds(60).send().await.expect("send");
    for (group, body) in [("a", "a-0"), ("b", "b-0")] {
        send(&cloud, Some(group), body).await;
    }
    assert_eq!(bodies(&receive(&cloud, 2).await), ["a-0", "b-0"]);
}
