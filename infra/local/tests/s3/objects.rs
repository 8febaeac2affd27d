//! Single objects through the SDK.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, MetadataDirective};

use crate::bucket::{BUCKET, Bucket, code, crc64nvme, noise, sha256};

#[tokio::test]
async fn an_object_is_returned_as_it_was_stored() {
    let bucket = Bucket::start().await;
    let client = bucket.client("create-item");
    let body = noise(3_000_001, 1);
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("files/a b/ü+%2F?&=")
        .content_type("video/mp4")
        .cache_control("private")
        .content_disposition("inline")
        .metadata("owner", "somebody")
        .body(body.clone().into())
        .send()
        .await
        .unwrap();
    let got = client.get_object().bucket(BUCKET).key("files/a b/ü+%2F?&=").send().await.unwrap();
    assert_eq!(got.e_tag(), put.e_tag());
    assert_eq!(got.content_type(), Some("video/mp4"));
    assert_eq!(got.cache_control(), Some("private"));
    assert_eq!(got.content_disposition(), Some("inline"));
    assert_eq!(got.content_encoding(), None, "aws-chunked is not the object's");
    assert_eq!(got.content_length(), Some(3_000_001));
    assert_eq!(got.accept_ranges(), Some("bytes"));
    assert_eq!(got.metadata().unwrap()["owner"], "somebody");
    assert!(got.last_modified().unwrap().secs() > 1_700_000_000);
    assert!(got.body.collect().await.unwrap().to_vec() == body);
}

#[tokio::test]
async fn the_tag_is_the_md5_and_the_type_has_a_default() {
    let bucket = Bucket::start().await;
    bucket.put("empty", Vec::new()).await;
    let head = bucket.client("root").head_object().bucket(BUCKET).key("empty").send().await.unwrap();
    assert_eq!(head.e_tag(), Some("\"d41d8cd98f00b204e9800998ecf8427e\""));
    assert_eq!((head.content_length(), bucket.get("empty").await), (Some(0), Some(Vec::new())));
}

#[tokio::test]
async fn a_second_put_replaces_and_a_delete_removes() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"one".as_slice()).await;
    bucket.put("k", b"two!".as_slice()).await;
    assert_eq!(bucket.get("k").await.unwrap(), b"two!");
    assert_eq!(bucket.files(), (0, 1));
    for _ in 0..2 {
        bucket.client("root").delete_object().bucket(BUCKET).key("k").send().await.unwrap();
        assert_eq!((bucket.get("k").await, bucket.files()), (None, (0, 0)));
    }
}

#[tokio::test]
async fn writes_are_conditional() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let put = |key: &str| client.put_object().bucket(BUCKET).key(key).body(b"body".to_vec().into());
    let first = put("k").if_none_match("*").send().await.unwrap();
    let second = put("k").if_none_match("*").send().await.unwrap_err();
    assert_eq!(code(&second), "PreconditionFailed");
    assert_eq!(second.raw_response().unwrap().status().as_u16(), 412);
    assert_eq!(code(&put("k").if_match("\"0000\"").send().await.unwrap_err()), "PreconditionFailed");
    assert_eq!(code(&put("new").if_match("\"0000\"").send().await.unwrap_err()), "NoSuchKey");
    assert_eq!(code(&put("k").if_none_match("\"0000\"").send().await.unwrap_err()), "NotImplemented");
    put("k").if_match(first.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(bucket.files(), (0, 1));
}

#[tokio::test]
async fn exactly_one_of_concurrent_first_writes_succeeds() {
    let bucket = Bucket::start().await;
    let writers = (0..8_u8).map(|number| {
        let client = bucket.client("root");
        tokio::spawn(async move {
            let put = client
                .put_object()
                .bucket(BUCKET)
                .key("k")
                .if_none_match("*")
                .body(vec![number; 9000].into());
            put.send().await.map(|_| number).map_err(|error| code(&error).to_owned())
        })
    });
    let mut winners = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            Ok(number) => winners.push(number),
            Err(code) => assert_eq!(code, "PreconditionFailed"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(bucket.get("k").await.unwrap(), vec![winners[0]; 9000]);
    assert_eq!((bucket.files(), bucket.s3.pending_events(10).unwrap().len()), ((0, 1), 1));
}

#[tokio::test]
async fn reads_are_conditional() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let client = bucket.client("root");
    let tag = client.head_object().bucket(BUCKET).key("k").send().await.unwrap().e_tag().unwrap().to_owned();
    let get = || client.get_object().bucket(BUCKET).key("k");
    get().if_match(&tag).send().await.unwrap();
    get().if_none_match("\"other\"").send().await.unwrap();
    let past = DateTime::from_secs(1_000_000_000);
    get().if_modified_since(past).send().await.unwrap();
    get().if_modified_since(DateTime::from_secs(4_000_000_000)).send().await.unwrap();
    for (refused, status) in [
        (get().if_match("\"other\""), 412),
        (get().if_unmodified_since(past), 412),
        (get().if_none_match(&tag), 304),
    ] {
        let error = refused.send().await.unwrap_err();
        let raw = error.raw_response().unwrap();
        assert_eq!(raw.status().as_u16(), status);
        assert!(status != 304 || raw.headers().get("etag") == Some(&tag));
    }
}

#[tokio::test]
async fn a_missing_object_is_404() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    assert_eq!(bucket.get("nothing").await, None);
    let head = client.head_object().bucket(BUCKET).key("nothing").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
    let get = client.get_object().bucket("another-bucket").key("k").send().await.unwrap_err();
    assert_eq!(code(&get), "NoSuchBucket");
    client.head_bucket().bucket(BUCKET).send().await.unwrap();
    let head = client.head_bucket().bucket("another-bucket").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
}

#[tokio::test]
async fn checksums_are_verified_stored_and_returned_on_request() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let body = noise(100_000, 2);
    let put = || client.put_object().bucket(BUCKET).key("k").body(body.clone().into());
    let head = || client.head_object().bucket(BUCKET).key("k");

    let output = put().checksum_sha256(sha256(&body)).send().await.unwrap();
    assert_eq!(output.checksum_sha256(), Some(sha256(&body).as_str()));
    let asked = head().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(asked.checksum_sha256(), Some(sha256(&body).as_str()));
    assert_eq!(asked.checksum_type().unwrap().as_str(), "FULL_OBJECT");
    assert_eq!(head().send().await.unwrap().checksum_sha256(), None);

    put().checksum_crc64_nvme(crc64nvme(&body)).send().await.unwrap();
    for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Sha1] {
        // The SDK computes these, and sends them after the body.
        put().checksum_algorithm(algorithm).send().await.unwrap();
    }
    let wrong = put().checksum_sha256(sha256(b"something else")).send().await.unwrap_err();
    assert_eq!(code(&wrong), "BadDigest");
    let wrong = put().checksum_crc64_nvme(crc64nvme(b"something else")).send().await.unwrap_err();
    assert_eq!(code(&wrong), "BadDigest");
    let wrong = put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await.unwrap_err();
    assert_eq!(code(&wrong), "BadDigest");
    assert_eq!(bucket.files(), (0, 1));
}

#[tokio::test]
async fn lists_are_paged_in_order_under_a_prefix() {
    let bucket = Bucket::start().await;
    for key in ["files/b", "files/a", "files/c%_", "filet", "file", "files/ä", "probes/a"] {
        bucket.put(key, key.as_bytes()).await;
    }
    let client = bucket.client("sweep");
    let mut keys = Vec::new();
    let mut pages =
        client.list_objects_v2().bucket(BUCKET).prefix("files/").max_keys(3).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(usize::try_from(page.key_count().unwrap()).unwrap(), page.contents().len());
        keys.extend(
            page.contents().iter().map(|object| (object.key().unwrap().to_owned(), object.size().unwrap())),
        );
    }
    let expected = ["files/a", "files/b", "files/c%_", "files/ä"];
    assert_eq!(keys, expected.map(|key| (key.to_owned(), i64::try_from(key.len()).unwrap())));
    let all = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!((all.contents().len(), all.is_truncated()), (7, Some(false)));
    let after = client.list_objects_v2().bucket(BUCKET).start_after("files/ä").send().await.unwrap();
    assert_eq!(after.contents().len(), 2);
}

#[tokio::test]
async fn a_copy_is_independent_of_its_source() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let body = noise(500_000, 3);
    let put =
        client.put_object().bucket(BUCKET).key("a/ü").content_type("video/mp4").body(body.clone().into());
    let put = put.send().await.unwrap();
    let copy = |from: &str, to: &str| {
        client.copy_object().bucket(BUCKET).copy_source(format!("{BUCKET}/{from}")).key(to)
    };
    let copied = copy("a/%C3%BC", "b").send().await.unwrap();
    assert_eq!(copied.copy_object_result().unwrap().e_tag(), put.e_tag());
    client.delete_object().bucket(BUCKET).key("a/ü").send().await.unwrap();
    assert!(bucket.get("b").await.unwrap() == body);

    assert_eq!(code(&copy("b", "b").send().await.unwrap_err()), "InvalidRequest");
    copy("b", "b")
        .metadata_directive(MetadataDirective::Replace)
        .content_type("audio/mpeg")
        .send()
        .await
        .unwrap();
    let head = client.head_object().bucket(BUCKET).key("b").send().await.unwrap();
    assert_eq!(head.content_type(), Some("audio/mpeg"));
    assert_eq!(code(&copy("nothing", "c").send().await.unwrap_err()), "NoSuchKey");
    let refused = copy("b", "c").copy_source_if_match("\"other\"").send().await.unwrap_err();
    assert_eq!(code(&refused), "PreconditionFailed");
    let names: Vec<_> =
        bucket.s3.pending_events(10).unwrap().into_iter().map(|event| event.event_name).collect();
    assert_eq!(names, ["ObjectCreated:Put", "ObjectCreated:Copy", "ObjectCreated:Copy"]);
}

#[tokio::test]
async fn unsupported_features_are_refused_not_ignored() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let tagged = client.put_object().bucket(BUCKET).key("k").tagging("a=b").send().await.unwrap_err();
    assert_eq!(code(&tagged), "NotImplemented");
    let delimited = client.list_multipart_uploads().bucket(BUCKET).delimiter("/").send().await.unwrap_err();
    assert_eq!(code(&delimited), "NotImplemented");
    let policy = client.get_bucket_policy().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(code(&policy), "NotImplemented");
}
