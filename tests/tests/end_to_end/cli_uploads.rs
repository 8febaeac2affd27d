//! The CLI `files upload` of large files: interruptions, failures, expired URLs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use files_tests::cli::{CliResult, Machine, interrupt};
use files_tests::owner::id;
use files_tests::{Cloud, Owner, media, skip_on_deployment, until};
use serde_json::{Value, json};

const PART: usize = 8 << 20;

/// Returns the bytes of ten parts.
fn large() -> Bytes {
    static BYTES: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| media::noise(9 * PART + 7, 8));
    BYTES.clone()
}

/// Returns the number of PUTs of parts, which count as calls of the function that signed them.
async fn puts(cloud: &Cloud) -> u64 {
    cloud.calls("sign-parts").await["s3"]["UploadPart"].as_u64().unwrap_or(0)
}

fn on_parts(rule: Value) -> Value {
    let mut all = json!({"caller": "sign-parts", "operation": "UploadPart"});
    all.as_object_mut().expect("an object").extend(rule.as_object().expect("an object").clone());
    all
}

async fn check(owner: &Owner, file: &Value) {
    assert_eq!(file["status"], "success", "{file}");
    assert_eq!(owner.download(file).await, large());
    assert_eq!(owner.backend.unfinished_uploads().await, []);
}

#[tokio::test]
async fn after_ctrl_c_only_missing_parts_are_sent() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    machine.file("large.bin", &large());
    // Four parts are stored, and others wait until the program has been interrupted.
    cloud.add_faults(&on_parts(json!({"nth": 5, "times": 100, "action": {"delay_ms": 60_000}}))).await;
    let upload = ["upload", "large.bin", "--parallel", "2", "--wait", "--json"];
    let child = machine.start(&upload);
    until("some parts are stored", async || (puts(&cloud).await >= 4).then_some(())).await;
    interrupt(&child);
    let ran = CliResult::of(child).await.expect(130);
    assert!(ran.err.contains("resumes where this one stopped"), "{}", ran.err);
    cloud.clear_faults().await;

    let pending = owner.list("?status=pending").await["files"][0].clone();
    let stored = owner.stored_parts(&pending, 0).await["parts"].as_array().expect("parts").len();
    assert!((2..10).contains(&stored), "{stored} of 10 are stored");
    cloud.reset_calls().await;
    let ran = machine.run(&upload).await.expect(0);
    assert!(ran.err.contains(&format!("resumes: {stored} of 10 parts are stored")), "{}", ran.err);
    assert_eq!(puts(&cloud).await, 10 - stored as u64, "only the missing ones");
    let file = &ran.json()[0];
    assert_eq!(file["id"], pending["id"]);
    check(&owner, file).await;

    // The journal is deleted: the same file creates another upload.
    let again = machine.run(&upload).await.expect(0).json();
    assert_ne!(again[0]["id"], file["id"]);
}

#[tokio::test]
async fn after_ctrl_c_a_small_file_keeps_its_id() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    machine.file("small.png", &media::PNG);
    let slow = json!({"caller": "create-file", "operation": "PutObject", "action": {"delay_ms": 60_000}});
    cloud.add_faults(&slow).await;
    let upload = ["upload", "small.png", "--wait", "--json"];
    let child = machine.start(&upload);
    let begun = until("the file is announced", async || owner.list("").await["files"].get(0).cloned()).await;
    interrupt(&child);
    CliResult::of(child).await.expect(130);
    cloud.clear_faults().await;

    let resumed = machine.run(&upload).await.expect(0).json();
    assert_eq!((&resumed[0]["id"], &resumed[0]["status"]), (&begun["id"], &json!("success")));
    assert_eq!(owner.list("").await["files"].as_array().map(Vec::len), Some(1));

    // A file that was deleted after an interruption is created again.
    cloud.add_faults(&slow).await;
    machine.file("small.png", &media::WAV);
    let child = machine.start(&upload);
    let second =
        until("the file is announced", async || owner.list("?status=pending").await["files"].get(0).cloned());
    let second = second.await;
    interrupt(&child);
    CliResult::of(child).await.expect(130);
    cloud.clear_faults().await;
    machine.run(&["rm", id(&second)]).await.expect(0);
    let created = machine.run(&upload).await.expect(0).json();
    assert_ne!(created[0]["id"], second["id"]);
    assert_eq!(created[0]["size"], media::WAV.len());
}

#[tokio::test]
async fn after_ctrl_c_finished_files_are_skipped() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    machine.file("small.png", &media::PNG);
    machine.file("medium.bin", &large()[..PART + 7]);
    machine.file("large.bin", &large());
    let slow = on_parts(json!({"action": {"delay_ms": 1_000}}));
    let upload = ["upload", "small.png", "medium.bin", "large.bin", "--parallel", "1", "--json"];
    cloud.add_faults(&slow).await;
    let child = machine.start(&upload);
    let finished = until("two files are stored", async || {
        let files = owner.list("?status=success").await["files"].as_array().cloned().unwrap_or_default();
        (files.len() == 2).then_some(files)
    });
    let finished = finished.await;
    interrupt(&child);
    CliResult::of(child).await.expect(130);
    cloud.clear_faults().await;

    let ran = machine.run(&upload).await.expect(0);
    assert_eq!(ran.err.matches("an earlier run uploaded it").count(), 2, "{}", ran.err);
    let files = ran.json();
    for file in &finished {
        assert!(files.iter().any(|shown| shown["id"] == file["id"]), "{file} in {files:?}");
    }
    assert_eq!((files.len(), owner.list("").await["files"].as_array().map(Vec::len)), (3, Some(3)));
    let again = machine.run(&upload[..2]).await.expect(0);
    assert!(!again.err.contains("an earlier run"), "the command has ended: {}", again.err);
}

#[tokio::test]
async fn a_put_with_a_lost_response_counts_as_sent() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    machine.file("small.png", &media::PNG);
    let lost =
        json!({"caller": "create-file", "operation": "PutObject", "times": 1, "action": "lose_response"});
    cloud.add_faults(&lost).await;
    let file = machine.run(&["upload", "small.png", "--wait", "--json"]).await.expect(0).json().remove(0);
    assert_eq!(file["status"], "success", "{file}");
    assert_eq!(owner.list("").await["files"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_changed_file_restarts_the_upload() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    machine.file("large.bin", &media::noise(9 * PART + 7, 1));
    cloud.add_faults(&on_parts(json!({"nth": 3, "times": 100, "action": {"delay_ms": 60_000}}))).await;
    let upload = ["upload", "large.bin", "--wait", "--json"];
    let child = machine.start(&upload);
    until("some parts are stored", async || (puts(&cloud).await >= 2).then_some(())).await;
    interrupt(&child);
    CliResult::of(child).await.expect(130);
    cloud.clear_faults().await;
    machine.file("large.bin", &large());
    let ran = machine.run(&upload).await.expect(0);
    assert!(!ran.err.contains("resumes:"), "{}", ran.err);
    assert_eq!(owner.download(&ran.json()[0]).await, large());
}

#[tokio::test]
async fn failed_parts_are_sent_again() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let machine = Machine::new(&owner);
    machine.file("large.bin", &large());
    cloud
        .add_faults(&json!([
            on_parts(json!({"nth": 2, "times": 2, "action": {"error": "internal"}})),
            on_parts(json!({"nth": 6, "times": 2, "action": "lose_response"})),
            on_parts(json!({"nth": 9, "action": "cut"})),
            {"caller": "sign-parts", "service": "dynamodb", "nth": 2, "times": 2, "action": {"error": "internal"}},
            {"caller": "create-file", "operation": "Invoke", "nth": 1, "action": {"error": "internal"}},
            {"caller": "complete-upload", "operation": "Invoke", "nth": 1, "action": {"error": "internal"}},
        ]))
        .await;
    let file = machine.run(&["upload", "large.bin", "--wait", "--json"]).await.expect(0).json().remove(0);
    let applied: u64 = cloud.fault_counts().await.iter().map(|(_, hits)| hits).sum();
    assert!(applied >= 6, "{:?}", cloud.fault_counts().await);
    check(&owner, &file).await;
    assert_eq!(owner.list("").await["files"].as_array().map(Vec::len), Some(1), "created once");
}

/// A proxy before the API that replaces the first URL of part 3 with an expired one.
#[derive(Clone)]
struct StaleProxy {
    owner: Owner,
    swapped: Arc<AtomicU32>,
}

impl StaleProxy {
    async fn start(owner: &Owner) -> (String, Arc<AtomicU32>) {
        let swapped = Arc::new(AtomicU32::new(0));
        let stale = Self { owner: owner.clone(), swapped: swapped.clone() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(Self::pass).with_state(stale);
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, swapped)
    }

    async fn pass(State(stale): State<Self>, request: Request) -> impl IntoResponse {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().expect("a path").as_str().trim_start_matches("/v1").to_owned();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let mut passed = stale.owner.bare_request(parts.method, &path).body(body);
        for name in ["x-api-key", "content-type", "idempotency-key"] {
            if let Some(value) = parts.headers.get(name) {
                passed = passed.header(name, value);
            }
        }
        let response = files_tests::Response::to(passed).await;
        let mut body = response.body.clone();
        if response.status == 200 && path.ends_with("/parts") {
            body = stale.swap(response.json()).await.to_string().into();
        }
        (http::StatusCode::from_u16(response.status).expect("a status"), body)
    }

    async fn swap(&self, mut response: Value) -> Value {
        for part in response["parts"].as_array_mut().into_iter().flatten() {
            if part["part_number"] == 3
                && part["url"].is_string()
                && self.swapped.fetch_add(1, Ordering::SeqCst) == 0
            {
                part["url"] = self.expired(part["url"].as_str().expect("a URL")).await.into();
            }
        }
        response
    }

    /// Returns the same PUT, signed two hours ago for one hour.
    async fn expired(&self, url: &str) -> String {
        let upload_id = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("uploadId=")).expect("an id");
        let path = url.split(['?']).next().expect("a path");
        let key = path.split_once("/files/").map(|(_, rest)| format!("files/{rest}")).expect("a key");
        let part = self.owner.backend.s3.upload_part().bucket(&self.owner.backend.bucket).key(key);
        let part = part.upload_id(upload_id).part_number(3).content_length(PART.try_into().expect("small"));
        let hour = Duration::from_secs(3_600);
        let config = PresigningConfig::builder().start_time(SystemTime::now() - 2 * hour).expires_in(hour);
        let signed = part.presigned(config.build().expect("a lifetime")).await.expect("a URL");
        signed.uri().to_owned()
    }
}

#[tokio::test]
async fn an_expired_url_is_signed_again() {
    skip_on_deployment!("signs with the operator's keys");
    let owner = Cloud::shared().await.owner().await;
    let (url, swapped) = StaleProxy::start(&owner).await;
    let machine = Machine::new(&owner).at(&url);
    machine.file("large.bin", &large());
    let ran = machine.run(&["upload", "large.bin", "--json"]).await.expect(0);
    assert!(swapped.load(Ordering::SeqCst) >= 2, "signed again");
    let file = owner.wait_until_success(&ran.json()[0]).await;
    check(&owner, &file).await;
    assert_eq!(id(&file), id(&ran.json()[0]));
}
