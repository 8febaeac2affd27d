//! Traces of files: the segments that real functions send to the X-Ray daemon.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use files_tests::owner::id;
use files_tests::setup::Setup;
use files_tests::{Cloud, Owner, Reply, SourceServer, WebhookReceiver, media, until};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Receives segments in place of the X-Ray daemon.
struct Daemon {
    documents: Arc<Mutex<Vec<Value>>>,
    server: JoinHandle<()>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Daemon {
    /// Starts a receiver, and a cloud with this value of the parameter `Tracing`.
    async fn start(tracing: &str) -> (Self, Cloud) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let documents = Arc::<Mutex<Vec<Value>>>::default();
        let server = tokio::spawn(receive(socket, Arc::clone(&documents)));
        let cloud = Setup::default().parameter("Tracing", tracing).xray_daemon(address).start().await;
        (Self { documents, server }, cloud)
    }

    fn documents(&self) -> Vec<Value> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until each of these functions has sent a whole segment of a file. Returns all whole segments of the file.
    async fn trace(&self, file: &Value, functions: &[&str]) -> Vec<Value> {
        until(&format!("a trace with {functions:?}"), async || {
            let is_of =
                |one: &Value| one["annotations"]["file"] == file["id"] && one.get("end_time").is_some();
            let segments: Vec<_> = self.documents().into_iter().filter(is_of).collect();
            let has = |function: &&str| segments.iter().any(|one| is_by(one, function));
            functions.iter().all(has).then_some(segments)
        })
        .await
    }
}

async fn receive(socket: UdpSocket, documents: Arc<Mutex<Vec<Value>>>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let text = std::str::from_utf8(&buffer[..length]).expect("a text");
        let (header, document) = text.split_once('\n').expect("a header and a document");
        assert_eq!(
            serde_json::from_str::<Value>(header).expect("JSON"),
            json!({"format": "json", "version": 1})
        );
        let document = serde_json::from_str(document).expect("JSON");
        documents.lock().unwrap_or_else(PoisonError::into_inner).push(document);
    }
}

fn is_by(segment: &Value, function: &str) -> bool {
    segment["name"].as_str().is_some_and(|name| name.ends_with(function))
}

fn times(segment: &Value) -> (f64, f64) {
    let time = |key: &str| segment[key].as_f64().expect("a time in seconds");
    (time("start_time"), time("end_time"))
}

/// Checks that the segments of a file are one trace: one id, parents that exist, calls within their segments.
fn check_trace(file: &Value, segments: &[Value]) {
    let trace: BTreeSet<_> = segments.iter().map(|one| one["trace_id"].as_str().expect("a trace")).collect();
    let digits = id(file).replace('-', "");
    let [trace] = Vec::from_iter(trace)[..] else { panic!("{segments:?}") };
    assert!(trace.ends_with(&digits[8..]) && trace.len() == 35, "{trace}");
    let ids: BTreeSet<_> = segments.iter().map(|one| one["id"].to_string()).collect();
    assert_eq!(ids.len(), segments.len(), "{segments:?}");
    let roots: Vec<_> = segments.iter().filter(|one| one.get("parent_id").is_none()).collect();
    let [root] = roots[..] else { panic!("{roots:?}") };
    assert!(is_by(root, "CreateFileFunction"), "{root}");
    for segment in segments {
        let (start, end) = times(segment);
        assert!(start <= end && times(root).0 <= start, "{segment}");
        assert!(segment == root || segment["parent_id"] == root["id"], "{segment}");
        for call in segment["subsegments"].as_array().into_iter().flatten() {
            let (sent, received) = times(call);
            assert!(start <= sent && sent <= received && received <= end, "{segment}");
        }
    }
}

fn calls_of(segments: &[Value], function: &str) -> Vec<String> {
    let of_function = segments.iter().filter(|one| is_by(one, function));
    let calls = of_function.flat_map(|one| one["subsegments"].as_array().cloned().unwrap_or_default());
    calls.map(|call| format!("{} {}", call["name"], call["aws"]["operation"]).replace('"', "")).collect()
}

fn no_client_text(daemon: &Daemon, owner: &Owner, texts: &[&str]) {
    let all = json!(daemon.documents()).to_string();
    for text in texts.iter().chain([&owner.key(), &owner.name()]) {
        assert!(!all.contains(text), "{text} is in a trace");
    }
}

#[tokio::test]
async fn an_upload_is_one_trace_from_the_request_to_the_webhook() {
    let (daemon, cloud) = Daemon::start("Active").await;
    let (owner, receiver) = (cloud.owner().await, WebhookReceiver::start(&[]).await);
    let body = json!({"name": "private-name.png", "size": media::PNG.len(), "content_type": "image/png",
        "webhook": receiver.url, "metadata": {"note": "private-note"}});
    let file = owner.announce_as(&body).await;
    owner.put(&file, media::PNG.clone()).await.expect(200);
    receiver.wait_for(1).await;
    owner.wait_until_success(&file).await;
    let functions =
        ["CreateFileFunction", "ProbeRecordFunction", "DeliverWebhookFunction", "GetFileFunction"];
    let segments = daemon.trace(&file, &functions).await;
    check_trace(&file, &segments);
    let calls = calls_of(&segments, "CreateFileFunction");
    assert!(calls.iter().any(|call| call.starts_with("DynamoDB ")), "{calls:?}");
    let calls = calls_of(&segments, "ProbeRecordFunction");
    for expected in ["S3 HeadObject", "SQS SendMessage"] {
        assert!(calls.iter().any(|call| call == expected), "{calls:?}");
    }
    let created = segments.iter().find(|one| is_by(one, "CreateFileFunction")).expect("a request");
    assert_eq!(created["annotations"]["operation"], "POST /v1/files");
    // Functions without rights send nothing.
    assert!(!daemon.documents().iter().any(|one| is_by(one, "ProbeFileFunction")));
    no_client_text(&daemon, &owner, &["private", &receiver.url]);
}

#[tokio::test]
async fn an_import_is_one_trace_with_its_outcome() {
    let (daemon, cloud) = Daemon::start("Active").await;
    let (owner, source) = (cloud.owner().await, SourceServer::start().await);
    let good = source.serve("/private-source.png", Reply::bytes(media::PNG.clone()));
    let file = owner.import(&good).await;
    owner.wait_until_success(&file).await;
    let functions = ["CreateFileFunction", "ImportFileFunction", "ProbeRecordFunction"];
    let segments = daemon.trace(&file, &functions).await;
    check_trace(&file, &segments);
    assert!(!calls_of(&segments, "ImportFileFunction").is_empty());
    let missing = owner.import(&source.url("/private-missing.png")).await;
    let failed = owner.wait_until_terminal(&missing).await;
    assert_eq!(failed["status"], "failed");
    let segments = daemon.trace(&missing, &functions[..2]).await;
    check_trace(&missing, &segments);
    let import = segments.iter().find(|one| is_by(one, "ImportFileFunction")).expect("an import");
    assert_eq!(import["annotations"]["outcome"], "failed", "{import}");
    no_client_text(&daemon, &owner, &["private", &source.url("")]);
}

#[tokio::test]
async fn without_tracing_no_byte_is_sent() {
    let (daemon, cloud) = Daemon::start("Disabled").await;
    let owner = cloud.owner().await;
    owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    assert_eq!(daemon.documents(), [] as [Value; 0]);
}
