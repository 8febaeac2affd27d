use files_domain::ApiKey;
use files_local::gateway::{Problem, Routed, Router};
use http::header::{CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{Method, Request};
use serde_json::Value;
use uuid::Uuid;

/// A request to the API.
#[must_use]
pub struct RequestBuilder {
    request: Builder,
    body: Vec<u8>,
}

impl RequestBuilder {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        let request = Request::builder().method(method).uri(path).header(HOST, crate::HOST);
        Self { request, body: Vec::new() }
    }

    /// Adds an API key.
    pub fn key(self, key: &ApiKey) -> Self {
        self.header("x-api-key", key.reveal())
    }

    /// Adds a bearer token, valid or not.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a body of another type.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.header(CONTENT_TYPE.as_str(), content_type) }
    }

    /// Returns the function that the template routes this request to, and the function's event.
    ///
    /// # Errors
    /// API Gateway's own error.
    pub(crate) fn route(self, router: &Router) -> Result<Routed, Problem> {
        let (parts, ()) = self.request.body(()).expect("a valid request").into_parts();
        let client = ([203, 0, 113, 7], 50_000).into();
        router.route(&parts, self.body.into(), client, &Uuid::new_v4().to_string())
    }
}
