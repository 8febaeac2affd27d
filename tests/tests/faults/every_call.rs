//! A function is killed at each call that it makes for a client's request, or the call's response is lost.

use bytes::Bytes;
use files_tests::backend::status;
use files_tests::owner::id;
use files_tests::setup::Setup;
use files_tests::{Cloud, Form, Owner, Reply, SourceServer, media, retry, until};
use serde_json::{Value, json};

use crate::client;
use crate::invariants::{End, Known, violations};
use crate::recovery::recover;

/// The faults at a call.
const ACTIONS: [&str; 3] = ["kill_before", "kill_after", "lose_response"];
/// Maximum of calls per operation.
const MOST_CALLS: u64 = 80;

/// A cloud with injected faults, and the expected state of its files.
pub(crate) struct FaultTest {
    pub(crate) cloud: Cloud,
    pub(crate) owner: Owner,
    pub(crate) source: SourceServer,
    known: Vec<Known>,
    applied: Vec<(String, u64)>,
}

impl FaultTest {
    /// Starts a cloud whose `sweep` runs only on request, because rules count its calls.
    pub(crate) async fn start() -> Self {
        Self::start_with(Cloud::setup()).await
    }

    /// Starts a cloud as [`start`](Self::start), with this configuration.
    pub(crate) async fn start_with(setup: Setup) -> Self {
        let cloud = setup.template_with("rate(1 minute)", "rate(1 hour)").start().await;
        let (owner, source) = (cloud.owner().await, SourceServer::start().await);
        Self { cloud, owner, source, known: Vec::new(), applied: Vec::new() }
    }

    /// Serves bytes to import, and returns their URL.
    pub(crate) fn serve(&self, path: &str, bytes: &Bytes) -> String {
        self.source.serve(path, Reply::bytes(bytes.clone()))
    }

    /// Injects each fault at each call of `function` in turn. `prepare` creates a file; `act` makes the function work on it, and
    /// returns the file's id and expected end; `is_over` returns whether the function has no call left.
    pub(crate) async fn at_each_call(
        &mut self,
        (what, function): (&str, &str),
        prepare: impl AsyncFn(&Self) -> Value,
        act: impl AsyncFn(&Self, &Value) -> (String, End),
        is_over: impl AsyncFn(&Self, &str) -> bool,
    ) {
        for action in ACTIONS {
            let mut applied = 0;
            for nth in 1.. {
                assert!(nth < MOST_CALLS, "{what}: {function} calls without end");
                let prepared = prepare(self).await;
                self.cloud.add_faults(&json!({"caller": function, "nth": nth, "action": action})).await;
                let (id, end) = act(self, &prepared).await;
                let is_applied = until(&format!("{what}, {action} {nth}: file {id}"), async || {
                    // In this order: after the end no fault can be applied.
                    let over = is_over(self, &id).await;
                    let applied = self.cloud.fault_counts().await[0].1 > 0;
                    (over || applied).then_some(applied)
                })
                .await;
                self.cloud.clear_faults().await;
                self.expect_end(&id, &format!("{what}, {action} {nth}"), end);
                if !is_applied {
                    break;
                }
                applied += 1;
            }
            assert!(applied > 0, "{what}: {function} makes no call");
            self.applied.push((format!("{what}, {action}"), applied));
        }
    }

    /// Waits until all work has ended, and checks the results.
    pub(crate) async fn end(self) {
        recover(&self.cloud, &[&self.owner]).await;
        let violations = violations(&self.owner, &self.known).await;
        eprintln!("{} files; applied faults: {:?}", self.known.len(), self.applied);
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Returns whether the file has a terminal status, or is deleted.
    pub(crate) async fn is_terminal(&self, id: &str) -> bool {
        let item = self.owner.backend.item(&format!("file#{id}")).await;
        item.is_none_or(|item| matches!(status(&item), Some("success" | "failed")))
    }

    /// Sends a request until it gets a response.
    pub(crate) async fn ask(&self, request: impl Fn() -> reqwest::RequestBuilder) -> files_tests::Response {
        retry(request).await.expect("a response after retries")
    }

    /// Records the expected end of a file.
    pub(crate) fn expect_end(&mut self, id: &str, what: &str, end: End) {
        self.known.push(Known { id: id.to_owned(), what: what.to_owned(), end });
    }

    /// Creates a file as clients should: with its own idempotency key.
    pub(crate) async fn create(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Value {
        let key = format!("key-{}", fastrand::u64(..));
        let response = self.ask(|| request().header("idempotency-key", &key)).await;
        assert!(matches!(response.status, 201 | 202), "{response:?}");
        response.json()
    }
}

/// For operations that end with their response.
pub(crate) async fn at_once(_: &FaultTest, _: &str) -> bool {
    true
}

#[tokio::test]
async fn creating_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let nothing = async |_: &FaultTest| Value::Null;
    let by_form = async |test: &FaultTest, _: &Value| {
        let form = || Form::new().file("a.png", Some("image/png"), &media::PNG);
        let file = test.create(|| test.owner.form(form())).await;
        (id(&file).to_owned(), End::Bytes(media::PNG.clone()))
    };
    test.at_each_call(("create by form", "create-file"), nothing, by_form, at_once).await;

    let by_url = async |test: &FaultTest, _: &Value| {
        let body = json!({"file_url": test.serve("/a.png", &media::PNG)});
        let file = test.create(|| test.owner.json(&body)).await;
        (id(&file).to_owned(), End::Bytes(media::PNG.clone()))
    };
    test.at_each_call(("create import", "create-file"), nothing, by_url, at_once).await;

    let presigned = async |test: &FaultTest, _: &Value| {
        let body = json!({"name": "a.png", "size": media::PNG.len(), "content_type": "image/png"});
        let file = test.create(|| test.owner.json(&body)).await;
        assert!(client::put(&test.owner, &file, &media::PNG).await, "{file}");
        (id(&file).to_owned(), End::Bytes(media::PNG.clone()))
    };
    test.at_each_call(("create presigned", "create-file"), nothing, presigned, at_once).await;
    test.end().await;
}

#[tokio::test]
async fn reading_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let file = test.owner.wait_until_success(&test.owner.upload("a.png", &media::PNG).await).await;
    let one = async |_: &FaultTest| file.clone();
    let end = |file: &Value| (id(file).to_owned(), End::Bytes(media::PNG.clone()));

    let get = async |test: &FaultTest, file: &Value| {
        let path = format!("/files/{}", id(file));
        let response = test.ask(|| test.owner.request(http::Method::GET, &path)).await;
        assert_eq!((response.status, response.json()), (200, file.clone()));
        end(file)
    };
    test.at_each_call(("get", "get-file"), one, get, at_once).await;

    let list = async |test: &FaultTest, file: &Value| {
        let response = test.ask(|| test.owner.request(http::Method::GET, "/files")).await;
        assert_eq!((response.status, &response.json()["files"][0]["id"]), (200, &file["id"]));
        end(file)
    };
    test.at_each_call(("list", "list-files"), one, list, at_once).await;

    let download = async |test: &FaultTest, file: &Value| {
        assert_eq!(client::download(&test.owner, file).await, Ok(media::PNG.clone()));
        end(file)
    };
    test.at_each_call(("download", "download-file"), one, download, at_once).await;
    test.end().await;
}

#[tokio::test]
async fn deleting_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let delete = async |test: &FaultTest, file: &Value| {
        let path = format!("/files/{}", id(file));
        let response = test.ask(|| test.owner.request(http::Method::DELETE, &path)).await;
        assert!(matches!(response.status, 204 | 404), "{response:?}"); // an earlier attempt may have succeeded
        (id(file).to_owned(), End::Gone)
    };
    let success = async |test: &FaultTest| {
        test.owner.wait_until_success(&test.owner.upload("a.png", &media::PNG).await).await
    };
    test.at_each_call(("delete success", "delete-file"), success, delete, at_once).await;

    let pending = async |test: &FaultTest| test.owner.announce("a.png", media::PNG.len(), "image/png").await;
    test.at_each_call(("delete pending", "delete-file"), pending, delete, at_once).await;

    // Paused in a multipart upload of which one part is stored.
    let bytes = media::noise(34 << 20, 1);
    let (reply, release) = Reply::bytes(bytes).held();
    let url = test.source.serve("/held.bin", reply);
    let running = async |test: &FaultTest| {
        let file = test.owner.import(&url).await;
        test.owner.wait_for(&file, |file| file["progress"].is_object()).await
    };
    test.at_each_call(("delete running", "delete-file"), running, delete, at_once).await;
    release.send();
    test.end().await;
}
