//! Multipart uploads that are refused.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart};

use crate::bucket::{BUCKET, Bucket, code, crc64nvme, noise, sha256};
use crate::multipart::{MIN_PART, begin, part, parts};

#[tokio::test]
async fn an_invalid_list_of_parts_is_refused() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let first = part(&client, "k", &id, 1, &noise(MIN_PART, 1)).await;
    let second = part(&client, "k", &id, 2, b"end").await;
    let named = |number: i32, tag: &str| CompletedPart::builder().part_number(number).e_tag(tag).build();
    for (list, expected) in [
        (vec![second.clone(), first.clone()], "InvalidPartOrder"),
        (vec![first.clone(), first.clone()], "InvalidPartOrder"),
        (vec![first.clone(), named(2, first.e_tag().unwrap())], "InvalidPart"),
        (vec![first.clone(), named(3, second.e_tag().unwrap())], "InvalidPart"),
        (vec![], "MalformedXML"),
    ] {
        let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
        let error = complete.multipart_upload(parts(list)).send().await.unwrap_err();
        assert_eq!(code(&error), expected);
    }
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    complete.multipart_upload(parts([first, second])).send().await.unwrap();
}

#[tokio::test]
async fn only_the_last_part_may_be_small() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let first = part(&client, "k", &id, 1, &noise(MIN_PART - 1, 1)).await;
    let second = part(&client, "k", &id, 2, b"end").await;
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    let error = complete.multipart_upload(parts([first, second])).send().await.unwrap_err();
    assert_eq!(code(&error), "EntityTooSmall");
    assert_eq!((bucket.get("k").await, bucket.files()), (None, (0, 2)));
}

#[tokio::test]
async fn size_and_checksum_of_the_whole_are_checked() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let done = part(&client, "k", &id, 1, b"all").await;
    let complete = || {
        let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
        complete.multipart_upload(parts([done.clone()]))
    };
    let wrong = complete().checksum_crc64_nvme(crc64nvme(b"other")).checksum_type(ChecksumType::FullObject);
    assert_eq!(code(&wrong.send().await.unwrap_err()), "BadDigest");
    assert_eq!(code(&complete().mpu_object_size(4).send().await.unwrap_err()), "InvalidRequest");
    bucket.put("k", b"there".as_slice()).await;
    assert_eq!(code(&complete().if_none_match("*").send().await.unwrap_err()), "PreconditionFailed");
    assert_eq!(bucket.get("k").await.unwrap(), b"there");
    complete().send().await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap(), b"all");
}

#[tokio::test]
async fn parts_are_checked_on_upload() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let part = |number| client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(number);
    let body = || b"body".to_vec().into();
    let error = part(1).checksum_crc64_nvme(crc64nvme(b"other")).body(body()).send().await.unwrap_err();
    assert_eq!(code(&error), "BadDigest");
    let error = part(1).checksum_sha256(sha256(b"body")).body(body()).send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequest");
    for number in [0, 10_001, -1] {
        let error =
            part(number).checksum_crc64_nvme(crc64nvme(b"body")).body(body()).send().await.unwrap_err();
        assert_eq!(code(&error), "InvalidArgument");
    }
    assert_eq!(bucket.files(), (0, 0));
    let create = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    let error = create.checksum_type("FULL_OBJECT".into()).send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequest");
}

#[tokio::test]
async fn after_abort_and_completion_the_upload_is_gone() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    for completes in [false, true] {
        let id = begin(&client, "k").await;
        let done = part(&client, "k", &id, 1, b"all").await;
        if completes {
            let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
            complete.multipart_upload(parts([done.clone()])).send().await.unwrap();
        } else {
            client.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap();
            assert_eq!(bucket.files(), (0, 0));
            let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
            let error = complete.multipart_upload(parts([done])).send().await.unwrap_err();
            assert_eq!(code(&error), "NoSuchUpload");
        }
        let part = client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(2);
        let part = part.checksum_crc64_nvme(crc64nvme(b"x")).body(b"x".to_vec().into());
        assert_eq!(code(&part.send().await.unwrap_err()), "NoSuchUpload");
        let list = client.list_parts().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap_err();
        assert_eq!(code(&list), "NoSuchUpload");
        let abort =
            client.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap_err();
        assert_eq!(code(&abort), "NoSuchUpload");
        let uploads = client.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
        assert!(uploads.uploads().is_empty());
    }
    let id = begin(&client, "k").await;
    let elsewhere = client.list_parts().bucket(BUCKET).key("other").upload_id(&id).send().await.unwrap_err();
    assert_eq!(code(&elsewhere), "NoSuchUpload", "an upload belongs to its key");
}
