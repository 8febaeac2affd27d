//! Maps calls of S3 to IAM actions.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::Request;
use crate::account::bucket_arn;

/// The parts of a call that decide its permissions.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// AWS's name of the operation.
    pub(crate) operation: &'a str,
    pub(crate) bucket: &'a str,
    /// Empty for a call about the bucket.
    pub(crate) key: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// Returns the actions that a call needs.
pub(crate) fn requests(call: Call<'_>) -> Vec<Request> {
    let bucket = bucket_arn(call.bucket);
    let object = format!("{bucket}/{}", call.key);
    let on_object = |action: &str| Request::new(action, object.clone());
    let has = |name: &str| call.headers.contains_key(name);
    match call.operation {
        "GetObject" | "HeadObject" if versioned(call.query) => vec![on_object("s3:GetObjectVersion")],
        "GetObject" | "HeadObject" => vec![on_object("s3:GetObject")],
        "GetObjectAttributes" => vec![on_object("s3:GetObject"), on_object("s3:GetObjectAttributes")],
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            let mut requests = vec![on_object("s3:PutObject")];
            // A condition reveals the stored object.
            requests.extend(has("if-match").then(|| on_object("s3:GetObject")));
            requests.extend(has("x-amz-tagging").then(|| on_object("s3:PutObjectTagging")));
            requests.extend(has("x-amz-acl").then(|| on_object("s3:PutObjectAcl")));
            requests
        }
        "CopyObject" | "UploadPartCopy" => {
            vec![Request::new("s3:GetObject", copy_source(call.headers)), on_object("s3:PutObject")]
        }
        "DeleteObject" if versioned(call.query) => vec![on_object("s3:DeleteObjectVersion")],
        "DeleteObject" => vec![on_object("s3:DeleteObject")],
        "AbortMultipartUpload" => vec![on_object("s3:AbortMultipartUpload")],
        "ListParts" => vec![on_object("s3:ListMultipartUploadParts")],
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => vec![Request::new("s3:ListBucket", bucket)],
        "ListMultipartUploads" => vec![Request::new("s3:ListBucketMultipartUploads", bucket)],
        // The permissions of other operations are not known here. This action is one that no policy names.
        other if call.key.is_empty() => vec![Request::new(format!("s3:{other}"), bucket)],
        other => vec![on_object(&format!("s3:{other}"))],
    }
}

/// Returns the action without which a caller gets 403 instead of 404 for a missing object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
pub(crate) fn missing_object(call: Call<'_>) -> Option<Request> {
    match call.operation {
        "GetObject" | "HeadObject" | "GetObjectAttributes" => {
            Some(Request::new("s3:ListBucket", bucket_arn(call.bucket)))
        }
        "CopyObject" | "UploadPartCopy" => {
            let source = copy_source(call.headers);
            let bucket = source.split_once('/').map_or(source.as_str(), |(bucket, _)| bucket);
            Some(Request::new("s3:ListBucket", bucket))
        }
        _ => None,
    }
}

fn versioned(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("versionId="))
}

/// Returns the ARN of a copy's source.
fn copy_source(headers: &HeaderMap) -> String {
    let source = headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let source = percent_decode_str(source).decode_utf8_lossy();
    let source = source.trim_start_matches('/');
    bucket_arn(source.split_once('?').map_or(source, |(source, _)| source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_become_actions_on_the_bucket_and_its_objects() {
        for (operation, key, headers, expected) in [
            ("HeadObject", "f/k", &[][..], &["GetObject b/f/k"][..]),
            ("GetObject", "f/k", &[], &["GetObject b/f/k"]),
            ("GetObjectAttributes", "k", &[], &["GetObject b/k", "GetObjectAttributes b/k"]),
            ("PutObject", "f/k", &[], &["PutObject b/f/k"]),
            ("PutObject", "f/k", &[("if-none-match", "*")], &["PutObject b/f/k"]),
            ("PutObject", "k", &[("if-match", "\"e\"")], &["PutObject b/k", "GetObject b/k"]),
            (
                "PutObject",
                "k",
                &[("x-amz-tagging", "a=b"), ("x-amz-acl", "private")],
                &["PutObject b/k", "PutObjectTagging b/k", "PutObjectAcl b/k"],
            ),
            ("CreateMultipartUpload", "k", &[], &["PutObject b/k"]),
            ("UploadPart", "k", &[], &["PutObject b/k"]),
            ("CompleteMultipartUpload", "k", &[], &["PutObject b/k"]),
            ("ListParts", "k", &[], &["ListMultipartUploadParts b/k"]),
            ("AbortMultipartUpload", "k", &[], &["AbortMultipartUpload b/k"]),
            ("DeleteObject", "k", &[], &["DeleteObject b/k"]),
            (
                "CopyObject",
                "k",
                &[("x-amz-copy-source", "/b/f/a%20b?versionId=1")],
                &["GetObject b/f/a b", "PutObject b/k"],
            ),
            ("ListObjectsV2", "", &[], &["ListBucket b"]),
            ("HeadBucket", "", &[], &["ListBucket b"]),
            ("ListMultipartUploads", "", &[], &["ListBucketMultipartUploads b"]),
            ("GetBucketPolicy", "", &[], &["GetBucketPolicy b"]),
            ("GetObjectAcl", "k", &[], &["GetObjectAcl b/k"]),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            let call = Call { operation, bucket: "b", key, query: "", headers: &map };
            let text = |request: &Request| {
                format!(
                    "{} {}",
                    request.action.replace("s3:", ""),
                    request.resource.replace("arn:aws:s3:::", "")
                )
            };
            assert_eq!(requests(call).iter().map(text).collect::<Vec<_>>(), expected, "{operation}");
        }
    }

    #[test]
    fn versions_need_other_actions() {
        let headers = HeaderMap::new();
        let call = Call {
            operation: "GetObject",
            bucket: "b",
            key: "k",
            query: "a=1&versionId=2",
            headers: &headers,
        };
        assert_eq!(requests(call)[0].action, "s3:GetObjectVersion");
        let call = Call { operation: "DeleteObject", ..call };
        assert_eq!(requests(call)[0].action, "s3:DeleteObjectVersion");
    }
}
