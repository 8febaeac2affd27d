//! Presigned writes: only the signed request is accepted.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use reqwest::header::{HeaderName, HeaderValue};

use crate::bucket::{BUCKET, Bucket, five_minutes, noise, send, sha256};

/// Presigns a PUT as the API does: with length, type, checksum and the condition that the key is new.
async fn presigned_put(bucket: &Bucket, key: &str, body: &[u8]) -> PresignedRequest {
    let put = bucket.client("create-item").put_object().bucket(BUCKET).key(key).if_none_match("*");
    let put = put.content_length(body.len().try_into().unwrap()).content_type("video/mp4");
    put.checksum_sha256(sha256(body)).presigned(five_minutes()).await.unwrap()
}

fn set(mut request: reqwest::Request, name: &'static str, value: &'static str) -> reqwest::Request {
    request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    request
}

#[tokio::test]
async fn a_presigned_put_stores_once() {
    let bucket = Bucket::start().await;
    let body = noise(2_000_000, 1);
    let put = presigned_put(&bucket, "files/o/1", &body).await;
    let response = send(&put, body.clone(), |request| request).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("x-amz-checksum-sha256"), sha256(&body));
    assert!(bucket.get("files/o/1").await.unwrap() == body);
    send(&put, body, |request| request).await.assert_refused(412, "PreconditionFailed");
    assert_eq!(bucket.files(), (0, 1));
}

#[tokio::test]
async fn a_put_that_differs_from_the_signed_one_is_refused() {
    let bucket = Bucket::start().await;
    let body = noise(10_000, 2);
    let put = presigned_put(&bucket, "files/o/1", &body).await;
    let refused = |response: crate::bucket::Response| response.assert_refused(403, "SignatureDoesNotMatch");

    refused(send(&put, body[..9999].to_vec(), |request| request).await);
    refused(send(&put, body.clone(), |request| set(request, "content-type", "text/html")).await);
    refused(send(&put, body.clone(), |request| set(request, "if-none-match", "\"0\"")).await);
    refused(
        send(&put, body.clone(), |mut request| {
            request.headers_mut().remove("if-none-match");
            request
        })
        .await,
    );
    refused(
        send(&put, body.clone(), |mut request| {
            request.url_mut().set_path(&format!("/{BUCKET}/files/o/2"));
            request
        })
        .await,
    );
    refused(
        send(&put, body.clone(), |mut request| {
            *request.method_mut() = reqwest::Method::GET;
            request
        })
        .await,
    );
    let forged = sha256(b"other bytes").leak();
    refused(send(&put, body.clone(), |request| set(request, "x-amz-checksum-sha256", forged)).await);
    refused(
        send(&put, body.clone(), |mut request| {
            let url = request.url().as_str().replace("X-Amz-Expires=300", "X-Amz-Expires=3000");
            *request.url_mut() = url.parse().unwrap();
            request
        })
        .await,
    );
    assert_eq!((bucket.get("files/o/1").await, bucket.files()), (None, (0, 0)));
}

#[tokio::test]
async fn a_body_of_other_bytes_is_refused() {
    let bucket = Bucket::start().await;
    let put = presigned_put(&bucket, "k", &noise(1000, 3)).await;
    send(&put, noise(1000, 4), |request| request).await.assert_refused(400, "BadDigest");
    assert_eq!((bucket.get("k").await, bucket.files()), (None, (0, 0)));
}

#[tokio::test]
async fn headers_that_change_the_operation_must_be_signed() {
    let bucket = Bucket::start().await;
    let put = presigned_put(&bucket, "k", b"body").await;
    let response = send(&put, b"body".to_vec(), |request| set(request, "x-amz-copy-source", "b/k")).await;
    response.assert_refused(403, "AccessDenied");
}

#[tokio::test]
async fn an_expired_url_is_refused() {
    let bucket = Bucket::start().await;
    let hour = Duration::from_secs(3600);
    let config =
        PresigningConfig::builder().start_time(SystemTime::now() - 2 * hour).expires_in(hour).build();
    let put = bucket.client("create-item").put_object().bucket(BUCKET).key("k");
    let put = put.presigned(config.unwrap()).await.unwrap();
    let response = send(&put, b"body".to_vec(), |request| request).await;
    response.assert_refused(403, "AccessDenied");
    assert!(String::from_utf8_lossy(&response.body).contains("Request has expired"));
}

#[tokio::test]
async fn a_body_without_a_length_is_refused() {
    let bucket = Bucket::start().await;
    let put = bucket.client("create-item").put_object().bucket(BUCKET).key("k");
    let put = put.presigned(five_minutes()).await.unwrap();
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("some"), Ok("thing")]);
    let response = send(&put, Vec::new(), |mut request| {
        *request.body_mut() = Some(reqwest::Body::wrap_stream(chunks));
        request
    })
    .await;
    response.assert_refused(411, "MissingContentLength");
}
