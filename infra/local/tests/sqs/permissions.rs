//! A function may do what its policy allows; other calls are refused with SQS's errors.

use aws_sdk_sqs::error::ProvideErrorMetadata;

use crate::cloud::{Cloud, DEAD, QUEUE};
use crate::signed::restricted;

#[tokio::test]
async fn calls_need_the_policys_permission() {
    let folder = tempfile::tempdir().expect("tempdir");
    let send =
        "{Effect: Allow, Action: sqs:SendMessage, Resource: 'arn:aws:sqs:us-east-1:000000000000:imports'}";
    let cloud = Cloud::start_with(folder.path(), restricted(&[("worker", send), ("idle", "")])).await;
    let (worker, url) = (cloud.client("worker", None), cloud.queue_url(QUEUE));
    worker.send_message().queue_url(&url).message_body("a").send().await.expect("allowed");

    let elsewhere = worker.send_message().queue_url(cloud.queue_url(DEAD)).message_body("a").send().await;
    let error = elsewhere.expect_err("another queue");
    assert_eq!(error.code(), Some("AccessDenied"), "by the name of the Query protocol");
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:sts::000000000000:assumed-role/files-local-workerRole/files-local-worker is not authorized \
             to perform: sqs:SendMessage on resource: arn:aws:sqs:us-east-1:000000000000:dead-letters because no \
             identity-based policy allows the sqs:SendMessage action"
        )
    );
    let response = error.raw_response().expect("a response");
    assert_eq!(response.status().as_u16(), 403);
    let body: serde_json::Value =
        serde_json::from_slice(response.body().bytes().expect("read")).expect("JSON");
    assert_eq!(body["__type"], "com.amazon.coral.service#AccessDeniedException");

    let receive = worker.receive_message().queue_url(&url).send().await.expect_err("another action");
    assert_eq!(receive.code(), Some("AccessDenied"));
    let idle = cloud.client("idle", None).send_message().queue_url(&url).message_body("a").send().await;
    assert_eq!(idle.expect_err("nothing allowed").code(), Some("AccessDenied"));
    assert_eq!(cloud.sqs.depth(QUEUE).expect("a queue").visible, 1);
}
