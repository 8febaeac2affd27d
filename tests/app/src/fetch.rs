use std::sync::Once;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::{Response, TestApp};

impl TestApp {
    /// Sends a request to a presigned URL, with the `headers` of the API's response if it names any.
    pub async fn fetch(&self, method: Method, url: &str, headers: &Value, body: &[u8]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers.as_object().into_iter().flatten() {
            let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok()).expect("a header");
            map.insert(HeaderName::from_bytes(name.as_bytes()).expect("a header"), value);
        }
        let request = client().request(method, url).headers(map).body(body.to_vec());
        let response = request.send().await.expect("S3 responds");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Response { status, headers, body: response.bytes().await.expect("a whole body") }
    }
}

fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails if another provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
