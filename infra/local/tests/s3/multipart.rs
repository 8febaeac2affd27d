//! Multipart uploads that succeed.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};

use crate::bucket::{BUCKET, Bucket, code, crc64nvme, five_minutes, noise, send, sha256};

/// The minimum size of a part that is not the last.
pub(crate) const MIN_PART: usize = 5 << 20;

/// Creates an upload as the project does.
pub(crate) async fn begin(client: &Client, key: &str) -> String {
    let create = client.create_multipart_upload().bucket(BUCKET).key(key).content_type("video/mp4");
    let create =
        create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    create.send().await.unwrap().upload_id().unwrap().to_owned()
}

/// Uploads a part.
pub(crate) async fn part(client: &Client, key: &str, id: &str, number: i32, body: &[u8]) -> CompletedPart {
    let part = client.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(number);
    let part = part.checksum_crc64_nvme(crc64nvme(body)).body(body.to_vec().into()).send().await.unwrap();
    CompletedPart::builder().part_number(number).e_tag(part.e_tag().unwrap()).build()
}

pub(crate) fn parts(parts: impl IntoIterator<Item = CompletedPart>) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.into_iter().collect())).build()
}

#[tokio::test]
async fn parts_become_one_object() {
    let bucket = Bucket::start().await;
    let client = bucket.client("import-item");
    let pieces = [noise(MIN_PART, 1), noise(MIN_PART + 7, 2), noise(100, 3)];
    let whole = pieces.concat();
    let id = begin(&client, "k").await;
    let mut done = Vec::new();
    // In any order, and with gaps in the numbers.
    for (number, piece) in [(9, 2), (1, 0), (4, 1)] {
        done.push(part(&client, "k", &id, number, &pieces[piece]).await);
    }
    done.sort_by_key(CompletedPart::part_number);
    assert_eq!(bucket.get("k").await, None, "not before it is complete");
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    let complete = complete.multipart_upload(parts(done)).mpu_object_size(whole.len().try_into().unwrap());
    let complete = complete.checksum_crc64_nvme(crc64nvme(&whole)).checksum_type(ChecksumType::FullObject);
    let completed = complete.send().await.unwrap();
    assert!(completed.e_tag().unwrap().ends_with("-3\""));
    assert_eq!(completed.checksum_crc64_nvme(), Some(crc64nvme(&whole).as_str()));

    let head = client.head_object().bucket(BUCKET).key("k").checksum_mode(ChecksumMode::Enabled);
    let head = head.send().await.unwrap();
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert_eq!(head.checksum_crc64_nvme(), Some(crc64nvme(&whole).as_str()));
    assert_eq!(head.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(head.content_length(), Some(whole.len().try_into().unwrap()));
    assert!(bucket.get("k").await.unwrap() == whole);
    let seam = format!("bytes={}-{}", MIN_PART - 3, MIN_PART * 2 + 20);
    let ranged = client.get_object().bucket(BUCKET).key("k").range(seam).send().await.unwrap();
    assert!(ranged.body.collect().await.unwrap().to_vec() == whole[MIN_PART - 3..=MIN_PART * 2 + 20]);

    let events = bucket.s3.pending_events(10).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event_name, "ObjectCreated:CompleteMultipartUpload");
    assert_eq!(
        (events[0].size, format!("\"{}\"", events[0].etag)),
        (whole.len() as u64, completed.e_tag().unwrap().to_owned())
    );
    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(bucket.files(), (0, 0));
}

#[tokio::test]
async fn a_repeated_completion_gets_the_same_response_and_no_event() {
    let bucket = Bucket::start().await;
    let client = bucket.client("import-item");
    let id = begin(&client, "k").await;
    let done = part(&client, "k", &id, 1, b"all").await;
    let complete = || {
        let complete =
            client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).if_none_match("*");
        complete.multipart_upload(parts([done.clone()])).send()
    };
    let first = complete().await.unwrap();
    let second = complete().await.unwrap();
    assert_eq!(first.e_tag(), second.e_tag());
    assert_eq!(bucket.s3.pending_events(10).unwrap().len(), 1);
    assert_eq!(bucket.get("k").await.unwrap(), b"all");
}

#[tokio::test]
async fn a_part_sent_again_replaces_the_first() {
    let bucket = Bucket::start().await;
    let client = bucket.client("import-item");
    let id = begin(&client, "k").await;
    part(&client, "k", &id, 1, b"first").await;
    let again = part(&client, "k", &id, 1, b"again").await;
    assert_eq!(bucket.files(), (0, 1));
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    complete.multipart_upload(parts([again])).send().await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap(), b"again");
}

#[tokio::test]
async fn parts_that_the_completion_omits_are_deleted() {
    let bucket = Bucket::start().await;
    let client = bucket.client("import-item");
    let id = begin(&client, "k").await;
    let first = part(&client, "k", &id, 1, b"first").await;
    part(&client, "k", &id, 2, b"second").await;
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    complete.multipart_upload(parts([first])).send().await.unwrap();
    assert_eq!((bucket.get("k").await.unwrap(), bucket.files()), (b"first".to_vec(), (0, 1)));
}

#[tokio::test]
async fn parts_can_be_sent_to_presigned_urls() {
    let bucket = Bucket::start().await;
    let client = bucket.client("sign-parts");
    let id = begin(&client, "k").await;
    let presigned =
        client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(1).content_length(5);
    let presigned = presigned.presigned(five_minutes()).await.unwrap();
    let response = send(&presigned, b"bytes".to_vec(), |request| request).await;
    assert_eq!(response.status, 200, "{response:?}");
    send(&presigned, b"more bytes".to_vec(), |request| request)
        .await
        .assert_refused(403, "SignatureDoesNotMatch");
    let other = send(&presigned, b"bytes".to_vec(), |mut request| {
        let url = request.url().as_str().replace("partNumber=1", "partNumber=2");
        *request.url_mut() = url.parse().unwrap();
        request
    });
    other.await.assert_refused(403, "SignatureDoesNotMatch");
    let done = CompletedPart::builder().part_number(1).e_tag(response.header("etag")).build();
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    let completed = complete.multipart_upload(parts([done])).send().await.unwrap();
    assert_eq!(
        completed.checksum_crc64_nvme(),
        Some(crc64nvme(b"bytes").as_str()),
        "computed, though not sent"
    );
}

#[tokio::test]
async fn composite_checksums_are_computed_from_the_parts() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let create = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    let created = create.send().await.unwrap();
    let id = created.upload_id().unwrap();
    let put = client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(id)
        .part_number(1)
        .body(b"all".to_vec().into());
    let put = put.checksum_sha256(sha256(b"all")).send().await.unwrap();
    let done = |named: Option<String>| {
        let part = CompletedPart::builder().part_number(1).e_tag(put.e_tag().unwrap());
        parts([part.set_checksum_sha256(named).build()])
    };
    let complete = || client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id);
    let unnamed = complete().multipart_upload(done(None)).send().await.unwrap_err();
    assert_eq!(code(&unnamed), "InvalidRequest");
    let wrong = complete().multipart_upload(done(Some(sha256(b"other")))).send().await.unwrap_err();
    assert_eq!(code(&wrong), "InvalidPart");
    let completed = complete().multipart_upload(done(Some(sha256(b"all")))).send().await.unwrap();
    assert!(completed.checksum_sha256().unwrap().ends_with("=-1"));
    assert_eq!(completed.checksum_type(), Some(&ChecksumType::Composite));
}

#[tokio::test]
async fn stored_parts_are_listed_page_by_page() {
    let bucket = Bucket::start().await;
    let client = bucket.client("list-parts");
    let id = begin(&client, "k").await;
    for number in [3, 1, 10_000, 2, 7] {
        part(&client, "k", &id, number, &vec![0; usize::try_from(number).unwrap()]).await;
    }
    let list = || client.list_parts().bucket(BUCKET).key("k").upload_id(&id).max_parts(2);
    let first = list().send().await.unwrap();
    assert_eq!((first.is_truncated(), first.next_part_number_marker()), (Some(true), Some("2")));
    assert_eq!(first.checksum_algorithm(), Some(&ChecksumAlgorithm::Crc64Nvme));
    let mut listed = Vec::new();
    let mut pages = list().into_paginator().send();
    while let Some(page) = pages.next().await {
        for part in page.unwrap().parts() {
            let size = usize::try_from(part.size().unwrap()).unwrap();
            assert_eq!(part.checksum_crc64_nvme(), Some(crc64nvme(&vec![0; size]).as_str()));
            listed.push((part.part_number().unwrap(), size));
        }
    }
    assert_eq!(listed, [(1, 1), (2, 2), (3, 3), (7, 7), (10_000, 10_000)]);
}

#[tokio::test]
async fn open_uploads_are_listed_page_by_page() {
    let bucket = Bucket::start().await;
    let client = bucket.client("sweep");
    let mut expected = Vec::new();
    for key in ["files/b", "files/a", "files/a", "other"] {
        let id = begin(&client, key).await;
        expected.push((key.to_owned(), id));
    }
    expected.sort();
    expected.retain(|(key, _)| key.starts_with("files/"));
    let mut listed = Vec::new();
    let (mut key, mut id) = (None, None);
    loop {
        let list = client.list_multipart_uploads().bucket(BUCKET).prefix("files/").max_uploads(1);
        let page = list.set_key_marker(key).set_upload_id_marker(id).send().await.unwrap();
        let uploads = page.uploads().iter();
        listed.extend(
            uploads.map(|upload| (upload.key().unwrap().to_owned(), upload.upload_id().unwrap().to_owned())),
        );
        if page.is_truncated() != Some(true) {
            break;
        }
        (key, id) =
            (page.next_key_marker().map(str::to_owned), page.next_upload_id_marker().map(str::to_owned));
    }
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn the_sdk_may_compute_the_checksums_of_parts() {
    let bucket = Bucket::start().await;
    let client = bucket.client("import-item");
    let body = noise(300_000, 1);
    let id = begin(&client, "k").await;
    let part = || {
        client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(1).body(body.clone().into())
    };
    // By default the SDK uses CRC32, which is not the upload's algorithm.
    assert_eq!(code(&part().send().await.unwrap_err()), "InvalidRequest");
    let put = part().checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    assert_eq!(put.checksum_crc64_nvme(), Some(crc64nvme(&body).as_str()));
    let done = CompletedPart::builder().part_number(1).e_tag(put.e_tag().unwrap()).build();
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    complete.multipart_upload(parts([done])).send().await.unwrap();
    assert!(bucket.get("k").await.unwrap() == body);
}
