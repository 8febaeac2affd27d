//! Passes requests with a valid signature to their operation. `s3s` parses headers and parameters more strictly than S3, and a
//! presigned URL may carry headers in its query. Both are normalized here, after the verification, because the signature covers
//! the request as it was sent.

use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, IF_MATCH, IF_NONE_MATCH, RANGE, TRANSFER_ENCODING,
};
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use s3s::dto::ETagCondition;
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error, S3Request, S3Response, S3Result};

use super::authorization::{Authorization, Caller};
use super::credentials::{Secrets, known};
use super::extensions::{NoBody, RangeHeader};
use super::operations::Operations;
use super::route;
use super::store::Store;

/// Parameters that count as absent if empty.
const MAY_BE_EMPTY: [&str; 4] = ["part-number-marker", "max-parts", "max-uploads", "max-keys"];

/// Headers that a presigned URL cannot carry in its query: those of the body's form, because the body comes later, and the
/// SDK's checksum, because it was computed without the body.
const NOT_IN_QUERY: [&str; 6] = [
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-trailer",
];

/// Passes verified requests to the operations.
pub(super) struct Verified {
    operations: S3Service,
    authorization: Authorization,
}

impl Verified {
    pub(super) fn new(store: Arc<Store>, authorization: Authorization) -> Self {
        let mut service = S3ServiceBuilder::new(Operations(store));
        // `s3s` checks access only if authentication is set. The signatures of these requests are verified already.
        service.set_auth(Secrets(authorization.identities.clone()));
        service.set_access(authorization.clone());
        Self { operations: service.build(), authorization }
    }
}

#[async_trait::async_trait]
impl S3Route for Verified {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let operation = route::operation(&request.method, &request.uri, &request.headers);
        let key = request.credentials.as_ref().map(|credentials| credentials.access_key.as_str());
        let caller = key.and_then(|key| known(&self.authorization.identities, key));
        let request = normalize(request, caller.map(Caller), operation);
        let is_head = request.method() == Method::HEAD;
        let response = self.operations.call(request).await;
        let response = response.map_err(|error| S3Error::internal_error(Broken(error)))?;
        let (parts, body) = shape(response, is_head, operation).await.into_parts();
        Ok(S3Response {
            output: body,
            status: Some(parts.status),
            headers: parts.headers,
            extensions: parts.extensions,
        })
    }
}

/// A response that `s3s` could not write.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Broken(s3s::HttpError);

fn normalize(request: S3Request<Body>, caller: Option<Caller>, operation: &str) -> Request<Body> {
    let S3Request { input: mut body, method, uri, mut headers, mut extensions, trailing_headers, .. } =
        request;
    let parameters = parameters(&uri);
    if parameters.iter().any(|(name, _)| name == "X-Amz-Signature") {
        parameters.iter().for_each(|(name, value)| hoist(&mut headers, name, value));
    }
    headers.remove(AUTHORIZATION);
    if let Some(range) = headers.remove(RANGE) {
        extensions.insert(RangeHeader(String::from_utf8_lossy(range.as_bytes()).into_owned()));
    }
    [IF_MATCH, IF_NONE_MATCH].into_iter().for_each(|name| match_nothing(&mut headers, name));
    if headers.get("x-amz-trailer").is_some_and(HeaderValue::is_empty) {
        headers.remove("x-amz-trailer");
    }
    if operation == "CompleteMultipartUpload" && !has_body(&headers) {
        extensions.insert(NoBody);
        body = Body::from("<CompleteMultipartUpload/>".to_owned());
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("26"));
    }
    if let Some(caller) = caller {
        extensions.insert(caller);
    }
    if let Some(trailing) = trailing_headers {
        extensions.insert(trailing);
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = without_signature(&uri);
    *request.headers_mut() = headers;
    *request.extensions_mut() = extensions;
    request
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// Decodes the parameters of a URI.
fn parameters(uri: &Uri) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// Converts a signed parameter to its header, unless the header was sent as well.
fn hoist(headers: &mut HeaderMap, name: &str, value: &str) {
    let lower = name.to_ascii_lowercase();
    let is_condition = lower == "if-match" || lower == "if-none-match";
    let is_header = lower.starts_with("x-amz-")
        && !is_of_signature(name)
        && !lower.starts_with("x-amz-checksum-")
        && !NOT_IN_QUERY.contains(&lower.as_str());
    let (Ok(name), Ok(value)) = (HeaderName::try_from(lower), HeaderValue::from_bytes(value.as_bytes()))
    else {
        return;
    };
    if (is_condition || is_header) && !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

fn is_of_signature(name: &str) -> bool {
    name.strip_prefix("X-Amz-").is_some_and(|rest| {
        ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token"]
            .contains(&rest)
    })
}

/// Replaces a condition that is not a tag with one that matches no object.
fn match_nothing(headers: &mut HeaderMap, name: HeaderName) {
    let is_tag = |value: &HeaderValue| ETagCondition::parse_http_header(value.as_bytes()).is_ok();
    if headers.get(&name).is_some_and(|value| !value.is_empty() && !is_tag(value)) {
        headers.insert(name, HeaderValue::from_static("\"no tag\""));
    }
}

/// Returns the URI without the signature's parameters, and without empty parameters that count as absent.
fn without_signature(uri: &Uri) -> Uri {
    let stays = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_absent = value.is_empty() && MAY_BE_EMPTY.contains(&name);
        !is_of_signature(name) && !is_absent
    };
    let query = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).filter(stays);
    let query = query.collect::<Vec<_>>().join("&");
    let path = if query.is_empty() { uri.path().to_owned() } else { format!("{}?{query}", uri.path()) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// Corrects the responses of `s3s` where S3's differ.
async fn shape(mut response: Response<Body>, is_head: bool, operation: &str) -> Response<Body> {
    if is_head && response.headers().contains_key(CONTENT_RANGE) && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    if operation == "GetObjectAttributes" && response.status() == StatusCode::OK {
        // The only response with a tag without quotes.
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let xml = String::from_utf8_lossy(&body);
        let xml = xml.replace("<ETag>\"", "<ETag>").replace("\"</ETag>", "</ETag>");
        return Response::from_parts(parts, Body::from(xml));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hoisted(name: &str) -> bool {
        let mut headers = HeaderMap::new();
        hoist(&mut headers, name, "value");
        headers.contains_key(name.to_ascii_lowercase())
    }

    #[test]
    fn parameters_of_a_signed_url_become_headers() {
        for name in ["x-amz-meta-a", "X-Amz-Meta-B", "x-amz-acl", "if-none-match", "If-Match"] {
            assert!(hoisted(name), "{name}");
        }
        for name in [
            "X-Amz-Signature",
            "X-Amz-Security-Token",
            "x-amz-checksum-crc32",
            "x-amz-sdk-checksum-algorithm",
            "x-amz-decoded-content-length",
            "x-id",
            "range",
        ] {
            assert!(!hoisted(name), "{name}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-meta-a", HeaderValue::from_static("header"));
        hoist(&mut headers, "x-amz-meta-a", "query");
        assert_eq!(headers["x-amz-meta-a"], "header");
    }

    #[test]
    fn a_uri_loses_only_the_signatures_parameters() {
        for (uri, expected) in [
            ("/b/k?X-Amz-Date=1&uploadId=a%2Fb&X-Amz-Signature=0", "/b/k?uploadId=a%2Fb"),
            ("/b/k?X-Amz-Expires=1", "/b/k"),
            ("/b/k?max-parts=&part-number-marker=&uploadId=1", "/b/k?uploadId=1"),
            ("/b/?uploads&prefix=", "/b/?uploads&prefix="),
        ] {
            assert_eq!(without_signature(&Uri::from_static(uri)).to_string(), expected);
        }
    }

    #[test]
    fn a_condition_without_a_tag_matches_no_object() {
        for (sent, expected) in
            [("*", "*"), ("\"a\"", "\"a\""), ("0a-1", "0a-1"), ("\"a", "\"no tag\""), ("a b", "\"no tag\"")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_static(sent));
            match_nothing(&mut headers, IF_MATCH);
            assert_eq!(headers[IF_MATCH], expected);
        }
    }
}
