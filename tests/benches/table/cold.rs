//! Cold starts: the time from the start of a process to its first response, over TLS with a latency of one millisecond, compared
//! with a bare function that reads one item. Both are built for Lambda.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use files_local::template::{Surroundings as Stack, load};
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Reply, SourceServer, media};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::latency::Certificate;
use crate::stats::{Times, peak_memory_mb};

const BARE: &str = "bare-function";
/// Each endpoint, and its number of sequential AWS calls before the response: concurrent calls count once. The first use of a key in a
/// process reads it and stores the day of the use.
const ENDPOINTS: [(&str, usize); 13] = [
    ("create-file", 3),
    ("list-files", 3),
    ("get-file", 2),
    ("download-file", 2),
    ("delete-file", 7),
    ("sign-upload", 3),
    ("sign-parts", 5),
    ("list-parts", 4),
    ("complete-upload", 6),
    ("preview-url", 4), // and a request to a source, without TLS or latency
    ("not-found", 0),
    ("probe-file", 2), // of a finished file: an invocation, and what probe-record reads
    ("probe-record", 1),
];
/// Maximum ratio of a start to that of the bare function with the same number of calls.
const MAX_RATIO: f64 = 1.3;
/// Timeout of a start.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns the binary that `make bench` built for Lambda.
fn built(function: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("target/lambda");
    folder.join(function).join("bootstrap")
}

/// Returns the environment that the template gives a function; none for the bare one. Without ffmpeg, `probe-file` makes no poster.
fn variables(function: &str, cloud: &Cloud) -> BTreeMap<String, String> {
    let ready = cloud.ready();
    let stack = Stack {
        parameters: BTreeMap::new(),
        sqs_url: ready.sqs.clone(),
        api_url: "http://api.example".to_owned(),
    };
    let model = load(include_str!("../../../template.yaml"), &stack).expect("the template");
    let of_function = model.functions.into_iter().find(|found| found.binary == function);
    let mut variables = of_function.map(|found| found.environment).unwrap_or_default();
    let ffprobe = files_tests::programs::built().join("ffprobe");
    let ffprobe = ffprobe.to_str().expect("a path");
    for (name, value) in
        [("FILES_FFPROBE", ffprobe), ("FILES_FFMPEG", ""), ("FILES_IMPORT_ALLOW_HOSTS", "127.0.0.1")]
    {
        variables.insert(name.to_owned(), value.to_owned());
    }
    variables
}

/// The environment that all starts share.
struct Surroundings {
    cloud: Cloud,
    owner: Owner,
    roots: PathBuf,
    dynamodb: String,
    s3: String,
    lambda: String,
    source: SourceServer,
    _folder: tempfile::TempDir,
}

/// A program that is started repeatedly.
struct Started {
    function: &'static str,
    variables: BTreeMap<String, String>,
    calls: usize,
    times: Times,
    memory: f64,
}

impl Started {
    fn new(function: &'static str, calls: usize, cloud: &Cloud) -> Self {
        Self { function, variables: variables(function, cloud), calls, times: Times::default(), memory: 0.0 }
    }
}

pub(crate) async fn measure(rounds: usize) -> Vec<String> {
    let missing = std::iter::once(BARE).chain(ENDPOINTS.map(|(function, _)| function));
    let missing: Vec<_> = missing.filter(|function| !built(function).is_file()).collect();
    assert!(missing.is_empty(), "not built for Lambda: {missing:?}; `make bench` does it");
    let around = Surroundings::new().await;
    let most = ENDPOINTS.iter().map(|(_, calls)| *calls).max().unwrap_or(1);
    let mut bare: Vec<_> = (1..=most).map(|calls| Started::new(BARE, calls, &around.cloud)).collect();
    let mut ours = ENDPOINTS.map(|(function, calls)| Started::new(function, calls, &around.cloud));
    for round in 0..=rounds {
        for one in bare.iter_mut().chain(&mut ours) {
            let event = around.event(one.function).await;
            let (time, peak) = around.first_response(one, event).await;
            // The first start of each program reads it from the disk, and is not counted.
            if round > 0 {
                one.times.add(time);
                one.memory = one.memory.max(peak);
            }
        }
    }
    print(&bare, &ours)
}

/// Prints the table, and returns the exceeded budgets. It compares the fastest starts, which other load on the machine did not
/// slow.
fn print(bare: &[Started], ours: &[Started]) -> Vec<String> {
    println!(
        "\n| cold start of | AWS calls in turn | median, ms | fastest, ms | of the bare function's | of the bare's with as many calls | memory, MB | program, MB | zip, MB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut over = Vec::new();
    for one in bare.iter().chain(ours) {
        let like = &bare[one.calls.saturating_sub(1)];
        let ratio = |other: &Started| one.times.fastest() / other.times.fastest();
        println!(
            "| `{}` | {} | {:.1} | {:.1} | {:.2} | {:.2} | {:.0} | {} | {} |",
            one.function,
            one.calls,
            one.times.median(),
            one.times.fastest(),
            ratio(&bare[0]),
            ratio(like),
            one.memory,
            megabytes(&built(one.function)),
            megabytes(&built(one.function).with_extension("zip")),
        );
        if ratio(like) > MAX_RATIO {
            over.push(format!(
                "{} starts {:.2} times as slowly as a bare function",
                one.function,
                ratio(like)
            ));
        }
    }
    over
}

fn megabytes(file: &Path) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a file's size")]
    std::fs::metadata(file).map_or("–".to_owned(), |file| format!("{:.1}", file.len() as f64 / 1e6))
}

impl Surroundings {
    async fn new() -> Self {
        let (cloud, certificate) = (Cloud::start().await, Certificate::new());
        let owner = cloud.owner().await;
        let folder = tempfile::tempdir().expect("a folder");
        let roots = certificate.trusted(folder.path());
        let dynamodb = certificate.in_front_of(&cloud.ready().dynamodb).await;
        let s3 = certificate.in_front_of(&cloud.ready().s3).await;
        let lambda = certificate.in_front_of(&cloud.ready().lambda).await;
        let source = SourceServer::start().await;
        source.serve("/a.mp4", Reply::bytes(media::PNG.clone()));
        Self { cloud, owner, roots, dynamodb, s3, lambda, source, _folder: folder }
    }

    /// Returns the event of a request that the function handles successfully.
    async fn event(&self, function: &str) -> Value {
        let body = json!({"name": "a.mp4", "size": 5});
        let file = match function {
            "sign-parts" => self.owner.announce_parts("a.mp4", 3).await,
            "list-parts" | "complete-upload" => {
                let file = self.owner.announce_parts("a.mp4", 3).await;
                self.owner.send_parts(&file, &"abc".into(), &[1]).await;
                file
            }
            "get-file" | "download-file" | "delete-file" | "probe-file" => {
                self.owner.wait_until_success(&self.owner.upload("a.mp4", &media::PNG).await).await
            }
            "sign-upload" | "probe-record" => self.owner.announce_as(&body).await,
            _ => json!({"id": ""}),
        };
        let id = id(&file);
        match function {
            "probe-file" => return self.owner.backend.stored_event(id),
            "probe-record" => return json!({"begin": {"key": self.owner.backend.object_key(id)}}),
            _ => {}
        }
        let (method, path, body) = match function {
            "create-file" => ("POST", "/v1/files".to_owned(), body.to_string()),
            "list-files" => ("GET", "/v1/files".to_owned(), String::new()),
            "get-file" => ("GET", format!("/v1/files/{id}"), String::new()),
            "download-file" => ("GET", format!("/v1/files/{id}/a.mp4"), String::new()),
            "delete-file" => ("DELETE", format!("/v1/files/{id}"), String::new()),
            "sign-upload" => ("POST", format!("/v1/uploads/{id}/sign"), String::new()),
            "sign-parts" => {
                ("POST", format!("/v1/uploads/{id}/parts"), json!({"part_numbers": [1]}).to_string())
            }
            "list-parts" => ("GET", format!("/v1/uploads/{id}/parts"), String::new()),
            "complete-upload" => ("POST", format!("/v1/uploads/{id}/complete"), String::new()),
            "preview-url" => {
                let body = json!({"file_url": self.source.url("/a.mp4")});
                ("POST", "/v1/preview".to_owned(), body.to_string())
            }
            _ => ("GET", "/v1/nothing".to_owned(), String::new()),
        };
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"x-api-key": self.owner.key(), "content-type": "application/json", "host": "api.example"},
            "requestContext": {
                "accountId": "000000000000", "apiId": "api", "domainName": "api.example", "domainPrefix": "api",
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
                "requestId": "bench", "routeKey": "$default", "stage": "$default",
                "time": "23/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_392_000_000_u64,
            },
            "pathParameters": {"id": id, "filename": "a.mp4"}, "body": body, "isBase64Encoded": false,
        })
    }

    /// Starts the function with a waiting event, and stops it after its response.
    async fn first_response(&self, one: &Started, event: Value) -> (Duration, f64) {
        let function = one.function;
        let (responded, response) = oneshot::channel();
        let api = RuntimeApi { event: Mutex::new(Some(event)), responded: Mutex::new(Some(responded)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(axum::serve(listener, api.router()).into_future());
        let ready = self.cloud.ready();
        let mut command = Command::new(built(function));
        command.env_clear().kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::null()).envs([
            ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
            ("AWS_REGION", &ready.region),
            ("AWS_ACCESS_KEY_ID", &ready.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &ready.secret_access_key),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb),
            ("AWS_ENDPOINT_URL_S3", &self.s3),
            ("AWS_ENDPOINT_URL_SQS", &ready.sqs),
            ("AWS_ENDPOINT_URL_LAMBDA", &self.lambda),
            ("SSL_CERT_FILE", self.roots.to_str().expect("a path")),
            ("BARE_CALLS", &one.calls.to_string()),
            // The bare function has no resource in the template.
            ("FILES_TABLE", ready.table()),
        ]);
        command.envs(&one.variables);
        let started = Instant::now();
        let mut process = command.spawn().expect("the function starts");
        let response = tokio::time::timeout(RESPONSE_TIMEOUT, response).await;
        let (at, response) =
            response.unwrap_or_else(|_| panic!("{function} does not respond")).expect("a response");
        let memory = process.id().and_then(peak_memory_mb).unwrap_or(0.0);
        let _ = process.kill().await;
        server.abort();
        assert!(is_good(function, &response), "{function}: {response}");
        (at - started, memory)
    }
}

fn is_good(function: &str, response: &Value) -> bool {
    match function {
        "probe-file" => *response == json!({}),
        "probe-record" => response["probe"]["url"].is_string(),
        "not-found" => response["statusCode"] == 404,
        _ => (200..=399).contains(&response["statusCode"].as_u64().unwrap_or(0)),
    }
}

/// A Runtime API for one event.
struct RuntimeApi {
    event: Mutex<Option<Value>>,
    responded: Mutex<Option<oneshot::Sender<(Instant, Value)>>>,
}

impl RuntimeApi {
    fn router(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(receive_response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(receive_response))
            .with_state(Arc::new(self))
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    let event = api.event.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(event) = event else { return std::future::pending().await };
    let deadline = std::time::SystemTime::now() + RESPONSE_TIMEOUT;
    let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
        ),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn receive_response(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> StatusCode {
    let at = Instant::now();
    let response = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
    if let Some(responded) = api.responded.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = responded.send((at, response));
    }
    StatusCode::ACCEPTED
}
