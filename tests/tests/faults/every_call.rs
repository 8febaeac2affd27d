//! A function is killed at each single call that it makes for a client's request, or the call's response is lost.

use bytes::Bytes;
use files_tests::backend::status;
use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, Reply, SourceServer, media, retry, until};
use serde_json::{Value, json};

use crate::client;
use crate::invariants::{End, Known, violations};
use crate::recovery::recover;

/// What happens at the call.
const ACTIONS: [&str; 3] = ["kill_before", "kill_after", "lose_response"];
/// No operation makes as many calls.
const MOST_CALLS: u64 = 40;

/// A cloud, and all that was done to it.
pub(crate) struct FaultTest {
    pub(crate) cloud: Cloud,
    pub(crate) owner: Owner,
    pub(crate) source: SourceServer,
    known: Vec<Known>,
    strikes: Vec<(String, u64)>,
}

impl FaultTest {
    /// On a cloud of its own, whose `sweep` runs when it is told to: rules count its calls.
    pub(crate) async fn start() -> Self {
        let cloud = Cloud::setup().template_with("rate(1 minute)", "rate(1 hour)").start().await;
        let (owner, source) = (cloud.owner().await, SourceServer::start().await);
        Self { cloud, owner, source, known: Vec::new(), strikes: Vec::new() }
    }

    /// The URL of something to import.
    pub(crate) fn serve(&self, path: &str, bytes: &Bytes) -> String {
        self.source.serve(path, Reply::bytes(bytes.clone()))
    }

    /// Has `function` struck at each of its calls in turn. `prepare` makes a file, `act` has it worked on by the
    /// function, and gives the file's id and how it must end; `is_over` tells when the function has no call left to make.
    pub(crate) async fn at_each_call(
        &mut self,
        (what, function): (&str, &str),
        prepare: impl AsyncFn(&Self) -> Value,
        act: impl AsyncFn(&Self, &Value) -> (String, End),
        is_over: impl AsyncFn(&Self, &str) -> bool,
    ) {
        for action in ACTIONS {
            let mut strikes = 0;
            for nth in 1.. {
                assert!(nth < MOST_CALLS, "{what}: {function} calls without end");
                let prepared = prepare(self).await;
                self.cloud.add_faults(&json!({"caller": function, "nth": nth, "action": action})).await;
                let (id, end) = act(self, &prepared).await;
                let has_struck = until(&format!("{what}, {action} {nth}: file {id}"), async || {
                    // In this order: what is over strikes no more.
                    let over = is_over(self, &id).await;
                    let struck = self.cloud.strikes().await[0].1 > 0;
                    (over || struck).then_some(struck)
                })
                .await;
                self.cloud.clear_faults().await;
                self.know(&id, &format!("{what}, {action} {nth}"), end);
                if !has_struck {
                    break;
                }
                strikes += 1;
            }
            assert!(strikes > 0, "{what}: {function} makes no call");
            self.strikes.push((format!("{what}, {action}"), strikes));
        }
    }

    /// Lets everything come to its end, and checks that it is the right one.
    pub(crate) async fn end(self) {
        recover(&self.cloud, &[&self.owner]).await;
        let violations = violations(&self.owner, &self.known).await;
        eprintln!("{} files; strikes: {:?}", self.known.len(), self.strikes);
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Whether the file is in its last status, or gone.
    pub(crate) async fn is_terminal(&self, id: &str) -> bool {
        let item = self.owner.backend.item(&format!("file#{id}")).await;
        item.is_none_or(|item| matches!(status(&item), Some("success" | "failed")))
    }

    /// Sends a request until it is answered.
    pub(crate) async fn ask(&self, request: impl Fn() -> reqwest::RequestBuilder) -> files_tests::Response {
        retry(request).await.expect("a response, some day")
    }

    /// Remembers how a file must end.
    pub(crate) fn know(&mut self, id: &str, what: &str, end: End) {
        self.known.push(Known { id: id.to_owned(), what: what.to_owned(), end });
    }

    /// Creates a file as clients should: under a key of its own.
    pub(crate) async fn create(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Value {
        let key = format!("key-{}", fastrand::u64(..));
        let response = self.ask(|| request().header("idempotency-key", &key)).await;
        assert!(matches!(response.status, 201 | 202), "{response:?}");
        response.json()
    }
}

/// For operations that are over when they are answered.
pub(crate) async fn at_once(_: &FaultTest, _: &str) -> bool {
    true
}

#[tokio::test]
async fn creating_survives_at_every_call() {
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
async fn reading_survives_at_every_call() {
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
async fn deleting_survives_at_every_call() {
    let mut test = FaultTest::start().await;
    let delete = async |test: &FaultTest, file: &Value| {
        let path = format!("/files/{}", id(file));
        let response = test.ask(|| test.owner.request(http::Method::DELETE, &path)).await;
        assert!(matches!(response.status, 204 | 404), "{response:?}"); // the try before may have done it
        (id(file).to_owned(), End::Gone)
    };
    let success = async |test: &FaultTest| {
        test.owner.wait_until_success(&test.owner.upload("a.png", &media::PNG).await).await
    };
    test.at_each_call(("delete success", "delete-file"), success, delete, at_once).await;

    let pending = async |test: &FaultTest| test.owner.announce("a.png", media::PNG.len(), "image/png").await;
    test.at_each_call(("delete pending", "delete-file"), pending, delete, at_once).await;

    // Held in the middle of an upload of several parts, of which one is stored.
    let bytes = media::noise(34 << 20, 1);
    let (reply, gate) = Reply::bytes(bytes).held();
    let url = test.source.serve("/held.bin", reply);
    let running = async |test: &FaultTest| {
        let file = test.owner.import(&url).await;
        test.owner.wait_for(&file, |file| file["progress"].is_object()).await
    };
    test.at_each_call(("delete running", "delete-file"), running, delete, at_once).await;
    gate.open();
    test.end().await;
}
