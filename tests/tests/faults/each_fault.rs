//! Each fault of the local cloud in turn, during concurrent requests; then the invariants are checked.

use bytes::Bytes;
use files_tests::owner::id;
use files_tests::{Form, media, until};
use http::Method;
use serde_json::{Value, json};

use crate::client;
use crate::every_call::FaultTest;
use crate::invariants::End;

/// Returns a rule per fault. Crashes on start come first: later, the processes are running.
fn faults() -> Vec<Value> {
    let lambda = [
        json!({"service": "lambda", "operation": "Spawn", "action": "kill_before"}),
        json!({"service": "lambda", "operation": "Invoke", "action": {"error": "throttling"}}),
        json!({"service": "lambda", "operation": "Invoke", "action": {"error": "internal"}}),
        json!({"service": "lambda", "action": {"delay_ms": 100}}),
        json!({"service": "lambda", "operation": "Invoke", "action": "close_frozen"}),
        json!({"caller": "probe-file", "service": "lambda", "action": {"kill_after_ms": 5}}),
        json!({"caller": "probe-file", "service": "lambda", "action": {"deadline_ms": 20}}),
        json!({"caller": "probe-record", "service": "lambda", "action": {"kill_after_ms": 2}}),
        json!({"caller": "probe-record", "service": "lambda", "action": {"deadline_ms": 5}}),
    ];
    let mut faults = lambda.to_vec();
    for operation in ["ObjectCreated", "Message", "Asynchronous"] {
        let actions = match operation {
            "ObjectCreated" => vec![json!("duplicate"), json!("out_of_order"), json!({"delay_ms": 300_000})],
            "Message" => vec![json!("duplicate"), json!("lose_response"), json!({"delay_ms": 300_000})],
            _ => vec![json!("lose_response")],
        };
        let fault = |action| json!({"service": "trigger", "operation": operation, "action": action});
        faults.extend(actions.into_iter().map(fault));
    }
    for service in ["dynamodb", "s3", "sqs"] {
        let throttled = [json!({"error": "throttling"}), json!({"error": "internal"})];
        let broken = ["cut", "lose_response", "cut_response", "close_idle", "kill_before", "kill_after"];
        let own = match service {
            "dynamodb" => vec![
                json!({"error": "transaction_conflict"}),
                json!({"error": "throughput_exceeded"}),
                json!({"unprocessed_after": 1}),
                json!({"stale_ms": 60_000}),
            ],
            "s3" => vec![json!({"error": "conflict"}), json!("error_in_200")],
            _ => vec![],
        };
        let actions = throttled.into_iter().chain(broken.map(Value::from)).chain(own);
        faults.extend(actions.map(|action| json!({"service": service, "action": action})));
        faults.push(json!({"service": service, "action": {"delay_ms": 100}}));
    }
    faults
}

impl FaultTest {
    /// Creates a file in each way, concurrently with reads and a deletion.
    async fn several_at_once(&mut self, what: &str, old: &Value, large: Option<&Bytes>) {
        let this = &*self;
        let doomed = this.create(|| this.owner.json(&json!({"name": "a", "size": 1}))).await;
        let by_form = async {
            let form = || Form::new().file("a.png", Some("image/png"), &media::PNG);
            (this.create(|| this.owner.form(form())).await, media::PNG.clone())
        };
        let presigned = async {
            let body = json!({"name": "a.wav", "size": media::WAV.len(), "content_type": "audio/wav"});
            let file = this.create(|| this.owner.json(&body)).await;
            assert!(client::put(&this.owner, &file, &media::WAV).await, "{what}: {file}");
            (file, media::WAV.clone())
        };
        let import = async {
            let bytes = large.unwrap_or(&media::WAV);
            let body = json!({"file_url": this.serve("/import", bytes)});
            (this.create(|| this.owner.json(&body)).await, bytes.clone())
        };
        let read = async {
            let path = format!("/files/{}", id(old));
            let get = this.ask(|| this.owner.request(Method::GET, &path)).await;
            assert_eq!((get.status, get.json()), (200, old.clone()), "{what}");
            let list = this.ask(|| this.owner.request(Method::GET, "/files?order=asc&limit=1")).await;
            assert_eq!((list.status, &list.json()["files"][0]["id"]), (200, &old["id"]), "{what}");
            assert_eq!(client::download(&this.owner, old).await, Ok(media::PNG.clone()), "{what}");
        };
        let delete = async {
            let path = format!("/files/{}", id(&doomed));
            let response = this.ask(|| this.owner.request(Method::DELETE, &path)).await;
            assert!(matches!(response.status, 204 | 404), "{what}: {response:?}");
        };
        let (form, presigned, import, (), ()) = tokio::join!(by_form, presigned, import, read, delete);
        for (file, bytes) in [form, presigned, import] {
            self.expect_end(id(&file), what, End::Bytes(bytes));
        }
        self.expect_end(id(&doomed), what, End::Gone);
    }

    /// Waits until the fault was applied. Some faults concern background work, which may happen later.
    async fn applied(&self, what: &str) {
        until(&format!("{what} is applied"), async || {
            (self.cloud.fault_counts().await[0].1 > 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn each_fault_alone_is_survived() {
    let mut test = FaultTest::start().await;
    let large = media::noise(17 << 20, 9);
    let old = test.owner.upload("old.png", &media::PNG).await;
    let old = test.owner.wait_until_success(&old).await;
    for mut fault in faults() {
        fault["times"] = json!(2);
        let what = fault.to_string();
        test.cloud.add_faults(&fault).await;
        let in_parts = fault["action"] == "error_in_200";
        test.several_at_once(&what, &old, in_parts.then_some(&large)).await;
        test.applied(&what).await;
        test.cloud.clear_faults().await;
    }
    test.end().await;
}
