use std::io::Write;
use std::sync::{Arc, Mutex};

use files_domain::{ApiKey, OwnerId, Principal, Scope, Timestamp};
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::{ApiResult, Endpoint, handle_event, no_content};

/// A writer of log lines to memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// An endpoint with a given caller and response.
struct Stub {
    key: ApiKey,
    refusal: Option<Reason>,
}

impl Endpoint for Stub {
    async fn handle(&self, _: Request, now: Timestamp) -> ApiResult {
        audit_caller(&Caller { principal: Principal::from(self.key.clone()), scope: Scope::Read, now });
        match self.refusal {
            Some(reason) => Err(reason.into()),
            None => Ok(no_content()),
        }
    }
}

const ID: &str = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab";

fn event(route: &str, key: &ApiKey) -> LambdaRequest {
    let (method, _) = route.split_once(' ').unwrap();
    let event = json!({
        "version": "2.0", "routeKey": route, "rawPath": format!("/v1/files/{ID}/holiday.mp4"), "rawQueryString": "key=k",
        "headers": {"x-api-key": key.reveal(), "x-forwarded-proto": "https"},
        "pathParameters": {"id": ID, "filename": "holiday.mp4"},
        "requestContext": {
            "accountId": "0", "apiId": "api", "domainName": "api.example", "requestId": "r1", "stage": "$default", "routeKey": route,
            "http": {"method": method, "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": ""},
            "timeEpoch": 1,
        },
        "isBase64Encoded": false,
    });
    serde_json::from_value(event).unwrap()
}

/// Returns the only log line of a request.
fn line(route: &str, refusal: Option<Reason>) -> (String, Value, ApiKey) {
    let key = ApiKey::generate(OwnerId::named("press")).unwrap();
    let lines = Lines::default();
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false);
    let log = json.with_writer(lines.clone()).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tracing::subscriber::with_default(log, || {
        let stub = Stub { key: key.clone(), refusal };
        runtime.block_on(handle_event(&stub, event(route, &key), Timestamp::from_millis(1)))
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let value = serde_json::from_str(&text).unwrap();
    (text, value, key)
}

#[test]
fn a_line_has_principal_and_operation_and_neither_secrets_nor_names() {
    for (route, refusal, audit, status) in [
        ("GET /v1/files/{id}/{filename}", None, json!("download_link"), 204),
        ("DELETE /v1/files/{id}", None, json!("change"), 204),
        ("POST /v1/uploads/{id}/sign", None, json!("change"), 204),
        ("GET /v1/files/{id}", None, Value::Null, 204),
        ("POST /v1/preview", None, Value::Null, 204),
        ("GET /v1/files/{id}", Some(Reason::InvalidApiKey), json!("refused_key"), 401),
        ("DELETE /v1/files/{id}", Some(Reason::MissingScope), json!("refused_key"), 403),
        ("DELETE /v1/files/{id}", Some(Reason::NotFound), Value::Null, 404),
    ] {
        let (text, line, key) = line(route, refusal);
        assert_eq!((&line["audit"], &line["status"]), (&audit, &json!(status)), "{text}");
        let span = &line["span"];
        assert_eq!(
            (&span["owner"], &span["key"]),
            (&json!(key.owner().to_string()), &json!(key.hash().id().to_string()),)
        );
        let of_request = (&span["file"], &span["route"], &span["source"], &span["request_id"]);
        assert_eq!(of_request, (&json!(ID), &json!(route), &json!("203.0.113.7"), &json!("r1")));
        assert!(!text.contains(key.reveal()) && !text.contains("holiday"), "{text}");
    }
}
