//! The event for a function: payload format 2.0.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::routes::Found;
use crate::account::{ACCOUNT_ID, API_ID};

/// The parts of an event that are not in the request.
pub(super) struct Surroundings<'a> {
    pub(super) authority: &'a str,
    pub(super) client: SocketAddr,
    pub(super) request_id: &'a str,
    pub(super) path: &'a str,
    pub(super) found: &'a Found,
}

/// Returns the size in bytes of the request line and of the headers.
pub(super) fn header_bytes(parts: &Parts) -> usize {
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    parts.method.as_str().len() + parts.uri.to_string().len() + headers
}

/// Returns whether the request has a valid `Host`.
pub(super) fn has_host(parts: &Parts) -> bool {
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.parse::<Authority>().is_ok())
}

/// Builds the event's JSON. Absent parts (cookies, query, parameters, body) are left out, as in AWS.
pub(super) fn build(parts: &Parts, body: Bytes, around: &Surroundings<'_>) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut headers = joined_headers(&parts.headers);
    let cookies = headers.remove("cookie");
    let base64 = !body.is_empty() && !is_text(headers.get("content-type").map(String::as_str));
    set_own_headers(&mut headers, body.len(), around);
    let mut event = json!({
        "version": "2.0",
        "routeKey": around.found.key,
        "rawPath": around.path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context(parts, around),
        "isBase64Encoded": base64,
    });
    if let Some(cookies) = cookies {
        event["cookies"] = cookies.split(';').map(|cookie| Value::from(cookie.trim())).collect();
    }
    let parameters = query_parameters(query);
    if !parameters.is_empty() {
        event["queryStringParameters"] = json!(parameters);
    }
    if !around.found.parameters.is_empty() {
        event["pathParameters"] = json!(around.found.parameters);
    }
    if !body.is_empty() {
        let text = if base64 { STANDARD.encode(&body) } else { String::from_utf8_lossy(&body).into_owned() };
        drop(body);
        event["body"] = Value::String(text);
    }
    event.to_string()
}

fn context(parts: &Parts, around: &Surroundings<'_>) -> Value {
    let now = OffsetDateTime::now_utc();
    let clf = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let agent = parts.headers.get("user-agent").map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    json!({
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": around.authority,
        "domainPrefix": around.authority.split('.').next(),
        "http": {
            "method": parts.method.as_str(),
            "path": around.path,
            "protocol": format!("{:?}", parts.version),
            "sourceIp": around.client.ip().to_string(),
            "userAgent": agent.unwrap_or_default(),
        },
        "requestId": around.request_id,
        "routeKey": around.found.key,
        "stage": "$default",
        "time": now.format(&clf).unwrap_or_default(),
        "timeEpoch": i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default(),
    })
}

/// Returns the headers with names in lower case; several values of one name are joined by commas.
fn joined_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let separator = if name == "cookie" { "; " } else { "," };
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|text| {
                text.push_str(separator);
                text.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

/// Sets the headers that describe the connection, and replaces the client's.
fn set_own_headers(headers: &mut BTreeMap<String, String>, body_bytes: usize, around: &Surroundings<'_>) {
    for hop in
        ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "expect"]
    {
        headers.remove(hop);
    }
    let mut set = |name: &str, value: String| headers.insert(name.to_owned(), value);
    set("host", around.authority.to_owned());
    let client = around.client.ip().to_string();
    if let Some(before) = set("x-forwarded-for", client.clone()) {
        set("x-forwarded-for", format!("{before}, {client}"));
    }
    set("x-forwarded-proto", "http".to_owned());
    set("x-forwarded-port", around.authority.rsplit(':').next().unwrap_or_default().to_owned());
    set("content-length", body_bytes.to_string());
    let id = around.request_id.replace('-', "");
    set("x-amzn-trace-id", format!("Root=1-{}-{}", &id[..8], &id[8..]));
}

/// Decodes the query's parameters; several values of one name are joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        parameters
            .entry(decode(name))
            .and_modify(|text| {
                text.push(',');
                text.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// Returns whether a body of this type is passed as text; all others, also without a type, are encoded in base64. Not
/// documented; found by experiment on AWS (github.com/ministackorg/ministack, pull request 766).
fn is_text(content_type: Option<&str>) -> bool {
    let essence =
        content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = ["application/json", "application/javascript", "application/xml"];
    essence.starts_with("text/") || known.contains(&essence.as_str())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn event(request: axum::http::request::Builder, body: &'static [u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = Found {
            key: "GET /v1/items/{id}".to_owned(),
            function: "get-item".to_owned(),
            parameters: BTreeMap::from([("id".to_owned(), "7".to_owned())]),
        };
        let around = Surroundings {
            authority: "127.0.0.1:8787",
            client: "127.0.0.1:4000".parse().unwrap(),
            request_id: "0f8fad5b-d9cb-469f-a165-70867728950e",
            path: "/v1/items/7",
            found: &found,
        };
        serde_json::from_str(&build(&parts, Bytes::from_static(body), &around)).unwrap()
    }

    #[test]
    fn an_event_has_the_documented_shape() {
        let request = Request::get("/v1/items/7?repeat=one&repeat=two&plus=a+b&escaped=a%2Bb&empty=&bare")
            .header("Host", "127.0.0.1:8787")
            .header("User-Agent", "curl/8")
            .header("X-Twice", "a")
            .header("X-Twice", "b")
            .header("X-Forwarded-Proto", "gopher")
            .header("X-Forwarded-For", "10.1.1.1")
            .header("Cookie", "a=1; b=2");
        let mut event = event(request, b"");
        let context = event["requestContext"].as_object_mut().unwrap();
        let time = context.remove("time").unwrap();
        assert!(context.remove("timeEpoch").unwrap().is_i64());
        assert_eq!(time.as_str().unwrap().len(), "12/Mar/2020:19:03:58 +0000".len());
        insta::assert_json_snapshot!(event);
    }

    #[test]
    fn only_some_content_types_are_text() {
        let of = |kind: &str, body: &'static [u8]| {
            let event = event(Request::post("/").header("content-type", kind), body);
            (event["body"].as_str().unwrap().to_owned(), event["isBase64Encoded"].as_bool().unwrap())
        };
        assert_eq!(of("application/json; charset=utf-8", b"{}"), ("{}".to_owned(), false));
        assert_eq!(of("TEXT/plain", b"x"), ("x".to_owned(), false));
        for kind in [
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/problem+json",
        ] {
            assert_eq!(of(kind, b"x"), ("eA==".to_owned(), true), "{kind}");
        }
        assert_eq!(event(Request::post("/"), b"x")["isBase64Encoded"], true);
        assert_eq!(event(Request::post("/"), b"").get("body"), None);
    }
}
