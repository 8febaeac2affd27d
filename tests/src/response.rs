//! What the API answered.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::faults;

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// Sends a request and reads the response. If faults are injected, it retries.
    pub async fn to(request: reqwest::RequestBuilder) -> Self {
        if faults::seed().is_some() { faults::ask(request).await } else { Self::once(request).await }
    }

    /// Sends a request once.
    pub(crate) async fn once(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole body");
        Self { status, headers, body }
    }

    /// This response, if it has the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Checks that this is an error of the one shape, complete, with this status and reason. The body.
    #[track_caller]
    pub fn expect_error(&self, status: u16, reason: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status, body["reason"].as_str()), (status, Some(reason)), "{body}");
        let phrase = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        assert_eq!(body["error"].as_str(), phrase, "{body}");
        assert_eq!(body["code"], status, "{body}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{body}");
        for detail in body["details"].as_array().expect("details is a list") {
            for field in ["field", "reason", "message"] {
                assert!(detail[field].is_string(), "{body}");
            }
        }
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(6), "{body}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        body
    }

    /// Checks that this is an error of the gateway's own, bare shape.
    #[track_caller]
    pub fn expect_bare(&self, status: u16, message: &str) {
        assert_eq!((self.status, self.json()), (status, serde_json::json!({ "message": message })));
    }
}
