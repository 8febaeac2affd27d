//! Responses of the API.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A response with its whole body.
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
    /// Sends a request once.
    pub(crate) async fn once(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole body");
        Self { status, headers, body }
    }

    /// Asserts the status, and returns the response.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Parses the body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Returns a header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Asserts a complete error of the API's shape, with this status and reason. Returns the body.
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

    /// Asserts one of the gateway's own errors, which have a message only.
    #[track_caller]
    pub fn expect_bare(&self, status: u16, message: &str) {
        assert_eq!((self.status, self.json()), (status, serde_json::json!({ "message": message })));
    }
}
