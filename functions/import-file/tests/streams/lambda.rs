//! Lambda's API `Invoke` for two functions: `resolve-url` as set, and `mux-streams` by its handler in this process.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambda_startup::{Aws, AwsEndpoints};
use mux_protocol::{MuxRefusal, MuxResponse};
use mux_streams::{Ffmpeg, Limits, MuxStreams};
use serde_json::Value;
use test_app::event;
use tokio::net::TcpListener;

type Hook = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

#[derive(Default)]
struct State {
    page: Value,
    failures: BTreeMap<String, u32>,
    refusals: Vec<MuxRefusal>,
    invocations: Vec<String>,
    hooks: HashMap<String, Hook>,
}

/// The server. It ends with the test's runtime.
pub(crate) struct FakeLambda {
    aws: Aws,
    state: Arc<Mutex<State>>,
}

impl FakeLambda {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let endpoints = AwsEndpoints { lambda: Some(endpoint), ..AwsEndpoints::default() };
        let credentials = Credentials::new("x", "x", None, None, "test");
        let aws = Aws::new("eu-central-1".to_owned(), credentials, endpoints);
        let ffmpeg = Ffmpeg { path: program(), limits: Limits::default() };
        let mux = Arc::new(MuxStreams::new(aws.downloads(), ffmpeg));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, mux) = (Arc::clone(&shared), Arc::clone(&mux));
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let (shared, mux) = (Arc::clone(&shared), Arc::clone(&mux));
                        async move { invoke(&shared, &mux, request).await }
                    });
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { aws, state }
    }

    pub(crate) fn client(&self) -> aws_sdk_lambda::Client {
        self.aws.lambda()
    }

    pub(crate) fn resolve_to(&self, page: Value) {
        self.state.lock().expect("a lock").page = page;
    }

    /// Lets the next invocations of a function fail.
    pub(crate) fn fail(&self, function: &str, times: u32) {
        self.state.lock().expect("a lock").failures.insert(function.to_owned(), times);
    }

    /// Lets the next invocation of `mux-streams` refuse.
    pub(crate) fn refuse(&self, refusal: MuxRefusal) {
        self.state.lock().expect("a lock").refusals.push(refusal);
    }

    /// Does something before each invocation of a function.
    pub(crate) fn before(
        &self,
        function: &str,
        hook: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) {
        self.state.lock().expect("a lock").hooks.insert(function.to_owned(), Arc::new(hook));
    }

    pub(crate) fn invocations(&self) -> Vec<String> {
        self.state.lock().expect("a lock").invocations.clone()
    }
}

fn program() -> PathBuf {
    let named = std::env::var_os("FILES_FFMPEG").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/ffmpeg"))
}

async fn invoke(
    state: &Mutex<State>,
    mux: &MuxStreams,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let function = request.uri().path().split('/').nth(3).unwrap_or_default().to_owned();
    let payload = request.into_body().collect().await?.to_bytes();
    let (hook, page, fails) = {
        let mut state = state.lock().expect("a lock");
        state.invocations.push(function.clone());
        let fails = state.failures.get_mut(&function).is_some_and(|left| {
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        });
        (state.hooks.get(&function).cloned(), state.page.clone(), fails)
    };
    if let Some(hook) = hook {
        hook().await;
    }
    if fails {
        return Ok(failed());
    }
    if function == "resolve-url" {
        return Ok(responded(&page));
    }
    let refusal = state.lock().expect("a lock").refusals.pop();
    if let Some(refusal) = refusal {
        let response = MuxResponse::Refused(refusal);
        return Ok(responded(&serde_json::to_value(response).expect("JSON")));
    }
    let request = serde_json::from_slice(&payload).expect("a request of mux-streams");
    Ok(match mux.handle(event(request)).await {
        Ok(response) => responded(&serde_json::to_value(response).expect("JSON")),
        Err(_) => failed(),
    })
}

fn responded(payload: &Value) -> Response<Full<Bytes>> {
    Response::new(Full::new(payload.to_string().into()))
}

fn failed() -> Response<Full<Bytes>> {
    let response = Response::builder().status(StatusCode::OK).header("x-amz-function-error", "Unhandled");
    response.body(Full::new(r#"{"errorType": "MuxError", "errorMessage": "x"}"#.into())).expect("a response")
}
