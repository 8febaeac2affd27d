//! Sending messages, one by one and in batches.

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
    SendMessageBatchRequestEntry,
};
use files_local::sqs::Depth;

use crate::cloud::{Cloud, QUEUE, attribute, handle};
use crate::signed::calls;

#[tokio::test]
async fn a_message_arrives_with_its_attributes_and_can_be_deleted() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let text =
        MessageAttributeValue::builder().data_type("String").string_value("ü").build().expect("complete");
    let bytes = MessageAttributeValue::builder().data_type("Binary.raw").binary_value(Blob::new([0, 255]));
    let bytes = bytes.build().expect("complete");
    let send = cloud.client("create-item", None).send_message().queue_url(cloud.queue_url(QUEUE));
    let send = send.message_body("{\"é\": \"\u{1f3ac}\"}").message_attributes("text", text.clone());
    let sent = send.message_attributes("bytes", bytes.clone()).send().await.expect("send");

    // The SDK compares the checksums of the sent and the received message.
    let message = cloud.receive(QUEUE, 1).await.expect("a message");
    assert_eq!(message.body(), Some("{\"é\": \"\u{1f3ac}\"}"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    let attributes = message.message_attributes().expect("attributes");
    assert_eq!((attributes.get("text"), attributes.get("bytes")), (Some(&text), Some(&bytes)));
    assert_eq!(attribute(&message, MessageSystemAttributeName::ApproximateReceiveCount), "1");
    assert_eq!(attribute(&message, MessageSystemAttributeName::SenderId), "create-item");
    let time = |name| attribute(&message, name).parse::<i64>().expect("milliseconds");
    let sent_at = time(MessageSystemAttributeName::SentTimestamp);
    assert!(time(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp) >= sent_at);
    assert_eq!(cloud.depth(QUEUE), Depth { visible: 0, in_flight: 1, delayed: 0 });

    cloud.delete(handle(&message)).await.expect("delete");
    assert_eq!(cloud.depth(QUEUE), Depth::default());
    assert!(cloud.receive(QUEUE, 0).await.is_none());
    assert_eq!(calls(&cloud.access, "create-item", "sqs", "SendMessage"), 1);
    assert_eq!(calls(&cloud.access, "import-item", "sqs", "ReceiveMessage"), 2);
    assert_eq!(calls(&cloud.access, "root", "sqs", "DeleteMessage"), 1);
}

#[tokio::test]
async fn a_delayed_message_is_counted_and_arrives_after_its_delay() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let send = cloud.client("root", None).send_message().queue_url(cloud.queue_url(QUEUE));
    send.message_body("later").delay_seconds(600).send().await.expect("send");
    assert_eq!(cloud.depth(QUEUE), Depth { visible: 0, in_flight: 0, delayed: 1 });
    assert!(cloud.receive(QUEUE, 0).await.is_none());
    cloud.sqs.clock().advance(300).expect("advances");
    assert!(cloud.receive(QUEUE, 0).await.is_none(), "after half of its delay");
    cloud.sqs.clock().advance(300).expect("advances");
    assert!(cloud.receive(QUEUE, 10).await.is_some());
}

#[tokio::test]
async fn batches_succeed_and_fail_by_entry() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let client = cloud.client("sweep", None);
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().expect("complete")
    };
    let send = |entries: Vec<_>| {
        client.send_message_batch().queue_url(cloud.queue_url(QUEUE)).set_entries(Some(entries)).send()
    };
    let refused = |entries| async {
        send(entries).await.expect_err("refused").into_service_error().code().map(str::to_owned)
    };
    let output = send(vec![entry("a", "1"), entry("b", "\u{1}"), entry("c", "3")]).await.expect("a batch");
    assert_eq!(output.successful().iter().map(|entry| entry.id()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(output.failed()[0].id(), "b");
    assert_eq!(output.failed()[0].code(), "InvalidMessageContents");

    let named = |name: &str| Some(format!("AWS.SimpleQueueService.{name}"));
    assert_eq!(refused(vec![]).await, named("EmptyBatchRequest"));
    assert_eq!(refused(vec![entry("a", "1"), entry("a", "2")]).await, named("BatchEntryIdsNotDistinct"));
    let eleven = (0..11).map(|i| entry(&i.to_string(), "x")).collect();
    assert_eq!(refused(eleven).await, named("TooManyEntriesInBatchRequest"));
    let large = "x".repeat(600 * 1024);
    assert_eq!(refused(vec![entry("a", &large), entry("b", &large)]).await, named("BatchRequestTooLong"));

    let received = client.receive_message().queue_url(cloud.queue_url(QUEUE)).max_number_of_messages(10);
    let messages = received.send().await.expect("receive").messages.expect("messages");
    assert_eq!(messages.len(), 2);
    let entries = messages.iter().enumerate().map(|(i, message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(i.to_string());
        entry.receipt_handle(handle(message)).build().expect("complete")
    });
    let bad =
        DeleteMessageBatchRequestEntry::builder().id("bad").receipt_handle("bad").build().expect("complete");
    let delete = client.delete_message_batch().queue_url(cloud.queue_url(QUEUE));
    let output = delete.set_entries(Some(entries.chain([bad]).collect())).send().await.expect("a batch");
    assert_eq!(output.successful().len(), 2);
    assert_eq!(output.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert_eq!(cloud.depth(QUEUE), Depth::default());
}

#[tokio::test]
async fn limits_of_messages_are_those_of_aws() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let client = cloud.client("root", None);
    let send =
        |body: String| client.send_message().queue_url(cloud.queue_url(QUEUE)).message_body(body).send();
    send("\u{e9}".repeat(512 * 1024)).await.expect("1 MiB exactly");
    for (body, code) in [
        ("x".repeat(1024 * 1024 + 1), "InvalidParameterValue"),
        (String::new(), "MissingParameter"),
        ("a\u{0}b".to_owned(), "InvalidMessageContents"),
    ] {
        let error = send(body).await.expect_err("refused").into_service_error();
        assert_eq!(error.code(), Some(code), "{error:?}");
    }
    let receive = client.receive_message().queue_url(cloud.queue_url(QUEUE)).max_number_of_messages(11);
    let error = receive.send().await.expect_err("refused").into_service_error();
    assert_eq!(error.code(), Some("InvalidParameterValue"));
    assert_eq!(cloud.depth(QUEUE).visible, 1);
}

/// localstack, `test_send_message_with_invalid_string_attributes` (recorded on AWS).
#[tokio::test]
async fn attributes_may_have_letters_of_any_script_but_no_control_characters() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let client = cloud.client("root", None);
    let send = |name: &str, kind: &str, value: &str| {
        let attribute = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
        let send = client.send_message().queue_url(cloud.queue_url(QUEUE)).message_body("body");
        send.message_attributes(name, attribute.expect("complete")).send()
    };
    let accepted = [("attr.1\u{f8}\u{df}\u{e4}", "String", "Valid"), ("a", "String", "tab\t, line\r\n")];
    for (name, kind, value) in
        accepted.into_iter().chain([("a", "Number", "-1.5e10"), ("a", "Number.x", "7")])
    {
        let sent = send(name, kind, value).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let message = cloud.receive(QUEUE, 1).await.expect("a message");
        let attributes = message.message_attributes().expect("attributes");
        assert_eq!(attributes[name].string_value(), Some(value));
        assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
        cloud.delete(handle(&message)).await.expect("delete");
    }
    let (long, control) = ("\u{df}".repeat(257), "Invalid-\u{8},\u{b}");
    for (name, kind, value) in [
        ("a", "String", control),
        ("a", "String.label", "\u{1f}"),
        ("a", "String", "\u{ffff}"),
        ("a", "Number", "\u{b}1"),
        ("a", "Number", "NaN"),
        ("a", "Number", "inf"),
        ("a", "String.\u{1}", "value"),
        ("a b", "String", "value"),
        ("a\u{1}", "String", "value"),
        ("AWS.\u{f8}", "String", "value"),
        (&long, "String", "value"),
    ] {
        let error = send(name, kind, value).await.expect_err("refused").into_service_error();
        assert_eq!(error.code(), Some("InvalidParameterValue"), "{name:?} {kind:?} {value:?}");
    }
    assert_eq!(cloud.depth(QUEUE), Depth::default());
}
