//! The shape of a call: the parameters that can be checked against AWS's description of the service, without the values of the
//! single call. Few calls differ in shape, and a shape contains nothing that a client sent.

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::{Map, Value, json};

/// Parameters whose value names a resource, or is one of an enumeration.
const KEPT: &[&str] = &[
    "TableName",
    "IndexName",
    "ReturnConsumedCapacity",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
    "Select",
];
/// Headers whose value is one of an enumeration.
const KEPT_HEADERS: &[&str] = &[
    "x-amz-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-checksum-type",
    "x-amz-invocation-type",
    "x-amz-sdk-checksum-algorithm",
];
/// Headers that are parameters of an operation although they lack AWS's prefix.
const PARAMETERS: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
];
/// Headers of the signature and of the SDK.
const OF_SIGNATURE: &[&str] =
    &["x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-user-agent"];
/// The placeholder for any text.
const ANY: &str = "*";

/// Returns the parameters of a call of a JSON protocol.
pub(crate) fn of_json(body: &[u8]) -> Value {
    serde_json::from_slice(body).map(|body| shape("", &body)).unwrap_or_default()
}

fn shape(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if KEPT.contains(&name) => text.as_str().into(),
        Value::String(url) if name == "QueueUrl" => {
            let parts: Vec<&str> = url.rsplitn(3, '/').collect();
            format!("{ANY}/{}/{}", parts.get(1).unwrap_or(&""), parts[0]).into()
        }
        Value::String(text) => any(text).into(),
        Value::Number(number) => {
            if number.as_f64() > Some(0.0) {
                json!(1)
            } else {
                value.clone()
            }
        }
        Value::Array(items) => distinct(items.iter().map(|item| shape("", item))).into(),
        // A map in an item: its names may come from a client.
        Value::Object(map) if name == "M" => {
            let values = distinct(map.values().map(|value| shape("", value)));
            values
                .into_iter()
                .enumerate()
                .map(|(at, value)| (format!("{ANY}{at}"), value))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.clone(), shape(name, value))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

fn any(text: &str) -> &'static str {
    if text.is_empty() { "" } else { ANY }
}

fn distinct(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let texts: BTreeSet<String> = values.map(|value| value.to_string()).collect();
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// Returns the parameters of a call whose operation follows from method, path and query. Of a presigned URL only the signed
/// headers count: its user may add others.
pub(crate) fn of_http(method: &str, path: &str, query: &str, headers: &HeaderMap) -> Value {
    let pairs: Vec<(String, String)> = url_pairs(query);
    let signed = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-signedheaders"));
    let signed: Option<Vec<&str>> = signed.map(|(_, names)| names.split(';').collect());
    let is_own = |name: &str| signed.as_ref().is_none_or(|signed| signed.contains(&name));
    let query: Map<_, _> = pairs
        .iter()
        .filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-"))
        .map(|(name, value)| (name.clone(), any(value).into()))
        .collect();
    let headers: Map<_, _> =
        headers.iter().filter(|(name, _)| is_own(name.as_str())).filter_map(header).collect();
    json!({"method": method, "path": path, "query": query, "headers": headers})
}

/// Returns a header if it is a parameter.
fn header((name, value): (&http::HeaderName, &http::HeaderValue)) -> Option<(String, Value)> {
    let name = name.as_str();
    if name.starts_with("x-amz-meta-") {
        return Some(("x-amz-meta-*".to_owned(), ANY.into()));
    }
    let is_parameter =
        PARAMETERS.contains(&name) || name.starts_with("x-amz-") && !OF_SIGNATURE.contains(&name);
    let text = value.to_str().unwrap_or(ANY);
    is_parameter
        .then(|| (name.to_owned(), if KEPT_HEADERS.contains(&name) { text.into() } else { any(text).into() }))
}

fn url_pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|pair_text| !pair_text.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_names_and_types_but_no_values() {
        let put = json!({
            "TableName": "t", "ReturnValues": "ALL_OLD", "Limit": 7, "Zero": 0, "ConsistentRead": true,
            "Item": {"pk": {"S": "owner#1"}, "empty": {"S": ""}, "metadata": {"M": {"a": {"S": "x"}, "b": {"S": "y"}, "c": {"N": "1"}}}},
            "Keys": [{"pk": {"S": "1"}}, {"pk": {"S": "2"}}],
        });
        let expected = json!({
            "TableName": "t", "ReturnValues": "ALL_OLD", "Limit": 1, "Zero": 0, "ConsistentRead": true,
            "Item": {"pk": {"S": "*"}, "empty": {"S": ""}, "metadata": {"M": {"*0": {"N": "*"}, "*1": {"S": "*"}}}},
            "Keys": [{"pk": {"S": "*"}}],
        });
        assert_eq!(of_json(put.to_string().as_bytes()), expected);
        let send = br#"{"QueueUrl": "http://127.0.0.1:7/000000000000/q", "MessageBody": "secret"}"#;
        assert_eq!(of_json(send), json!({"QueueUrl": "*/000000000000/q", "MessageBody": "*"}));
        assert_eq!(of_json(b"{"), Value::Null);
    }

    #[test]
    fn a_shape_of_an_http_call_has_only_parameters() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-amz-date", "20260101T000000Z"),
            ("x-amz-checksum-type", "FULL_OBJECT"),
            ("x-amz-meta-who", "me"),
            ("if-none-match", "*"),
            ("range", "bytes=0-1"),
            ("user-agent", "x"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let all = of_http("PUT", "/b/files/*", "partNumber=7&uploadId=a%2Fb&uploads", &headers);
        let query = json!({"partNumber": "*", "uploadId": "*", "uploads": ""});
        let kept = json!({"x-amz-checksum-type": "FULL_OBJECT", "x-amz-meta-*": "*", "if-none-match": "*", "range": "*"});
        assert_eq!(all, json!({"method": "PUT", "path": "/b/files/*", "query": query, "headers": kept}));
        let presigned = "X-Amz-SignedHeaders=host%3Bif-none-match&X-Amz-Signature=00&x-id=PutObject";
        let presigned = of_http("PUT", "/b/files/*", presigned, &headers);
        assert_eq!(
            (&presigned["query"], &presigned["headers"]),
            (&json!({"x-id": "*"}), &json!({"if-none-match": "*"}))
        );
    }
}
