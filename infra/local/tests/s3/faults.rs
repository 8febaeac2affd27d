//! Injected faults of S3, through the AWS SDK.

use std::time::{Duration, Instant};

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use files_local::faults::Rules;

use crate::bucket::{BUCKET, Bucket, code, five_minutes, noise, send};

async fn with(rules: &str) -> Bucket {
    let bucket = Bucket::start().await;
    bucket.faults.add(Rules::parse(rules.as_bytes()).unwrap());
    bucket
}

/// Returns how often each rule was applied.
fn hits(bucket: &Bucket) -> Vec<u64> {
    let shown = bucket.faults.to_json();
    shown["rules"].as_array().unwrap().iter().map(|rule| rule["hits"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_injected_error_changes_nothing() {
    for (kind, status, expected) in [
        ("throttling", 503, "SlowDown"),
        ("internal", 500, "InternalError"),
        ("conflict", 409, "ConditionalRequestConflict"),
    ] {
        let rule = format!(r#"{{"caller": "import-item", "nth": 1, "action": {{"error": "{kind}"}}}}"#);
        let bucket = with(&rule).await;
        let put =
            || bucket.client("import-item").put_object().bucket(BUCKET).key("k").body(noise(100, 1).into());
        let error = put().send().await.unwrap_err();
        assert_eq!((code(&error), error.raw_response().unwrap().status().as_u16()), (expected, status));
        assert_eq!(bucket.get("k").await, None);
        put().send().await.unwrap();
        assert_eq!(bucket.get("k").await, Some(noise(100, 1)), "only the first one");
        assert_eq!(hits(&bucket), [1]);
    }
}

#[tokio::test]
async fn a_presigned_upload_is_the_signing_functions_call() {
    let bucket = with(r#"{"caller": "create-item", "times": 1, "action": {"error": "throttling"}}"#).await;
    let put = bucket.client("create-item").put_object().bucket(BUCKET).key("k");
    let put = put.presigned(five_minutes()).await.unwrap();
    let large = noise(3_000_000, 2);
    send(&put, large.clone(), |request| request).await.assert_refused(503, "SlowDown");
    assert_eq!(send(&put, large.clone(), |request| request).await.status, 200);
    assert_eq!(bucket.get("k").await, Some(large));
}

#[tokio::test]
async fn a_completion_may_fail_after_200() {
    let bucket =
        with(r#"{"operation": "CompleteMultipartUpload", "nth": 1, "action": "error_in_200"}"#).await;
    let client = bucket.client("import-item");
    let upload = client.create_multipart_upload().bucket(BUCKET).key("k");
    let upload = upload.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = client.upload_part().bucket(BUCKET).key("k").upload_id(id).part_number(1);
    let tag = part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(tag.e_tag)
        .set_checksum_crc32(tag.checksum_crc32)
        .build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = || {
        let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id);
        complete.multipart_upload(parts.clone()).send()
    };
    let error = complete().await.unwrap_err();
    assert_eq!((code(&error), error.raw_response().unwrap().status().as_u16()), ("InternalError", 200));
    assert_eq!(bucket.get("k").await, None);
    complete().await.unwrap();
    assert_eq!(bucket.get("k").await, Some(b"part".to_vec()));
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_call_is_carried_out() {
    for (action, stored) in [("cut", false), ("lose_response", true), ("cut_response", true)] {
        let rule = format!(r#"{{"operation": "PutObject", "nth": 1, "action": "{action}"}}"#);
        let bucket = with(&rule).await;
        let put = bucket.client("import-item").put_object().bucket(BUCKET).key("k");
        let error = put.body(ByteStream::from_static(b"body")).send().await.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{action}: {error:?}");
        assert_eq!(bucket.get("k").await.is_some(), stored, "{action}");
    }
}

#[tokio::test]
async fn a_response_is_cut_in_the_middle() {
    let bucket = with(r#"{"operation": "GetObject", "nth": 1, "action": "cut_response"}"#).await;
    bucket.put("k", noise(3_000_000, 3)).await;
    let get = || bucket.client("probe-item").get_object().bucket(BUCKET).key("k").send();
    let mut output = get().await.unwrap();
    assert_eq!(output.content_length(), Some(3_000_000));
    let mut received = 0;
    let ended = loop {
        match output.body.next().await {
            Some(Ok(bytes)) => received += bytes.len(),
            other => break other,
        }
    };
    assert!(matches!(ended, Some(Err(_))), "the client sees that it is incomplete");
    assert!((1..=1_500_000).contains(&received), "{received}");
    let whole = get().await.unwrap().body.collect().await.unwrap();
    assert_eq!(whole.to_vec().len(), 3_000_000);
}

#[tokio::test]
async fn the_next_call_on_an_idle_connection_fails() {
    let bucket = with(r#"{"operation": "HeadBucket", "nth": 1, "action": "close_idle"}"#).await;
    let client = bucket.client("sweep");
    client.head_bucket().bucket(BUCKET).send().await.unwrap();
    let put = || client.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"body")).send();
    let error = put().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(bucket.get("k").await, None);
    put().await.unwrap();
}

#[tokio::test]
async fn a_call_is_delayed() {
    let bucket = with(r#"{"operation": "HeadBucket", "nth": 1, "action": {"delay_ms": 300}}"#).await;
    let begun = Instant::now();
    bucket.client("sweep").head_bucket().bucket(BUCKET).send().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
}
