//! A client of the API with the key of one owner.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use files_domain::Scope;
use http::Method;
use serde_json::Value;

use crate::client::http_client;
use crate::log_secrets::LogWatch;
use crate::wait::until;
use crate::{Backend, Cloud, Form, LocalBackend, Response, advancing_clock, deployment};

/// An owner of files, with access to the stores behind the API.
#[derive(Clone)]
pub struct Owner {
    http: reqwest::Client,
    api: String,
    name: String,
    key: String,
    log: Option<(PathBuf, Arc<LogWatch>)>,
    /// The owner's records and objects.
    pub backend: LocalBackend,
}

impl Cloud {
    /// Creates an owner with a key that has all scopes.
    pub async fn owner(&self) -> Owner {
        let name = match self {
            Self::Local(_) => new_name(),
            Self::Deployed(_) => deployment::owner_name(&new_name()),
        };
        let key = self.key(&name, Scope::ALL, None).await;
        Owner::new(self, &name, &key)
    }

    /// Returns an existing owner, with the same key.
    #[must_use]
    pub fn owner_again(&self, before: &Owner) -> Owner {
        Owner::new(self, before.name(), before.key())
    }
}

/// Returns a unique owner name.
fn new_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("tester {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Owner {
    fn new(cloud: &Cloud, name: &str, key: &str) -> Self {
        Self {
            http: http_client(),
            api: cloud.api(),
            name: name.to_owned(),
            key: key.to_owned(),
            log: cloud.as_local().map(|local| (local.folder.clone(), local.log.clone())),
            backend: LocalBackend(cloud.as_local().map(|local| Backend::new(&local.ready, name))),
        }
    }

    /// Returns the owner's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the owner's records and objects, or `None` if the tests run against a deployment.
    #[must_use]
    pub fn local_backend(&self) -> Option<&Backend> {
        self.backend.0.as_ref()
    }

    /// Returns the API's URL, with `/v1`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Returns the key that is sent with every request.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the same owner with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        let mut other = self.clone();
        key.clone_into(&mut other.key);
        other
    }

    // ------------------------------------------------------------ any request

    /// Creates a request to a path below `/v1`, or to a URL of the API, with the key.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.bare_request(method, path).header("X-API-KEY", &self.key)
    }

    /// Creates a request without the key.
    pub fn bare_request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.contains("://") { path.to_owned() } else { format!("{}{path}", self.api) };
        self.http.request(method, url)
    }

    /// Sends a `GET` of a path below `/v1`, or of a URL of the API.
    pub async fn get(&self, path: &str) -> Response {
        Response::to(self.request(Method::GET, path)).await
    }

    /// Sends a `GET` of a URL outside the API, such as a presigned one.
    pub async fn fetch(&self, url: &str) -> Response {
        Response::to(self.bare_request(Method::GET, url)).await
    }

    // ------------------------------------------------------------ create

    /// Creates a `POST /v1/files` with a form.
    pub fn form(&self, form: Form) -> reqwest::RequestBuilder {
        self.post(&Form::content_type(), form.finish())
    }

    /// Creates a `POST /v1/files` with JSON.
    pub fn json(&self, body: &Value) -> reqwest::RequestBuilder {
        self.post("application/json", body.to_string())
    }

    /// Creates a `POST /v1/files` with any body.
    pub fn post(&self, content_type: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.request(Method::POST, "/files").header("content-type", content_type).body(body)
    }

    /// Uploads a file through the API. Returns the file as created.
    pub async fn upload(&self, name: &str, bytes: &[u8]) -> Value {
        let form = Form::new().file(name, Some("application/octet-stream"), bytes);
        Response::to(self.form(form)).await.expect(201).json()
    }

    /// Imports a URL. Returns the file as created.
    pub async fn import(&self, url: &str) -> Value {
        Response::to(self.json(&serde_json::json!({ "file_url": url }))).await.expect(202).json()
    }

    /// Requests a presigned upload. Returns the file as created, with `upload`.
    pub async fn announce(&self, name: &str, size: usize, content_type: &str) -> Value {
        self.announce_as(&serde_json::json!({"name": name, "size": size, "content_type": content_type})).await
    }

    /// Requests a presigned upload with any JSON body.
    pub async fn announce_as(&self, body: &Value) -> Value {
        Response::to(self.json(body)).await.expect(201).json()
    }

    /// Sends the bytes of a presigned upload with exactly the headers that it names.
    pub async fn put(&self, file: &Value, bytes: impl Into<Bytes>) -> Response {
        self.put_with(file, bytes, &[]).await
    }

    /// Sends the bytes of a presigned upload with some headers changed.
    pub async fn put_with(&self, file: &Value, bytes: impl Into<Bytes>, other: &[(&str, &str)]) -> Response {
        let upload = &file["upload"];
        assert_eq!(upload["method"], "PUT", "{file}");
        let mut request = self.bare_request(Method::PUT, upload["url"].as_str().expect("a URL"));
        for (name, value) in upload["headers"].as_object().expect("headers") {
            let set = other.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            request =
                request.header(name, set.map_or(value.as_str().unwrap_or_default(), |(_, value)| value));
        }
        let bytes = bytes.into();
        if bytes.is_empty() {
            request = request.header("content-length", 0); // as browsers and curl send it
        }
        Response::to(request.body(bytes)).await
    }

    // ------------------------------------------------------------ read

    /// Returns an existing file.
    pub async fn file(&self, id: &str) -> Value {
        self.get(&format!("/files/{id}")).await.expect(200).json()
    }

    /// Waits until the file has a terminal status.
    pub async fn wait_until_terminal(&self, file: &Value) -> Value {
        self.wait_for(file, |file| matches!(file["status"].as_str(), Some("success" | "failed"))).await
    }

    /// Waits until the file is stored and probed.
    pub async fn wait_until_success(&self, file: &Value) -> Value {
        let file = self.wait_until_terminal(file).await;
        assert_eq!(file["status"], "success", "{file:#}");
        file
    }

    /// Waits until a condition on the file is true.
    pub async fn wait_for(&self, file: &Value, condition: impl Fn(&Value) -> bool) -> Value {
        let (id, start) = (id(file), Instant::now());
        until(&format!("file {id} is as expected"), async || {
            let file = self.file(id).await;
            if condition(&file) {
                return Some(file);
            }
            advancing_clock::let_time_pass(self.local_backend(), &file, start).await;
            None
        })
        .await
    }

    /// Returns a page of the list.
    pub async fn list(&self, query: &str) -> Value {
        self.get(&format!("/files{query}")).await.expect(200).json()
    }

    /// Returns the download URL of a file.
    #[must_use]
    pub fn download_url(file: &Value) -> &str {
        file["download_url"].as_str().expect("a download_url")
    }

    /// Downloads a file, following the redirect. Returns the bytes.
    pub async fn download(&self, file: &Value) -> Bytes {
        let redirect = self.get(Self::download_url(file)).await.expect(302);
        self.fetch(redirect.header("location").expect("a location")).await.expect(200).body
    }

    // ------------------------------------------------------------ change, delete

    /// Changes a file.
    pub async fn update(&self, file: &Value, change: &Value) -> Response {
        let request = self.request(Method::PATCH, &format!("/files/{}", id(file)));
        Response::to(request.header("content-type", "application/json").body(change.to_string())).await
    }

    /// Deletes a file.
    pub async fn delete(&self, file: &Value) -> Response {
        Response::to(self.request(Method::DELETE, &format!("/files/{}", id(file)))).await
    }
}

/// Returns a file's id.
#[must_use]
pub fn id(file: &Value) -> &str {
    file["id"].as_str().expect("an id")
}

/// Prints the end of the log if the test failed, and checks the log for secrets.
impl Drop for Owner {
    fn drop(&mut self) {
        let Some((folder, log)) = &self.log else { return };
        if std::thread::panicking() {
            eprintln!("--- the cloud's last lines:\n{}\n---", Cloud::log_tail(folder));
        }
        log.assert_no_secrets();
    }
}

/// Returns a presigned URL with one digit of its signature changed.
#[must_use]
pub fn tampered(url: &str) -> String {
    let (before, after) = url.split_once("X-Amz-Signature=").expect("a signature");
    let changed = if after.starts_with('0') { '1' } else { '0' };
    format!("{before}X-Amz-Signature={changed}{}", &after[1..])
}
