//! Queues: attributes, access, durability.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use files_local::sqs::{Depth, QueueDefinition};

use crate::cloud::{Cloud, DEAD, QUEUE, attribute, handle};
use crate::signed::calls;

#[tokio::test]
async fn a_message_is_dropped_when_its_retention_is_over() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let keep_for = |retention| {
        let visibility_timeout = Duration::from_secs(30);
        let definition =
            QueueDefinition { name: QUEUE.to_owned(), visibility_timeout, retention, redrive: None };
        cloud.sqs.ensure_queue(definition).expect("a queue");
    };
    cloud.send("old").await;
    keep_for(Duration::ZERO);
    assert_eq!(cloud.depth(QUEUE), Depth::default());
    assert!(cloud.receive(QUEUE, 0).await.is_none());
    keep_for(Duration::from_secs(60));
    assert!(cloud.receive(QUEUE, 0).await.is_none(), "it is gone for good");
    cloud.send("new").await;
    assert_eq!(cloud.receive(QUEUE, 1).await.expect("a message").body(), Some("new"));
}

#[tokio::test]
async fn messages_their_handles_and_counts_survive_a_restart() {
    let folder = tempfile::tempdir().expect("tempdir");
    let old = {
        let cloud = Cloud::start(folder.path()).await;
        cloud.send("first").await;
        cloud.send("second").await;
        let message = cloud.receive(QUEUE, 1).await.expect("a message");
        cloud.change_visibility(handle(&message), 600).await.expect("hidden");
        message
    };
    let cloud = Cloud::start(folder.path()).await;
    assert_eq!(cloud.depth(QUEUE), Depth { visible: 1, in_flight: 1, delayed: 0 });
    assert_eq!(cloud.receive(QUEUE, 1).await.expect("the other").body(), Some("second"));
    cloud.change_visibility(handle(&old), 0).await.expect("its handle is still good");
    let again = cloud.receive(QUEUE, 1).await.expect("the first");
    assert_eq!(again.body(), Some("first"));
    assert_eq!(attribute(&again, MessageSystemAttributeName::ApproximateReceiveCount), "2");
}

#[tokio::test]
async fn a_queue_returns_its_attributes_and_a_missing_one_an_error() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let client = cloud.client("root", None);
    cloud.send("one").await;
    let url = client.get_queue_url().queue_name(QUEUE).send().await.expect("url").queue_url.expect("url");
    assert_eq!(url, cloud.queue_url(QUEUE));
    let list = client.list_queues().queue_name_prefix("imp").send().await.expect("list");
    assert_eq!(list.queue_urls(), std::slice::from_ref(&url));
    let page = client.list_queues().max_results(1).send().await.expect("list");
    assert_eq!(page.queue_urls(), [cloud.queue_url(DEAD)]);
    let page =
        client.list_queues().max_results(1).set_next_token(page.next_token).send().await.expect("list");
    assert_eq!((page.queue_urls(), page.next_token()), (std::slice::from_ref(&url), None));

    let get = client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let attributes = get.send().await.expect("attributes").attributes.expect("attributes");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessages], "1");
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "30");
    let policy: serde_json::Value =
        serde_json::from_str(&attributes[&QueueAttributeName::RedrivePolicy]).expect("JSON");
    assert_eq!(policy["deadLetterTargetArn"], format!("arn:aws:sqs:us-east-1:000000000000:{DEAD}"));
    assert_eq!(policy["maxReceiveCount"], 2);

    client.purge_queue().queue_url(&url).send().await.expect("purge");
    assert_eq!(cloud.depth(QUEUE), Depth::default());
    // localstack, `test_successive_purge_calls_fail` (recorded on AWS).
    let error = client.purge_queue().queue_url(&url).send().await.expect_err("too soon");
    assert_eq!(error.raw_response().expect("a response").status().as_u16(), 403);
    let error = error.into_service_error();
    assert!(error.is_purge_queue_in_progress(), "{error:?}");

    for missing in [cloud.queue_url("nothing"), cloud.queue_url(QUEUE).replace("000000000000", "1")] {
        let receive = client.receive_message().queue_url(missing).send().await;
        let error = receive.expect_err("no such queue").into_service_error();
        assert!(error.is_queue_does_not_exist(), "{error:?}");
    }
    let error =
        client.create_queue().queue_name("new").send().await.expect_err("refused").into_service_error();
    assert_eq!(error.code(), Some("AWS.SimpleQueueService.UnsupportedOperation"));
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let send = cloud.client("create-item", Some("wrong")).send_message().queue_url(cloud.queue_url(QUEUE));
    let error = send.message_body("forged").send().await.expect_err("refused").into_service_error();
    assert_eq!(error.code(), Some("InvalidSignatureException"));
    assert_eq!(cloud.depth(QUEUE), Depth::default());
    assert_eq!(calls(&cloud.access, "create-item", "sqs", "SendMessage"), 0);
    assert_eq!(calls(&cloud.access, "anonymous", "sqs", "SendMessage"), 1);
}

#[tokio::test]
async fn within_the_process_a_queue_works_without_http() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = Cloud::start(folder.path()).await;
    let (sqs, wait) = (cloud.sqs.clone(), Duration::from_secs(20));
    let waiting = tokio::spawn(async move { sqs.receive(QUEUE, 10, wait).await });
    let id = cloud.sqs.send(QUEUE, "inside").expect("send");
    let messages = waiting.await.expect("no panic").expect("receive");
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].message_id.as_str(), messages[0].body.as_str()), (id.as_str(), "inside"));
    assert_eq!((messages[0].sender_id.as_str(), messages[0].receive_count), ("root", 1));

    let wrong_queue = cloud.sqs.delete(DEAD, &messages[0].receipt_handle);
    assert!(wrong_queue.expect_err("another queue's handle").to_string().contains("receipt handle"));
    cloud.sqs.change_visibility(QUEUE, &messages[0].receipt_handle, Duration::ZERO).expect("visible");
    let again = cloud.sqs.receive(QUEUE, 10, Duration::ZERO).await.expect("receive");
    cloud.sqs.delete(QUEUE, &again[0].receipt_handle).expect("delete");
    assert_eq!(cloud.depth(QUEUE), Depth::default());
    assert!(cloud.sqs.send("nothing", "x").is_err());
    assert!(cloud.sqs.send(QUEUE, "").is_err());
}

/// Databases of version 1.0 have neither message groups nor counts that continue in a dead-letter queue.
#[tokio::test]
async fn a_database_of_an_earlier_version_is_upgraded() {
    let folder = tempfile::tempdir().expect("tempdir");
    let older = rusqlite::Connection::open(folder.path().join("sqs.sqlite")).expect("opens");
    older
        .execute_batch(
            "CREATE TABLE messages (
                id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL,
                md5_of_body TEXT NOT NULL, attributes TEXT NOT NULL, system_attributes TEXT NOT NULL,
                sender TEXT NOT NULL, dead_letter_source TEXT, sent_at INTEGER NOT NULL, visible_at INTEGER NOT NULL,
                received_at INTEGER, first_received_at INTEGER, receive_count INTEGER NOT NULL DEFAULT 0, receipt TEXT
             ) STRICT;
             INSERT INTO messages (queue, message_id, body, md5_of_body, attributes, system_attributes, sender, sent_at,
                visible_at) SELECT 'imports', 'm', 'kept', '', '{}', '{}', 'root', now, now
                FROM (SELECT CAST(unixepoch() AS INTEGER) * 1000 AS now);",
        )
        .expect("an older database");
    drop(older);
    let cloud = Cloud::start(folder.path()).await;
    let messages = cloud.sqs.receive(QUEUE, 1, Duration::ZERO).await.expect("receive");
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (messages[0].body.as_str(), messages[0].receive_count, &messages[0].group),
        ("kept", 1, &None)
    );
}
