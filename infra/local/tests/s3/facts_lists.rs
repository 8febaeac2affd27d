//! Facts of recorded AWS behaviour: keys, metadata, lists. Each names its source, as in [`crate::facts_objects`].

use aws_sdk_s3::types::CompletedPart;

use crate::bucket::{BUCKET, Bucket, code, crc64nvme};
use crate::multipart::{begin, part};

/// VG PutObject long key; documented: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
#[tokio::test]
async fn a_key_has_at_most_1024_bytes() {
    let bucket = Bucket::start().await;
    let longest = "%C3%A9".repeat(512);
    assert_eq!(bucket.signed("PUT", &longest, &[], b"body").await.status, 200);
    let details = [("Message", "Your key is too long"), ("Size", "1025"), ("MaxSizeAllowed", "1024")];
    let refused = bucket.signed("PUT", &format!("{longest}x"), &[], b"body").await;
    refused.assert_error(400, "KeyTooLongError", &details);
}

/// VG no_trailer_should_calculate_crc64nvme.
#[tokio::test]
async fn a_trailer_is_optional() {
    let bucket = Bucket::start().await;
    let headers = [("x-amz-decoded-content-length", "4"), ("content-encoding", "aws-chunked")];
    let form = aws_sigv4::http_request::SignableBody::StreamingUnsignedPayloadTrailer;
    let now = std::time::SystemTime::now();
    let put = bucket.signed_as(now, form, "PUT", "k", &headers, b"4\r\nbody\r\n0\r\n\r\n").await;
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(put.header("x-amz-checksum-crc64nvme"), crc64nvme(b"body"));
    let got = bucket.signed("GET", "k", &[], b"").await;
    assert_eq!((got.body.as_slice(), got.header("content-encoding")), (&b"body"[..], ""));
}

/// LS list_parts_timestamp_precision, and the other lists.
#[tokio::test]
async fn times_in_lists_are_whole_seconds() {
    let bucket = Bucket::start().await;
    bucket.put("k", b"body".as_slice()).await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    part(&client, "k", &id, 1, b"part").await;
    for (target, element) in [
        ("?list-type=2".to_owned(), "LastModified"),
        ("?uploads".to_owned(), "Initiated"),
        (format!("k?uploadId={id}"), "LastModified"),
    ] {
        let time = bucket.signed("GET", &target, &[], b"").await.element(element).unwrap();
        assert!(time.ends_with(".000Z"), "{target}: {time}");
    }
    let source = format!("{BUCKET}/k");
    let copy = bucket.signed("PUT", "copy", &[("x-amz-copy-source", &source)], b"").await;
    assert!(copy.element("LastModified").unwrap().ends_with(".000Z"), "{copy:?}");
}

/// Lists one page: keys, groups, and the token of the next page.
async fn page(bucket: &Bucket, query: &str) -> (Vec<String>, Vec<String>, Option<String>) {
    let listed = bucket.signed("GET", &format!("?list-type=2&{query}"), &[], b"").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let text = String::from_utf8(listed.body.clone()).unwrap();
    let all = |element: &str| -> Vec<String> {
        let tag = format!("<{element}>");
        let pieces = text.split(&tag).skip(1);
        pieces.map(|piece| piece.split('<').next().unwrap().to_owned()).collect()
    };
    let groups = text.split("<CommonPrefixes>").skip(1);
    let groups = groups.map(|group| group.split("<Prefix>").nth(1).unwrap().split('<').next().unwrap());
    let (keys, groups) = (all("Key"), groups.map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(listed.element("KeyCount").unwrap(), (keys.len() + groups.len()).to_string());
    (keys, groups, listed.element("NextContinuationToken"))
}

/// LS list_objects_v2_with_prefix_and_delimiter, list_objects_v2_continuation….
#[tokio::test]
async fn keys_are_grouped_by_a_delimiter() {
    let bucket = Bucket::start().await;
    for key in ["a", "b/1", "b/2", "b/c/3", "b0", "c/1", "c/2", "d", "e//f", "\u{10FFFF}/x"] {
        bucket.put(key, b"x".as_slice()).await;
    }
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (keys, groups, next) = page(&bucket, "delimiter=%2F").await;
    assert_eq!((keys, groups), (owned(&["a", "b0", "d"]), owned(&["b/", "c/", "e/", "\u{10FFFF}/"])));
    assert_eq!(next, None);
    let (keys, groups, _) = page(&bucket, "delimiter=%2F&prefix=b%2F").await;
    assert_eq!((keys, groups), (owned(&["b/1", "b/2"]), owned(&["b/c/"])));
    let (keys, groups, _) = page(&bucket, "delimiter=%2F&prefix=e%2F").await;
    assert_eq!((keys, groups), (owned(&[]), owned(&["e//"])));
    let (keys, groups, _) = page(&bucket, "delimiter=%2F&start-after=b%2F1").await;
    assert_eq!((keys, groups), (owned(&["b0", "d"]), owned(&["b/", "c/", "e/", "\u{10FFFF}/"])));
    let (keys, groups, _) = page(&bucket, "delimiter=%2F&encoding-type=url&prefix=b%2F").await;
    assert_eq!((keys, groups), (owned(&["b/1", "b/2"]), owned(&["b/c/"])));

    let (mut all, mut token) = (Vec::new(), None);
    for _ in 0..7 {
        let query = token.map(|token| format!("&continuation-token={token}")).unwrap_or_default();
        let (keys, groups, next) = page(&bucket, &format!("delimiter=%2F&max-keys=1{query}")).await;
        all.extend(keys.into_iter().chain(groups));
        token = next;
    }
    assert_eq!(all, ["a", "b/", "b0", "c/", "d", "e/", "\u{10FFFF}/"]);
    assert_eq!(token, None, "each group is listed once");
}

/// LS list_ops_encoding_type_validation.
#[tokio::test]
async fn url_is_the_only_encoding() {
    let bucket = Bucket::start().await;
    for list in ["list-type=2", "uploads"] {
        let refused = bucket.signed("GET", &format!("?{list}&encoding-type=value"), &[], b"").await;
        let details = [
            ("Message", "Invalid Encoding Method specified in Request"),
            ("ArgumentName", "encoding-type"),
            ("ArgumentValue", "value"),
        ];
        refused.assert_error(400, "InvalidArgument", &details);
    }
}

/// LS list_multiparts_next_marker.
#[tokio::test]
async fn a_list_of_uploads_always_has_markers() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let list = || client.list_multipart_uploads().bucket(BUCKET);
    let empty = list().send().await.unwrap();
    assert_eq!((empty.next_key_marker(), empty.next_upload_id_marker()), (Some(""), Some("")));
    let (first, second) = (begin(&client, "a").await, begin(&client, "b").await);
    let all = list().send().await.unwrap();
    assert_eq!((all.is_truncated(), all.next_key_marker()), (Some(false), Some("b")));
    assert_eq!(all.next_upload_id_marker(), Some(second.as_str()));
    let after = list().key_marker("a").upload_id_marker(&first).send().await.unwrap();
    assert_eq!(after.uploads().len(), 1);
    for (key, id) in [("b", first.as_str()), ("a", "unknown")] {
        let refused =
            bucket.signed("GET", &format!("?uploads&key-marker={key}&upload-id-marker={id}"), &[], b"").await;
        let details = [
            ("Message", "Invalid uploadId marker"),
            ("ArgumentName", "upload-id-marker"),
            ("ArgumentValue", id),
        ];
        refused.assert_error(400, "InvalidArgument", &details);
    }
    let alone = list().upload_id_marker("unknown").send().await.unwrap();
    assert_eq!(alone.uploads().len(), 2, "an id without its key does not count");
}

/// LS multipart_and_list_parts, list_parts_empty_part_number_marker, multipart_no_such_upload.
#[tokio::test]
async fn a_list_of_parts_always_has_a_marker() {
    let bucket = Bucket::start().await;
    let client = bucket.client("root");
    let id = begin(&client, "k").await;
    let list = || client.list_parts().bucket(BUCKET).key("k").upload_id(&id);
    assert_eq!(list().send().await.unwrap().next_part_number_marker(), Some("0"));
    let done: CompletedPart = part(&client, "k", &id, 3, b"part").await;
    assert_eq!(list().send().await.unwrap().next_part_number_marker(), Some("3"));
    for empty in ["part-number-marker=", "max-parts=", "part-number-marker=&max-parts="] {
        let listed = bucket.signed("GET", &format!("k?uploadId={id}&{empty}"), &[], b"").await;
        assert_eq!((listed.status, listed.element("PartNumber").as_deref()), (200, Some("3")), "{empty}");
        assert_eq!(listed.element("ETag").as_deref(), done.e_tag());
    }
    let unknown = bucket.signed("GET", "k?uploadId=unknown", &[], b"").await;
    unknown.assert_error(404, "NoSuchUpload", &[("UploadId", "unknown")]);
    let elsewhere = client.list_objects_v2().bucket("another-bucket").send().await.unwrap_err();
    assert_eq!(code(&elsewhere), "NoSuchBucket");
}
