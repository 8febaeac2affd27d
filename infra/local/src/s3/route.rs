//! Determines the operation of a request.

use http::{HeaderMap, Method, Uri};

/// Returns AWS's name of the operation. It depends only on method, URI and headers, before any verification, so that refused
/// calls are counted under the right name as well. Operations that are not supported are `Other`.
pub(super) fn operation(method: &Method, uri: &Uri, headers: &HeaderMap) -> &'static str {
    let path = uri.path().trim_start_matches('/');
    let is_object = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let query = uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let copies = headers.contains_key("x-amz-copy-source");
    match (method.as_str(), is_object) {
        ("OPTIONS", _) => "Preflight",
        ("HEAD", true) => "HeadObject",
        ("HEAD", false) => "HeadBucket",
        ("GET", true) if has("uploadId") => "ListParts",
        ("GET", true) if has("attributes") => "GetObjectAttributes",
        ("GET", true) if !has("acl") && !has("tagging") => "GetObject",
        ("GET", false) if has("uploads") => "ListMultipartUploads",
        ("GET", false) if query.split('&').any(|pair| pair == "list-type=2") => "ListObjectsV2",
        ("PUT", true) if has("uploadId") && copies => "UploadPartCopy",
        ("PUT", true) if has("uploadId") => "UploadPart",
        ("PUT", true) if copies => "CopyObject",
        ("PUT", true) if !has("acl") && !has("tagging") => "PutObject",
        ("POST", true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true) if has("uploadId") => "CompleteMultipartUpload",
        ("POST", false) if has("delete") => "DeleteObjects",
        ("DELETE", true) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", true) if !has("tagging") => "DeleteObject",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(method: &str, uri: &str) -> &'static str {
        operation(&method.parse().unwrap(), &uri.parse().unwrap(), &HeaderMap::new())
    }

    #[test]
    fn names_are_those_of_aws() {
        for (method, uri, expected) in [
            ("GET", "/bucket/a/b?x-id=GetObject&X-Amz-Signature=0", "GetObject"),
            ("GET", "/bucket/a?uploadId=1", "ListParts"),
            ("GET", "/bucket/a?attributes", "GetObjectAttributes"),
            ("GET", "/bucket?list-type=2&prefix=a%2F", "ListObjectsV2"),
            ("GET", "/bucket/?uploads", "ListMultipartUploads"),
            ("HEAD", "/bucket", "HeadBucket"),
            ("HEAD", "/bucket/a", "HeadObject"),
            ("PUT", "/bucket/a", "PutObject"),
            ("PUT", "/bucket/a?partNumber=1&uploadId=1", "UploadPart"),
            ("POST", "/bucket/a?uploads=", "CreateMultipartUpload"),
            ("POST", "/bucket/a?uploadId=1", "CompleteMultipartUpload"),
            ("DELETE", "/bucket/a", "DeleteObject"),
            ("DELETE", "/bucket/a?uploadId=1", "AbortMultipartUpload"),
            ("OPTIONS", "/bucket/a", "Preflight"),
            ("GET", "/bucket?policy", "Other"),
        ] {
            assert_eq!(named(method, uri), expected, "{method} {uri}");
        }
    }
}
