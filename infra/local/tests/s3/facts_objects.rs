//! Facts of recorded AWS behaviour: objects, ranges, conditions. Each names its source: LS is
//! localstack/localstack 8b9a79f, `tests/aws/services/s3` (snapshots recorded on AWS); VG is versity/versitygw 5d9d548,
//! `tests/integration`.

use std::time::SystemTime;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectAttributes};

use crate::bucket::{BUCKET, Bucket, code, crc64nvme};
use crate::raw::send;

/// LS get_object_range, invalid_range_error: the result is the same with a signed and an unsigned header.
#[tokio::test]
async fn ranges_are_cut_ignored_or_refused() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"0123456789".as_slice()).await;
    let presigned = bucket.presign("GET", "k", &[]);
    for (range, expected) in [
        ("bytes=0-8", Some("bytes 0-8/10")),
        ("bytes=1-", Some("bytes 1-9/10")),
        ("bytes=-2", Some("bytes 8-9/10")),
        ("bytes=-15", Some("bytes 0-9/10")),
        ("bytes=0-100", Some("bytes 0-9/10")),
        ("bytes=1-0", None),
        ("bytes=-1-", None),
        ("bytes=0--1", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("test", None),
    ] {
        let header = [("range", range)];
        for got in
            [bucket.signed("GET", "k", &header, b"").await, send("GET", &presigned, &header, b"").await]
        {
            let status = if expected.is_some() { 206 } else { 200 };
            assert_eq!(
                (got.status, got.header("content-range")),
                (status, expected.unwrap_or("")),
                "{range}"
            );
        }
    }
    for range in ["bytes=100-200", "bytes=-0"] {
        let got = bucket.signed("GET", "k", &[("range", range)], b"").await;
        let details = [("RangeRequested", range), ("ActualObjectSize", "10")];
        got.assert_error(416, "InvalidRange", &details);
    }
}

/// VG GetObject ranges.
#[tokio::test]
async fn a_suffix_range_of_an_empty_object_is_the_whole() {
    let bucket = Bucket::start().await;
    bucket.put("empty", Vec::new()).await;
    let got = bucket.signed("GET", "empty", &[("range", "bytes=-1")], b"").await;
    assert_eq!((got.status, got.header("content-length")), (200, "0"));
    bucket.signed("GET", "empty", &[("range", "bytes=0-")], b"").await.assert_refused(416, "InvalidRange");
}

/// VG HeadObject_by_range_resp_status.
#[tokio::test]
async fn a_head_with_a_range_is_206() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"0123456789".as_slice()).await;
    for (range, expected) in [("bytes=2-4", 206), ("bytes=10-", 416), ("bytes=4-2", 200)] {
        let head = bucket.signed("HEAD", "k", &[("range", range)], b"").await;
        assert_eq!(head.status, expected, "{range}");
    }
    let head = bucket.signed("HEAD", "k", &[("range", "bytes=2-4")], b"").await;
    assert_eq!((head.header("content-range"), head.header("content-length")), ("bytes 2-4/10", "3"));
}

fn http_date(offset: i64) -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let date = DateTime::from_secs(i64::try_from(seconds).unwrap() + offset);
    date.fmt(aws_sdk_s3::primitives::DateTimeFormat::HttpDate).unwrap()
}

/// LS s3_get_object_preconditions; s3_copy_object_preconditions.
#[tokio::test]
async fn reads_check_their_conditions() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let (past, future) = (http_date(-3600), http_date(3600));
    let tag = bucket.signed("HEAD", "k", &[], b"").await.header("etag").to_owned();
    for (name, value, status, condition) in [
        ("if-match", "\"other\"", 412, "If-Match"),
        ("if-match", "not a tag", 412, "If-Match"),
        ("if-unmodified-since", past.as_str(), 412, "If-Unmodified-Since"),
        ("if-none-match", tag.as_str(), 304, ""),
        ("if-none-match", tag.trim_matches('"'), 304, ""),
        ("if-none-match", "not a tag", 200, ""),
        ("if-modified-since", future.as_str(), 200, ""),
        ("if-modified-since", past.as_str(), 200, ""),
    ] {
        let got = bucket.signed("GET", "k", &[(name, value)], b"").await;
        assert_eq!(got.status, status, "{name}: {value}");
        assert_eq!(bucket.signed("HEAD", "k", &[(name, value)], b"").await.status, status, "{name}: {value}");
        match status {
            412 => got.assert_error(412, "PreconditionFailed", &[("Condition", condition)]),
            304 => assert_eq!((got.body.as_slice(), got.header("etag")), (&b""[..], tag.as_str())),
            _ => assert_eq!(got.body, b"body"),
        }
        let (source, copied) = (format!("{BUCKET}/k"), format!("x-amz-copy-source-{name}"));
        let headers = [("x-amz-copy-source", source.as_str()), (copied.as_str(), value)];
        // In a copy's source, a value that is not a tag is not tested.
        if value != "not a tag" {
            let copy = bucket.signed("PUT", "copy", &headers, b"").await;
            let expected = if status == 200 { 200 } else { 412 };
            assert_eq!(copy.status, expected, "{name}: {value}");
        }
    }
    let source = format!("{BUCKET}/k");
    let headers = [("x-amz-copy-source", source.as_str()), ("x-amz-copy-source-if-match", "\"other\"")];
    let copy = bucket.signed("PUT", "copy", &headers, b"").await;
    copy.assert_error(412, "PreconditionFailed", &[("Condition", "x-amz-copy-source-If-Match")]);
}

/// LS put_object_if_none_match, …_validation, put_object_if_match, …_validation,
/// put_object_if_match_and_if_none_match_validation.
#[tokio::test]
async fn writes_check_their_conditions() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let tag = bucket.signed("HEAD", "k", &[], b"").await.header("etag").to_owned();
    let tag = tag.as_str();
    for (key, headers, status, code, details) in [
        (
            "k",
            &[("if-none-match", "*")][..],
            412,
            "PreconditionFailed",
            &[("Condition", "If-None-Match")][..],
        ),
        ("k", &[("if-none-match", tag)], 501, "NotImplemented", &[("Header", "If-None-Match")]),
        ("k", &[("if-none-match", "not a tag")], 501, "NotImplemented", &[("Header", "If-None-Match")]),
        ("k", &[("if-match", "*")], 501, "NotImplemented", &[("Header", "If-Match")]),
        ("k", &[("if-match", "\"0\"")], 412, "PreconditionFailed", &[("Condition", "If-Match")]),
        ("none", &[("if-match", tag)], 404, "NoSuchKey", &[("Key", "none")]),
        ("none", &[("if-match", "1!@#$%^&*()")], 404, "NoSuchKey", &[("Key", "none")]),
        ("none", &[("if-match", "*")], 501, "NotImplemented", &[("Header", "If-Match")]),
        (
            "k",
            &[("if-match", tag), ("if-none-match", "*")],
            501,
            "NotImplemented",
            &[
                ("Header", "If-Match,If-None-Match"),
                ("additionalMessage", "Multiple conditional request headers present in the request"),
            ],
        ),
    ] {
        let put = bucket.signed("PUT", key, headers, b"other").await;
        put.assert_error(status, code, details);
        assert_eq!(bucket.get("k").await.unwrap(), b"body", "{headers:?}");
    }
    assert_eq!(bucket.signed("PUT", "k", &[("if-match", tag)], b"next").await.status, 200);
    assert_eq!(bucket.get("k").await.unwrap(), b"next");
}

/// LS delete_object, delete_object_if_match_non_express, …_if_match_size_non_express, …_if_match_modified_….
#[tokio::test]
async fn deletes_check_their_conditions() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let now = http_date(0);
    for (headers, status, code, detail) in [
        (("if-match", "\"0\""), 412, "PreconditionFailed", ("Condition", "If-Match")),
        (("x-amz-if-match-size", "4"), 501, "NotImplemented", ("Header", "x-amz-if-match-size")),
        (
            ("x-amz-if-match-last-modified-time", now.as_str()),
            501,
            "NotImplemented",
            ("Header", "x-amz-if-match-last-modified-time"),
        ),
    ] {
        let delete = bucket.signed("DELETE", "k", &[headers], b"").await;
        delete.assert_error(status, code, &[detail]);
        assert!(bucket.get("k").await.is_some(), "{headers:?}");
    }
    assert_eq!(bucket.signed("DELETE", "k", &[("if-match", "*")], b"").await.status, 204);
    let missing = bucket.signed("DELETE", "k", &[], b"").await;
    assert_eq!(
        (missing.status, missing.header("content-type"), missing.header("content-length")),
        (204, "", "")
    );
}

/// LS get_object_with_version, delete_object.
#[tokio::test]
async fn a_bucket_without_versions_has_no_version() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    for method in ["GET", "DELETE"] {
        let refused = bucket.signed(method, "k?versionId=v1", &[], b"").await;
        let details = [("ArgumentName", "versionId"), ("ArgumentValue", "v1")];
        refused.assert_error(400, "InvalidArgument", &details);
    }
    assert_eq!(bucket.signed("GET", "k?versionId=null", &[], b"").await.status, 200);
}

/// LS s3_invalid_content_md5.
#[tokio::test]
async fn a_wrong_md5_differs_from_an_invalid_one() {
    let bucket = Bucket::start().await;
    for md5 in ["not base64", "YWJj"] {
        let put = bucket.signed("PUT", "k", &[("content-md5", md5)], b"body").await;
        put.assert_error(400, "InvalidDigest", &[("Content-MD5", md5)]);
    }
    let put = bucket.signed("PUT", "k", &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], b"body").await;
    let details = [
        ("ExpectedDigest", "00000000000000000000000000000000"),
        ("CalculatedDigest", "hBotaJrYa9FhFEdFPCLG/A=="),
    ];
    put.assert_error(400, "BadDigest", &details);
}

/// LS: no recording of PutObject has `x-amz-object-size`, which is for appended bytes.
#[tokio::test]
async fn a_put_does_not_return_the_size() {
    let bucket = Bucket::start().await;
    let put = bucket.signed("PUT", "k", &[], b"body").await;
    assert_eq!((put.status, put.headers.contains_key("x-amz-object-size")), (200, false));
    assert_eq!(put.header("x-amz-checksum-crc64nvme"), crc64nvme(b"body"));
}

/// LS get_ignores_body.
#[tokio::test]
async fn a_get_ignores_its_body() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    assert_eq!(bucket.signed("GET", "k", &[], b"ignored").await.body, b"body");
}

/// LS put_object_checksum[*], get_object_attributes.
#[tokio::test]
async fn attributes_come_without_the_bytes() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let put = client.put_object().bucket(BUCKET).key("k").checksum_algorithm(ChecksumAlgorithm::Sha256);
    let put = put.body(b"body".to_vec().into()).send().await.unwrap();
    let attributes =
        client.get_object_attributes().bucket(BUCKET).key("k").set_object_attributes(Some(vec![
            ObjectAttributes::Checksum,
            ObjectAttributes::Etag,
            ObjectAttributes::ObjectParts,
            ObjectAttributes::ObjectSize,
            ObjectAttributes::StorageClass,
        ]));
    let attributes = attributes.send().await.unwrap();
    assert_eq!(attributes.e_tag(), put.e_tag().map(|tag| tag.trim_matches('"')));
    assert_eq!(attributes.object_size(), Some(4));
    assert_eq!(attributes.checksum().unwrap().checksum_sha256(), put.checksum_sha256());
    assert_eq!(attributes.checksum().unwrap().checksum_type().unwrap().as_str(), "FULL_OBJECT");
    assert!(attributes.last_modified().is_some() && attributes.object_parts().is_none());
    let missing = client.get_object_attributes().bucket(BUCKET).key("none");
    let missing = missing.object_attributes(ObjectAttributes::Etag).send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchKey");
    let unasked = client.get_object_attributes().bucket(BUCKET).key("k");
    let unasked = unasked.object_attributes(ObjectAttributes::ObjectSize).send().await.unwrap();
    assert_eq!((unasked.e_tag(), unasked.object_size()), (None, Some(4)));
}

/// LS s3_get_object_preconditions: a date in the current second is not in the future.
#[tokio::test]
async fn an_object_is_not_modified_since_its_own_date() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let modified = bucket.signed("HEAD", "k", &[], b"").await.header("last-modified").to_owned();
    let got = bucket.signed("GET", "k", &[("if-modified-since", &modified)], b"").await;
    assert_eq!(got.status, 304);
    let got = bucket.signed("GET", "k", &[("if-unmodified-since", &modified)], b"").await;
    assert_eq!(got.status, 200);
}

/// LS s3_get_object_checksum, get_object_range: checksums are returned on request, which ignores case, and only with the whole
/// object.
#[tokio::test]
async fn checksums_are_returned_on_request_with_the_whole_object() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    for (headers, expected) in [
        (&[][..], false),
        (&[("x-amz-checksum-mode", "ENABLED")], true),
        (&[("x-amz-checksum-mode", "enabled")], true),
        (&[("x-amz-checksum-mode", "ENABLED"), ("range", "bytes=0-3")], true),
        (&[("x-amz-checksum-mode", "ENABLED"), ("range", "bytes=0-2")], false),
    ] {
        let got = bucket.signed("GET", "k", headers, b"").await;
        assert_eq!(got.headers.contains_key("x-amz-checksum-type"), expected, "{headers:?}");
    }
}
