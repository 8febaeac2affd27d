//! A server that responds to presigned URLs as S3 does: GET with `Range` and `If-Match`, PUT of parts.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod packed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    refused: BTreeSet<String>,
    changing: BTreeSet<String>,
}

/// The server. It ends with the test's runtime.
pub(crate) struct Bucket {
    base: String,
    state: Arc<Mutex<State>>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}/", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { base, state }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}{name}?X-Amz-Signature=x", self.base)
    }

    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) -> String {
        self.state.lock().expect("a lock").objects.insert(name.to_owned(), bytes.into());
        self.url(name)
    }

    /// Refuses every PUT of an object.
    pub(crate) fn refuse(&self, name: &str) {
        self.state.lock().expect("a lock").refused.insert(name.to_owned());
    }

    /// Deletes an object.
    pub(crate) fn remove(&self, name: &str) {
        self.state.lock().expect("a lock").objects.remove(name);
    }

    /// Deletes an object and returns it.
    pub(crate) fn take(&self, name: &str) -> Vec<u8> {
        self.state.lock().expect("a lock").objects.remove(name).expect("an object").to_vec()
    }

    /// Gives an object another entity tag after its first GET.
    pub(crate) fn change_after_first_read(&self, name: &str) {
        self.state.lock().expect("a lock").changing.insert(name.to_owned());
    }

    /// Returns the parts in order, and forgets them.
    pub(crate) fn joined(&self, parts: u64) -> Vec<u8> {
        let mut state = self.state.lock().expect("a lock");
        let names = (1..=parts).map(|part| format!("part-{part}"));
        names.flat_map(|name| state.objects.remove(&name).expect("a part").to_vec()).collect()
    }
}

async fn respond(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let name = request.uri().path().trim_start_matches('/').to_owned();
    if request.method() == Method::PUT {
        let body = request.into_body().collect().await?.to_bytes();
        let mut state = state.lock().expect("a lock");
        if state.refused.contains(&name) {
            return Ok(status(StatusCode::FORBIDDEN));
        }
        state.objects.insert(name, body);
        return Ok(status(StatusCode::OK));
    }
    let mut state = state.lock().expect("a lock");
    let Some(object) = state.objects.get(&name).cloned() else { return Ok(status(StatusCode::NOT_FOUND)) };
    let tag = if state.changing.contains(&format!("{name} read")) { "\"new\"" } else { "\"tag\"" };
    if state.changing.contains(&name) {
        state.changing.insert(format!("{name} read"));
    }
    if request.headers().get("if-match").is_some_and(|expected| expected != tag) {
        return Ok(status(StatusCode::PRECONDITION_FAILED));
    }
    Ok(range(&request, &object, tag))
}

fn range(request: &Request<Incoming>, object: &Bytes, tag: &str) -> Response<Full<Bytes>> {
    let is_page = object.starts_with(b"<html>");
    let content_type = if is_page { "text/html" } else { "application/octet-stream" };
    let response = Response::builder().header("etag", tag).header("content-type", content_type);
    let header = request.headers().get("range").and_then(|value| value.to_str().ok());
    let Some((first, last)) = header.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return response.body(Full::new(object.clone())).expect("a response");
    };
    let first: usize = first.parse().expect("a number");
    if first >= object.len() {
        return status(StatusCode::RANGE_NOT_SATISFIABLE);
    }
    let last = last.parse().unwrap_or(usize::MAX).min(object.len() - 1);
    let response = response.status(StatusCode::PARTIAL_CONTENT);
    let response = response.header("content-range", format!("bytes {first}-{last}/{}", object.len()));
    response.body(Full::new(object.slice(first..=last))).expect("a response")
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::default()).expect("a response")
}
