//! Converts a function's response to the API's.

use anyhow::{Context, Result, bail};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Headers of the connection, which functions do not control.
const NOT_PASSED_ON: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Builds a response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Builds one of the gateway's own errors.
pub(super) fn bare(status: StatusCode, message: &str) -> Response<Body> {
    json_response(status, &json!({"message": message}))
}

/// Builds a JSON response.
pub(super) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    with_body(status, value.to_string())
}

fn with_body(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Converts a response of payload format 2.0. Anything but an object with a `statusCode` becomes the body of a 200, byte for
/// byte, also if it is not JSON; a JSON string becomes its text.
///
/// # Errors
/// A field of a response with `statusCode` has a value that the gateway refuses.
pub fn read(payload: &[u8]) -> Result<Response<Body>> {
    let fields = match serde_json::from_slice(payload) {
        Ok(Value::Object(fields)) if fields.contains_key("statusCode") => fields,
        Ok(Value::String(text)) => return Ok(with_body(StatusCode::OK, text)),
        _ => return Ok(with_body(StatusCode::OK, payload.to_vec())),
    };
    respond(&fields)
}

fn respond(fields: &Map<String, Value>) -> Result<Response<Body>> {
    let mut response = empty(status(fields)?);
    for (name, value) in headers(fields)? {
        if !NOT_PASSED_ON.contains(&name.as_str()) {
            response.headers_mut().append(name, value);
        }
    }
    let body = body(fields)?;
    if !body.is_empty() && !response.headers().contains_key(CONTENT_TYPE) {
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
    }
    *response.body_mut() = Body::from(body);
    Ok(response)
}

fn status(fields: &Map<String, Value>) -> Result<StatusCode> {
    let status = match &fields["statusCode"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|status| u16::try_from(status).ok()),
    };
    let status = status
        .filter(|status| (200..600).contains(status))
        .context("statusCode is not a number from 200 to 599")?;
    Ok(StatusCode::from_u16(status)?)
}

fn headers(fields: &Map<String, Value>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &Value| -> Result<()> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => bail!("header {name} is not a string, number or boolean"),
        };
        headers.push((name.parse()?, HeaderValue::from_bytes(text.as_bytes())?));
        Ok(())
    };
    let several = fields.get("multiValueHeaders").and_then(Value::as_object);
    for (name, values) in several.into_iter().flatten() {
        values
            .as_array()
            .context("a value of multiValueHeaders is not a list")?
            .iter()
            .try_for_each(|value| add(name, value))?;
    }
    let known =
        |name: &str| several.is_some_and(|several| several.keys().any(|key| key.eq_ignore_ascii_case(name)));
    for (name, value) in fields.get("headers").and_then(Value::as_object).into_iter().flatten() {
        if !known(name) {
            add(name, value)?;
        }
    }
    for cookie in fields.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        add(SET_COOKIE.as_str(), cookie)?;
    }
    Ok(headers)
}

fn body(fields: &Map<String, Value>) -> Result<Vec<u8>> {
    let text = match fields.get("body") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => text,
        Some(_) => bail!("body is not a string"),
    };
    if fields.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false) {
        return STANDARD.decode(text).context("body is not base64");
    }
    Ok(text.clone().into_bytes())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn shown(payload: &Value) -> (u16, Vec<(String, String)>, String) {
        shown_text(&payload.to_string()).await
    }

    async fn shown_text(payload: &str) -> (u16, Vec<(String, String)>, String) {
        let (parts, body) = read(payload.as_bytes()).unwrap().into_parts();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_response_is_passed_on() {
        let response = json!({
            "statusCode": 201, "isBase64Encoded": true, "body": "eA==",
            "headers": {"ETag": "\"1\"", "Content-Length": "99", "content-type": "video/mp4"},
            "multiValueHeaders": {"etag": ["\"1\""], "link": ["a", "b"]}, "cookies": ["c=1"],
        });
        let (status, headers, body) = shown(&response).await;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("etag", "\"1\""),
            pair("link", "a"),
            pair("link", "b"),
            pair("content-type", "video/mp4"),
            pair("set-cookie", "c=1"),
        ];
        assert_eq!((status, body.as_str()), (201, "x"));
        assert_eq!(headers, expected);
    }

    #[tokio::test]
    async fn missing_fields_have_defaults() {
        let text = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        assert_eq!(shown(&json!({"statusCode": 200, "body": "x"})).await, (200, text, "x".to_owned()));
        assert_eq!(shown(&json!({"statusCode": 204})).await, (204, vec![], String::new()));
    }

    /// aws/aws-lambda-dotnet, LambdaTestTool-v2, `InvokeResponseExtensionsIntegrationTests` (real HTTP API).
    #[tokio::test]
    async fn a_result_without_a_status_code_is_the_body() {
        for (payload, body) in [
            (r#"{"name": "John Doe", "age": 30}"#, r#"{"name": "John Doe", "age": 30}"#),
            (r#"{"b":1,  "a":1.0}"#, r#"{"b":1,  "a":1.0}"#),
            ("[1, 2, 3, 4, 5]", "[1, 2, 3, 4, 5]"),
            (r#"{"name": "John Doe", "age":"#, r#"{"name": "John Doe", "age":"#),
            ("Hello, World!", "Hello, World!"),
            ("42", "42"),
            ("true", "true"),
            ("null", "null"),
            ("", ""),
            (r#""test""#, "test"),
            (r#""Special \"quoted\" text""#, r#"Special "quoted" text"#),
            (r#""""#, ""),
        ] {
            let json = vec![("content-type".to_owned(), "application/json".to_owned())];
            assert_eq!(shown_text(payload).await, (200, json, body.to_owned()), "{payload}");
        }
    }

    #[test]
    fn malformed_responses_are_refused() {
        for payload in [
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
            r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
        ] {
            assert!(read(payload.as_bytes()).is_err(), "{payload}");
        }
    }
}
