//! Facts of recorded AWS behaviour: checksums and multipart uploads. Each names its source, as in
//! [`crate::facts_objects`].

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedPart, ObjectAttributes};

use crate::bucket::{BUCKET, Bucket, Response, code, crc64nvme, noise, sha256};
use crate::multipart::{MIN_PART, begin, part, parts};

/// Creates an upload with other options than the project uses.
async fn begin_as(client: &Client, algorithm: Option<ChecksumAlgorithm>) -> String {
    let create = client.create_multipart_upload().bucket(BUCKET).key("k").set_checksum_algorithm(algorithm);
    create.send().await.unwrap().upload_id().unwrap().to_owned()
}

/// A part's number and tag, and optionally element and value of its checksum.
type Named<'n> = (i32, &'n str, Option<(&'n str, &'n str)>);

/// Completes an upload with raw XML: the parts' tags and optional checksums as elements.
async fn complete(bucket: &Bucket, id: &str, headers: &[(&str, &str)], named: &[Named<'_>]) -> Response {
    let named = named.iter().map(|(number, tag, sum)| {
        let sum = sum.map(|(name, value)| format!("<{name}>{value}</{name}>")).unwrap_or_default();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag>{sum}</Part>")
    });
    let body = format!(
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</CompleteMultipartUpload>",
        named.collect::<String>()
    );
    bucket.signed("POST", &format!("k?uploadId={id}"), headers, body.as_bytes()).await
}

fn tag(part: &CompletedPart) -> &str {
    part.e_tag().unwrap()
}

/// LS multipart_checksum_type_compatibility, multipart_parts_checksum_exceptions_composite.
#[tokio::test]
async fn checksum_types_must_match_their_algorithms() {
    let bucket = Bucket::start().await;
    for (algorithm, kind, message) in [
        (
            Some("CRC64NVME"),
            "COMPOSITE",
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
        ),
        (
            Some("SHA1"),
            "FULL_OBJECT",
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.",
        ),
        (
            Some("SHA256"),
            "FULL_OBJECT",
            "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm.",
        ),
        (
            None,
            "COMPOSITE",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        ),
    ] {
        let mut headers = vec![("x-amz-checksum-type", kind)];
        headers.extend(algorithm.map(|algorithm| ("x-amz-checksum-algorithm", algorithm)));
        let create = bucket.signed("POST", "k?uploads", &headers, b"").await;
        create.assert_error(400, "InvalidRequest", &[("Message", message)]);
    }
}

/// LS multipart_parts_checksum_exceptions_full_object, complete_multipart_parts_checksum_full_object.
#[tokio::test]
async fn the_checksum_of_a_whole_object_needs_its_type() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let done = part(&client, "k", &id, 1, b"all").await;
    let (right, wrong) = (crc64nvme(b"all"), crc64nvme(b"other"));
    let full = ("x-amz-checksum-type", "FULL_OBJECT");
    let named = [(1, tag(&done), None)];
    let mismatch = "The crc64nvme you specified did not match the calculated checksum.";
    let modes = "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same \
                 checksum mode.";
    for (headers, code, message) in [
        (&[("x-amz-checksum-crc64nvme", right.as_str())][..], "BadDigest", mismatch),
        (&[("x-amz-checksum-crc64nvme", wrong.as_str()), full], "BadDigest", mismatch),
        (&[("x-amz-checksum-crc32", "AAAAAA=="), full], "BadDigest", mismatch),
        (&[("x-amz-checksum-type", "COMPOSITE")], "InvalidRequest", modes),
    ] {
        let refused = complete(&bucket, &id, headers, &named).await;
        refused.assert_error(400, code, &[("Message", message)]);
    }
    let completed = complete(&bucket, &id, &[("x-amz-checksum-crc64nvme", &right), full], &named).await;
    assert_eq!(completed.status, 200, "{completed:?}");
    assert_eq!(completed.element("ChecksumCRC64NVME"), Some(right));
    assert_eq!(completed.element("ChecksumType").as_deref(), Some("FULL_OBJECT"));
}

/// LS complete_multipart_parts_checksum_default: an SDK sends CRC32 with each part although the upload has no algorithm.
#[tokio::test]
async fn an_upload_without_algorithm_takes_parts_with_any() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin_as(&client, None).await;
    let put = |body: &'static [u8]| {
        let part = client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(1);
        part.body(aws_sdk_s3::primitives::ByteStream::from_static(body))
    };
    let done = put(b"all").send().await.unwrap();
    let crc32 = done.checksum_crc32().unwrap().to_owned();
    let wrong = put(b"all").checksum_crc32("AAAAAA==").send().await.unwrap_err();
    assert_eq!(code(&wrong), "BadDigest", "a sent checksum is checked");
    let tag = done.e_tag().unwrap();
    let named = [(1, tag, None)];
    let full = [("x-amz-checksum-type", "FULL_OBJECT")];
    let message = "The upload was created using the null checksum mode. The complete request must use the same \
                   checksum mode.";
    let refused = complete(&bucket, &id, &full, &named).await;
    refused.assert_error(400, "InvalidRequest", &[("Message", message)]);
    let refused = complete(&bucket, &id, &[], &[(1, tag, Some(("ChecksumCRC32", &crc32)))]).await;
    refused.assert_error(400, "InvalidPart", &[("PartNumber", "1"), ("UploadId", &id)]);
    let completed = complete(&bucket, &id, &[], &named).await;
    assert_eq!(completed.status, 200, "{completed:?}");
    assert_eq!(completed.element("ChecksumCRC64NVME"), Some(crc64nvme(b"all")));
}

/// LS multipart_parts_checksum_exceptions_composite, complete_multipart_parts_checksum_composite.
#[tokio::test]
async fn checksums_of_parts_are_compared() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin_as(&client, Some(ChecksumAlgorithm::Sha256)).await;
    let target = format!("k?partNumber=1&uploadId={id}");
    let mismatch =
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32";
    let refused = bucket.signed("PUT", &target, &[("x-amz-checksum-crc32", "AAAAAA==")], b"all").await;
    refused.assert_error(400, "InvalidRequest", &[("Message", mismatch)]);
    let sum = sha256(b"all");
    let put = bucket.signed("PUT", &target, &[("x-amz-checksum-sha256", &sum)], b"all").await;
    let tag = put.header("etag");
    let missing = "The upload was created using a sha256 checksum. The complete request must include the checksum for \
                   each part. It was missing for part 1 in the request.";
    let other = "The crc32 you specified for part 1 did not match what we received.";
    for (named, code, message) in
        [(None, "InvalidRequest", missing), (Some(("ChecksumCRC32", "AAAAAA==")), "BadDigest", other)]
    {
        let refused = complete(&bucket, &id, &[], &[(1, tag, named)]).await;
        refused.assert_error(400, code, &[("Message", message)]);
    }
    let wrong = sha256(b"other");
    let refused = complete(&bucket, &id, &[], &[(1, tag, Some(("ChecksumSHA256", &wrong)))]).await;
    let details = [("ETag", tag), ("PartNumber", "1"), ("UploadId", &id)];
    refused.assert_error(400, "InvalidPart", &details.map(|(name, value)| (name, value.trim_matches('"'))));
    let completed = complete(&bucket, &id, &[], &[(1, tag, Some(("ChecksumSHA256", &sum)))]).await;
    assert!(completed.element("ChecksumSHA256").unwrap().ends_with("-1"), "{completed:?}");
}

/// LS multipart_complete_multipart_too_small, complete_multipart_parts_order, complete_multipart_wrong_part,
/// multipart_size_validation, multipart_no_such_upload, multipart_key_validation.
#[tokio::test]
async fn refusals_name_the_mistake() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let (first, second) =
        (part(&client, "k", &id, 1, b"one").await, part(&client, "k", &id, 2, b"two").await);
    let (one, two) = ((1, tag(&first), None), (2, tag(&second), None));
    let bare = |part: &CompletedPart| tag(part).trim_matches('"').to_owned();
    let upload = ("UploadId", id.as_str());
    complete(&bucket, &id, &[], &[two, one]).await.assert_error(400, "InvalidPartOrder", &[upload]);
    let refused = complete(&bucket, &id, &[], &[one, (3, tag(&second), None)]).await;
    refused.assert_error(400, "EntityTooSmall", &[("PartNumber", "1")]);
    let refused = complete(&bucket, &id, &[], &[(3, tag(&second), None)]).await;
    refused.assert_error(400, "InvalidPart", &[("ETag", &bare(&second)), ("PartNumber", "3"), upload]);
    let refused = complete(&bucket, &id, &[], &[(1, tag(&second), None)]).await;
    refused.assert_error(400, "InvalidPart", &[("ETag", &bare(&second)), ("PartNumber", "1"), upload]);
    let details = [
        ("ETag", bare(&first)),
        ("MinSizeAllowed", "5242880".to_owned()),
        ("PartNumber", "1".to_owned()),
        ("ProposedSize", "3".to_owned()),
    ];
    let details: Vec<_> = details.iter().map(|(name, value)| (*name, value.as_str())).collect();
    complete(&bucket, &id, &[], &[one, two]).await.assert_error(400, "EntityTooSmall", &details);
    let size = "The provided 'x-amz-mp-object-size' header value 4 does not match what was computed: 3";
    let refused = complete(&bucket, &id, &[("x-amz-mp-object-size", "4")], &[one]).await;
    refused.assert_error(400, "InvalidRequest", &[("Message", size)]);
    let none = bucket.signed("POST", &format!("k?uploadId={id}"), &[], b"").await;
    none.assert_error(400, "InvalidRequest", &[("Message", "You must specify at least one part")]);
    for number in ["0", "-1", "10001"] {
        let target = format!("k?partNumber={number}&uploadId={id}");
        let details = [
            ("Message", "Part number must be an integer between 1 and 10000, inclusive"),
            ("ArgumentName", "partNumber"),
            ("ArgumentValue", number),
        ];
        bucket.signed("PUT", &target, &[], b"x").await.assert_error(400, "InvalidArgument", &details);
    }
    for (method, target) in [
        ("PUT", "k?partNumber=1&uploadId=unknown".to_owned()),
        ("POST", "k?uploadId=unknown".to_owned()),
        ("DELETE", "k?uploadId=unknown".to_owned()),
        ("PUT", format!("other?partNumber=1&uploadId={id}")),
        ("DELETE", format!("other?uploadId={id}")),
    ] {
        let refused = bucket.signed(method, &target, &[], b"").await;
        let upload = target.rsplit('=').next().unwrap();
        refused.assert_error(404, "NoSuchUpload", &[("UploadId", upload)]);
    }
    assert_eq!(complete(&bucket, &id, &[], &[one]).await.status, 200);
}

/// A change of the key between Create and Complete.
#[derive(Clone, Copy, Debug)]
enum Between {
    Nothing,
    Put(&'static [u8]),
    Delete,
    DeleteAndPut,
}

/// Completes an upload of a key that contained `before`, on condition that it still has that tag, or no object.
async fn completed(before: Option<&'static [u8]>, between: Between, condition: &str) -> Response {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    if let Some(body) = before {
        bucket.put("k", body).await;
    }
    let current = bucket.signed("HEAD", "k", &[], b"").await.header("etag").to_owned();
    let id = begin(&client, "k").await;
    let done = part(&client, "k", &id, 1, b"all").await;
    match between {
        Between::Nothing => {}
        Between::Put(body) => bucket.put("k", body).await,
        Between::Delete | Between::DeleteAndPut => {
            bucket.signed("DELETE", "k", &[], b"").await;
        }
    }
    if let Between::DeleteAndPut = between {
        bucket.put("k", before.unwrap()).await;
    }
    let header = match condition {
        "if-none-match" => (condition, "*"),
        _ => (condition, current.as_str()),
    };
    complete(&bucket, &id, &[header], &[(1, tag(&done), None)]).await
}

/// LS multipart_if_none_match_with_put, …_with_delete, multipart_if_match_with_put, …_with_put_identical,
/// …_with_delete.
#[tokio::test]
async fn a_conditional_completion_fails_after_changes_in_between() {
    let old: Option<&'static [u8]> = Some(b"old");
    for (before, between, condition, status, code) in [
        (None, Between::Nothing, "if-none-match", 200, ""),
        (None, Between::Put(b"new"), "if-none-match", 412, "PreconditionFailed"),
        (old, Between::Nothing, "if-none-match", 412, "PreconditionFailed"),
        (old, Between::Delete, "if-none-match", 409, "ConditionalRequestConflict"),
        (None, Between::Delete, "if-none-match", 200, ""),
        (old, Between::Nothing, "if-match", 200, ""),
        (old, Between::Put(b"new"), "if-match", 412, "PreconditionFailed"),
        (old, Between::Put(b"old"), "if-match", 409, "ConditionalRequestConflict"),
        (old, Between::Delete, "if-match", 404, "NoSuchKey"),
        (old, Between::DeleteAndPut, "if-match", 409, "ConditionalRequestConflict"),
    ] {
        let completed = completed(before, between, condition).await;
        let found = (completed.status, completed.code());
        assert_eq!(found, (status, code.to_owned()), "{before:?} {between:?} {condition}");
        if status == 409 || status == 412 {
            let name = if condition == "if-match" { "If-Match" } else { "If-None-Match" };
            completed.assert_error(status, code, &[("Condition", name)]);
        }
    }
}

/// LS multipart_if_match_with_put: writes before the upload and writes of other keys do not conflict.
#[tokio::test]
async fn only_changes_in_between_are_a_conflict() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    bucket.put("k", b"older".as_slice()).await;
    bucket.signed("DELETE", "k", &[], b"").await;
    let id = begin(&client, "k").await;
    let done = part(&client, "k", &id, 1, b"all").await;
    bucket.put("other", b"other".as_slice()).await;
    bucket.signed("DELETE", "other", &[], b"").await;
    let bucket = bucket.restart().await;
    let completed = complete(&bucket, &id, &[("if-none-match", "*")], &[(1, tag(&done), None)]).await;
    assert_eq!(completed.status, 200, "{completed:?}");
}

/// LS complete_multipart_parts_checksum_*: parts of a completed object are read by their number.
#[tokio::test]
async fn parts_are_read_by_number() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin_as(&client, Some(ChecksumAlgorithm::Sha256)).await;
    let pieces = [noise(MIN_PART, 1), noise(300, 2)];
    let mut done = Vec::new();
    for (number, piece) in [(2, &pieces[0]), (7, &pieces[1])] {
        let put = client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(number);
        let put = put.checksum_sha256(sha256(piece)).body(piece.clone().into()).send().await.unwrap();
        let part = CompletedPart::builder().part_number(number).e_tag(put.e_tag().unwrap());
        done.push(part.checksum_sha256(sha256(piece)).build());
    }
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    complete.multipart_upload(parts(done)).send().await.unwrap();
    let bucket = bucket.restart().await;
    let client = bucket.client("root");
    let head = |number| {
        let head = client.head_object().bucket(BUCKET).key("k").part_number(number);
        head.checksum_mode(ChecksumMode::Enabled)
    };
    let second = head(7).send().await.unwrap();
    assert_eq!((second.parts_count(), second.content_length()), (Some(2), Some(300)));
    assert_eq!(second.checksum_sha256(), Some(sha256(&pieces[1]).as_str()));
    assert_eq!(second.checksum_type(), Some(&ChecksumType::Composite));
    let raw = bucket.signed("HEAD", "k?partNumber=7", &[], b"").await;
    let expected = format!("bytes {MIN_PART}-{}/{}", MIN_PART + 299, MIN_PART + 300);
    assert_eq!((raw.status, raw.header("content-range")), (206, expected.as_str()));
    let got = bucket.signed("GET", "k?partNumber=2", &[], b"").await;
    assert_eq!((got.status, got.header("x-amz-mp-parts-count")), (206, "2"));
    assert!(got.body == pieces[0]);
    let details = [("PartNumberRequested", "3"), ("ActualPartCount", "2")];
    bucket.signed("GET", "k?partNumber=3", &[], b"").await.assert_error(416, "InvalidPartNumber", &details);
    let both = bucket.signed("GET", "k?partNumber=2", &[("range", "bytes=0-1")], b"").await;
    both.assert_refused(400, "InvalidRequest");
    bucket.signed("GET", "k?partNumber=0", &[], b"").await.assert_refused(400, "InvalidArgument");

    let attributes = client.get_object_attributes().bucket(BUCKET).key("k").max_parts(1);
    let attributes = attributes
        .object_attributes(ObjectAttributes::ObjectParts)
        .object_attributes(ObjectAttributes::Checksum)
        .send()
        .await
        .unwrap();
    let listed = attributes.object_parts().unwrap();
    assert_eq!((listed.total_parts_count(), listed.is_truncated()), (Some(2), Some(true)));
    let [first] = listed.parts() else { panic!("{listed:?}") };
    assert_eq!((first.part_number(), first.size()), (Some(2), i64::try_from(MIN_PART).ok()));
    assert_eq!(first.checksum_sha256(), Some(sha256(&pieces[0]).as_str()));
    assert!(!attributes.checksum().unwrap().checksum_sha256().unwrap().contains('-'));
}

/// LS get_object_part: an object of one PUT has one part, and its response has no count of parts.
#[tokio::test]
async fn an_object_of_one_put_has_one_part() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"0123456789".as_slice()).await;
    let got = bucket.signed("GET", "k?partNumber=1", &[], b"").await;
    assert_eq!((got.status, got.header("content-range")), (206, "bytes 0-9/10"));
    assert_eq!((got.body.as_slice(), got.header("x-amz-mp-parts-count")), (&b"0123456789"[..], ""));
    let details = [("PartNumberRequested", "2"), ("ActualPartCount", "1")];
    bucket.signed("GET", "k?partNumber=2", &[], b"").await.assert_error(416, "InvalidPartNumber", &details);
}
