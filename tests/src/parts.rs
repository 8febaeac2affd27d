//! Multipart uploads, as a client makes them.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::owner::id;
use crate::{Owner, Response};

impl Owner {
    /// Announces a multipart upload. Returns the file as created, with `upload`.
    pub async fn announce_parts(&self, name: &str, size: u64) -> Value {
        self.announce_as(&json!({"name": name, "size": size, "multipart": true})).await
    }

    /// Creates a `POST /v1/uploads/{id}/parts`.
    pub fn sign_parts_of(&self, file: &Value, numbers: &[u32]) -> reqwest::RequestBuilder {
        self.post_upload(file, "parts").body(json!({ "part_numbers": numbers }).to_string())
    }

    /// Returns the signed PUTs of these parts.
    pub async fn sign_parts(&self, file: &Value, numbers: &[u32]) -> Vec<Value> {
        let signed = Response::to(self.sign_parts_of(file, numbers)).await.expect(200).json();
        signed["parts"].as_array().expect("parts").clone()
    }

    /// Sends one part with exactly the headers that its signature requires.
    pub async fn put_part(&self, part: &Value, bytes: impl Into<Bytes>) -> Response {
        let mut request = self.bare_request(Method::PUT, part["url"].as_str().expect("a URL"));
        for (name, value) in part["headers"].as_object().expect("headers") {
            request = request.header(name, value.as_str().expect("a header"));
        }
        let bytes = bytes.into();
        if bytes.is_empty() {
            request = request.header("content-length", 0); // as browsers and curl send it
        }
        Response::to(request.body(bytes)).await
    }

    /// Signs and sends the parts with these numbers.
    pub async fn send_parts(&self, file: &Value, bytes: &Bytes, numbers: &[u32]) {
        for part in self.sign_parts(file, numbers).await {
            self.put_part(&part, slice(file, bytes, number(&part))).await.expect(200);
        }
    }

    /// Returns a page of the stored parts.
    pub async fn stored_parts(&self, file: &Value, after: u64) -> Value {
        self.get(&format!("/uploads/{}/parts?after={after}", id(file))).await.expect(200).json()
    }

    /// Sends a `POST /v1/uploads/{id}/complete`.
    pub async fn complete(&self, file: &Value) -> Response {
        Response::to(self.post_upload(file, "complete")).await
    }

    /// Creates a `POST` to one of the routes of an upload.
    pub fn post_upload(&self, file: &Value, what: &str) -> reqwest::RequestBuilder {
        self.request(Method::POST, &format!("/uploads/{}/{what}", id(file)))
    }
}

/// Returns the numbers of all parts.
#[must_use]
pub fn all_parts(file: &Value) -> Vec<u32> {
    let count = file["upload"]["part_count"].as_u64().expect("a part_count");
    (1..=u32::try_from(count).expect("few")).collect()
}

/// Returns the bytes of one part.
#[must_use]
pub fn slice(file: &Value, bytes: &Bytes, number: u32) -> Bytes {
    let size = file["upload"]["part_size"].as_u64().and_then(|size| usize::try_from(size).ok());
    let size = size.expect("a part_size");
    let start = size * (usize::try_from(number).expect("small") - 1);
    bytes.slice(start..bytes.len().min(start + size))
}

/// Returns the number of a signed part.
#[must_use]
pub fn number(part: &Value) -> u32 {
    part["part_number"].as_u64().and_then(|number| u32::try_from(number).ok()).expect("a part_number")
}
