//! The XML of S3's errors: code, message, detail elements, and the ids of request and host.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use s3s::Body;
use uuid::Uuid;

use super::canonical;
use super::fault::take_details;
use super::request_head::RequestHead;

/// The `HostId` of errors; clients only display it.
const HOST_ID: &str = "files-local";

/// Adds the request id to a response, and message and details to an error.
pub(super) async fn finish(mut response: Response<Body>, head: &RequestHead) -> Response<Body> {
    let id = Uuid::now_v7().simple().to_string().to_ascii_uppercase();
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        response = describe(response, head, &id).await;
    } else if status == StatusCode::NOT_MODIFIED {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amz-request-id", id);
    }
    response
}

async fn describe(response: Response<Body>, head: &RequestHead, id: &str) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let mut details = take_details(&mut parts.headers);
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let code = element(&body, "Code").unwrap_or("InternalError").to_owned();
    let message = element(&body, "Message").unwrap_or_else(|| message(&code)).to_owned();
    details.extend(known(&code, head));
    details.push(("RequestId".to_owned(), id.to_owned()));
    details.push(("HostId".to_owned(), HOST_ID.to_owned()));
    let details: String =
        details.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{details}</Error>"
    );
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Response::from_parts(parts, Body::from(xml))
}

/// Returns the details that follow from the request alone.
fn known(code: &str, head: &RequestHead) -> Vec<(String, String)> {
    let key = head.uri.path().trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
    let bucket = head.uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let pairs = match code {
        "KeyTooLongError" => {
            vec![("Size", percent_decode_str(key).count().to_string()), ("MaxSizeAllowed", "1024".to_owned())]
        }
        "NoSuchKey" if !head.headers.contains_key("x-amz-copy-source") => {
            vec![("Key", percent_decode_str(key).decode_utf8_lossy().into_owned())]
        }
        "NoSuchBucket" | "InvalidBucketName" => vec![("BucketName", bucket.to_owned())],
        "SignatureDoesNotMatch" | "InvalidAccessKeyId" => canonical::explain(code, head),
        _ => Vec::new(),
    };
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the escaped text of an element.
fn element<'xml>(xml: &'xml str, name: &str) -> Option<&'xml str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// Escapes text for XML 1.0. Replaces control characters that XML cannot represent with U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(character),
            control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns S3's message of a code.
fn message(code: &str) -> &'static str {
    match code {
        "AccessDenied" => "Access Denied",
        "BadDigest" => "The Content-MD5 you specified did not match what we received.",
        "EntityTooLarge" => "Your proposed upload exceeds the maximum allowed size",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "InvalidArgument" => "Invalid Argument",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "InvalidRange" => "The requested range is not satisfiable",
        "InvalidRequest" => "Invalid Request",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        "MaxMessageLengthExceeded" => "Your request was too big",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "MissingRequestBodyError" => "Request body is empty",
        "NotImplemented" => "A header you provided implies functionality that is not implemented",
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        _ => "We encountered an internal error. Please try again.",
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};
    use s3s::{S3Error, S3ErrorCode};

    use super::*;
    use crate::s3::fault::Fault;

    async fn finished(error: impl Into<S3Error>, path: &'static str) -> (Response<()>, String) {
        let head =
            RequestHead { method: Method::GET, uri: Uri::from_static(path), headers: HeaderMap::new() };
        let response = finish(error.into().to_http_response().unwrap(), &head).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_error_without_a_message_gets_that_of_its_code() {
        let (response, xml) = finished(S3ErrorCode::KeyTooLongError, "/b/%C3%BCx").await;
        assert_eq!(response.headers()["content-type"], "application/xml");
        let id = response.headers()["x-amz-request-id"].to_str().unwrap();
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>KeyTooLongError</Code>\
             <Message>Your key is too long</Message><Size>3</Size><MaxSizeAllowed>1024</MaxSizeAllowed>\
             <RequestId>{id}</RequestId><HostId>files-local</HostId></Error>"
        );
        assert_eq!(xml, expected);
    }

    #[tokio::test]
    async fn details_are_escaped() {
        let fault = Fault::argument("a < b", "name", "<\u{1}&\n>");
        let (_, xml) = finished(fault, "/b/k").await;
        assert!(xml.contains("<Message>a &lt; b</Message><ArgumentName>name</ArgumentName>"), "{xml}");
        assert!(xml.contains("<ArgumentValue>&lt;\u{FFFD}&amp;\n&gt;</ArgumentValue>"), "{xml}");
    }

    #[tokio::test]
    async fn a_304_has_no_body() {
        let (response, xml) = finished(S3ErrorCode::NotModified, "/b/k").await;
        assert_eq!((response.status(), xml.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }
}
