//! Presigned reads by players and browsers.

use aws_sdk_s3::presigning::PresignedRequest;
use reqwest::header::{HeaderName, HeaderValue};

use crate::bucket::{BUCKET, Bucket, Response, five_minutes, noise, send};

async fn presigned_get(bucket: &Bucket, key: &str) -> PresignedRequest {
    let get = bucket.client("download-file").get_object().bucket(BUCKET).key(key);
    get.presigned(five_minutes()).await.unwrap()
}

async fn ranged(get: &PresignedRequest, range: &'static str) -> Response {
    send(get, Vec::new(), |mut request| {
        request.headers_mut().insert(HeaderName::from_static("range"), HeaderValue::from_static(range));
        request
    })
    .await
}

#[tokio::test]
async fn ranges_return_their_bytes() {
    let bucket = Bucket::start().await;
    let body = noise(1_000_000, 1);
    bucket.put("k", body.clone()).await;
    let get = presigned_get(&bucket, "k").await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 1_000_000),
        ("bytes=262143-524289", 262_143, 524_290),
        ("bytes=-5", 999_995, 1_000_000),
        ("bytes=999999-2000000", 999_999, 1_000_000),
    ] {
        let response = ranged(&get, range).await;
        assert_eq!(response.status, 206, "{range}");
        assert_eq!(response.header("content-range"), format!("bytes {from}-{}/1000000", to - 1));
        assert_eq!(response.header("content-length"), (to - from).to_string());
        assert!(response.body == body[from..to], "{range}");
    }
    ranged(&get, "bytes=1000000-").await.assert_refused(416, "InvalidRange");
    let ignored = ranged(&get, "bytes=0-1,4-5").await;
    assert_eq!((ignored.status, ignored.body.len()), (200, 1_000_000), "several ranges are not supported");
    let ignored = ranged(&get, "lines=0-1").await;
    assert_eq!((ignored.status, ignored.body.len()), (200, 1_000_000));
}

#[tokio::test]
async fn the_url_names_and_types_the_download() {
    let bucket = Bucket::start().await;
    bucket.put("files/o/1", b"body".as_slice()).await;
    let get = bucket.client("download-file").get_object().bucket(BUCKET).key("files/o/1");
    let get = get
        .response_content_disposition("attachment; filename*=UTF-8''caf%C3%A9%20%F0%9F%8E%AC.mp4")
        .response_content_type("application/octet-stream")
        .response_cache_control("private, max-age=60")
        .presigned(five_minutes())
        .await
        .unwrap();
    let response = send(&get, Vec::new(), |request| request).await;
    assert_eq!((response.status, response.body.as_slice()), (200, b"body".as_slice()));
    assert_eq!(
        response.header("content-disposition"),
        "attachment; filename*=UTF-8''caf%C3%A9%20%F0%9F%8E%AC.mp4"
    );
    assert_eq!(response.header("content-type"), "application/octet-stream");
    assert_eq!(response.header("cache-control"), "private, max-age=60");
    assert_eq!(response.header("accept-ranges"), "bytes");
    assert_eq!(response.header("etag"), "\"841a2d689ad86bd1611447453c22c6fc\"");
    assert!(response.header("last-modified").ends_with(" GMT"));
    assert!(!response.header("x-amz-request-id").is_empty());

    let forged = send(&get, Vec::new(), |mut request| {
        let url = request.url().as_str().replace("application%2Foctet-stream", "text%2Fhtml");
        assert!(url.contains("text%2Fhtml"));
        *request.url_mut() = url.parse().unwrap();
        request
    })
    .await;
    forged.assert_refused(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn head_needs_a_signature_of_its_own() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let head = bucket.client("download-file").head_object().bucket(BUCKET).key("k");
    let head = head.presigned(five_minutes()).await.unwrap();
    let response = send(&head, Vec::new(), |request| request).await;
    assert_eq!((response.status, response.header("content-length"), response.body.len()), (200, "4", 0));
    let get = presigned_get(&bucket, "k").await;
    let response = send(&get, Vec::new(), |mut request| {
        *request.method_mut() = reqwest::Method::HEAD;
        request
    })
    .await;
    assert_eq!(response.status, 403);
}

#[tokio::test]
async fn a_missing_object_is_404() {
    let bucket = Bucket::start().await;
    let response = send(&presigned_get(&bucket, "nothing").await, Vec::new(), |request| request).await;
    response.assert_refused(404, "NoSuchKey");
    assert_eq!(response.header("content-type"), "application/xml");
}

#[tokio::test]
async fn a_read_continues_when_the_object_is_replaced_and_deleted() {
    let bucket = Bucket::start().await;
    let body = noise(30_000_000, 1);
    bucket.put("k", body.clone()).await;
    let client = bucket.client("root");
    // Larger than the sockets' buffers, so that most of it is read after the delete.
    let reading = client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    bucket.put("k", b"other".as_slice()).await;
    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert!(reading.body.collect().await.unwrap().to_vec() == body);
    bucket.wait_for_files((0, 0)).await;
}
