//! Sends requests to the API, with retries.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::Value;

use crate::back_off::{MAX_ATTEMPTS, back_off};
use crate::failure::Failure;
use crate::json::Json;
use crate::settings::Settings;

/// The timeout for a response of the API.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// A client for the API, and for the presigned URLs of its storage.
pub(crate) struct Api {
    http: Client,
    base: String,
    key: HeaderValue,
}

impl Api {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        // An error means that another provider is installed, which can be used too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(15));
        let client = client.user_agent(concat!("files/", env!("CARGO_PKG_VERSION")));
        let http = client.build().map_err(|error| Failure::Settings(cause(&error)))?;
        let mut key = HeaderValue::from_str(&settings.key)
            .map_err(|_| Failure::Settings("the API key has invalid characters".to_owned()))?;
        key.set_sensitive(true);
        Ok(Self { http, base: settings.url.clone(), key })
    }

    /// Returns the URL of the API.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Json, Failure> {
        self.request(Method::GET, path, None, None).await.0
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Json, Failure> {
        self.request(Method::POST, path, Some(body), None).await.0
    }

    /// Creates a file. Requests with the same idempotency key create one file.
    pub(crate) async fn create(&self, body: &Value, idempotency_key: &str) -> Result<Json, Failure> {
        self.request(Method::POST, "/files", Some(body), Some(idempotency_key)).await.0
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Json, Failure> {
        self.request(Method::PATCH, path, Some(body), None).await.0
    }

    /// Deletes several files. Returns the outcome of each by its id as the API writes it.
    pub(crate) async fn delete_several(
        &self,
        ids: &[&String],
    ) -> Result<HashMap<String, Result<(), Failure>>, Failure> {
        let (response, attempts) =
            self.request(Method::POST, "/files/delete", Some(&serde_json::json!({"ids": ids})), None).await;
        let outcome = |result: &Value| {
            let status = result["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
            match status {
                200..=299 => Ok(()),
                404 if attempts > 1 => Ok(()), // an earlier attempt has deleted it
                _ => Err(refusal(status, &result["error"])),
            }
        };
        let response = response?;
        let results = response["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        let id = |result: &Value| result["id"].as_str().unwrap_or_default().to_owned();
        Ok(results.iter().map(|result| (id(result), outcome(result))).collect())
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        match self.request(Method::DELETE, path, None, None).await {
            (Err(Failure::Refused { status: 404, .. }), 2..) => Ok(()), // an earlier attempt has deleted it
            (outcome, _) => outcome.map(drop),
        }
    }

    /// Sends a request, and retries it after transient failures. All requests of this program are idempotent. Returns the body,
    /// or null if there is none, and the number of attempts.
    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> (Result<Json, Failure>, u32) {
        let url = if path.contains("://") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut attempts = 0;
        loop {
            let mut request = self.http.request(method.clone(), &url).timeout(RESPONSE_TIMEOUT);
            request = request.header("x-api-key", self.key.clone());
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            if let Some(idempotency_key) = idempotency_key {
                request = request.header("idempotency-key", idempotency_key);
            }
            let (outcome, wait) = attempt(request).await;
            attempts += 1;
            match outcome {
                Ok(body) => return (Ok(body), attempts),
                Err((_, true)) if attempts < MAX_ATTEMPTS => back_off(attempts - 1, wait).await,
                Err((failure, _)) => return (Err(failure), attempts),
            }
        }
    }

    /// Returns a request to a presigned URL, without the API key.
    pub(crate) fn storage(&self, method: Method, url: &str, headers: &Value) -> RequestBuilder {
        let named = headers.as_object().into_iter().flatten();
        let headers = named.filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.as_str()?).ok()?))
        });
        self.http.request(method, url).headers(headers.collect::<HeaderMap>())
    }
}

/// Sends a request once. Returns the body, or the error and whether it is transient; and the delay in `Retry-After`.
async fn attempt(request: RequestBuilder) -> (Result<Json, (Failure, bool)>, Option<Duration>) {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return (Err((unreachable(&error), true)), None),
    };
    let wait = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let status = response.status().as_u16();
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return (Err((unreachable(&error), true)), None),
    };
    let json = Json::parse(&body);
    let outcome = match status {
        200..=299 => Ok(json),
        _ => Err((refusal(status, &json), status >= 500 || status == 429)),
    };
    (outcome, wait.map(Duration::from_secs))
}

fn refusal(status: u16, body: &Value) -> Failure {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let details = body["details"].as_array().cloned().unwrap_or_default();
    let fields = details.iter().filter_map(|detail| detail["field"].as_str().map(str::to_owned));
    let mut message = text("message");
    if message.is_empty() {
        message = format!("the service responded with status {status}");
    }
    if let [detail] = details.as_slice()
        && let Some(more) = detail["message"].as_str().filter(|more| *more != message)
    {
        message = format!("{message}: {more}");
    }
    Failure::Refused { status, reason: text("reason"), message, fields: fields.collect() }
}

/// Converts an error response of the storage.
pub(crate) async fn storage_refusal(response: Response) -> Failure {
    let status = response.status().as_u16();
    let body = response.text().await.unwrap_or_default();
    let tag = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let message = tag("Message").unwrap_or_else(|| format!("the storage responded with status {status}"));
    Failure::Refused { status, reason: tag("Code").unwrap_or_default(), message, fields: Vec::new() }
}

/// Converts an error of a connection. Omits the URL, which may be presigned.
pub(crate) fn unreachable(error: &reqwest::Error) -> Failure {
    let server = error.url().and_then(server_of).unwrap_or_else(|| "the service".to_owned());
    Failure::Unreachable { server, is_connected: !error.is_connect(), cause: cause(error) }
}

/// Returns the host of a URL, and its port if it is not the one of the scheme.
fn server_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Returns the innermost cause, which is the most specific one.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() { "timed out".to_owned() } else { innermost.to_string() }
}
