//! The inputs of a signature, for errors about a wrong one. `s3s` verifies signatures and does not return their inputs.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::credentials::Presented;
use super::request_head::RequestHead;

/// All but the characters that RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Returns the details of `SignatureDoesNotMatch` and `InvalidAccessKeyId`.
pub(super) fn explain(code: &str, head: &RequestHead) -> Vec<(&'static str, String)> {
    let presented = Presented::find(&head.uri, &head.headers);
    let mut details = vec![("AWSAccessKeyId", presented.access_key_id().to_owned())];
    if code == "SignatureDoesNotMatch" {
        let request = canonical_request(head, &presented);
        let text = string_to_sign(&request, &presented);
        details.extend([
            ("StringToSign", text.clone()),
            ("SignatureProvided", presented.signature().to_owned()),
            ("StringToSignBytes", hexadecimal(&text)),
            ("CanonicalRequest", request.clone()),
            ("CanonicalRequestBytes", hexadecimal(&request)),
        ]);
    }
    details
}

fn string_to_sign(request: &str, presented: &Presented<'_>) -> String {
    let digest = hex::encode(Sha256::digest(request));
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", presented.date(), presented.scope_of_key())
}

fn canonical_request(head: &RequestHead, presented: &Presented<'_>) -> String {
    let path = encode(head.uri.path(), ENCODED_PATH);
    let query = canonical_query(head.uri.query().unwrap_or_default());
    let header = |name: &str| {
        let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let values = values.map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        values.collect::<Vec<_>>().join(",")
    };
    let names = presented.signed_headers();
    let headers: String = names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let payload = match header("x-amz-content-sha256") {
        sent if !presented.in_query() && !sent.is_empty() => sent,
        _ => "UNSIGNED-PAYLOAD".to_owned(),
    };
    format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload}", head.method)
}

/// Encodes the parameters except the signature in canonical form, sorted by name and value.
fn canonical_query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<_> = pairs
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name, ENCODED), encode(value, ENCODED)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn encode(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(&percent_decode_str(text).decode_utf8_lossy(), set).to_string()
}

/// Returns bytes in hexadecimal, separated by spaces, as in S3's errors.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
