//! `sweep`, killed at each call, for each kind of deadline.

use files_tests::owner::id;
use files_tests::{Form, Response, media};
use serde_json::Value;

use crate::every_call::{FaultTest, at_once};
use crate::invariants::End;
use crate::recovery::LONG_AGO;
use crate::samples::{self, make_due};

const SWEEP: &str = "sweep";

impl FaultTest {
    /// Injects faults at each call of `sweep` while the file that `prepare` creates is due.
    pub(crate) async fn at_each_sweep(
        &mut self,
        what: &str,
        end: End,
        prepare: impl AsyncFn(&Self) -> String,
    ) {
        let due = async |test: &Self| Value::String(prepare(test).await);
        let sweep = async |test: &Self, id: &Value| {
            test.cloud.try_sweep().await;
            (id.as_str().expect("an id").to_owned(), end.clone())
        };
        self.at_each_call((what, SWEEP), due, sweep, at_once).await;
        self.cloud.sweep().await; // handles work that earlier faults postponed
    }

    async fn due(&self, id: &str) -> String {
        make_due(&self.owner, id).await;
        id.to_owned()
    }
}

#[tokio::test]
async fn sweeping_uploads_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let png = || End::Bytes(media::PNG.clone());
    test.at_each_sweep("sweep a missing upload", End::Failed, async |test| {
        test.due(id(&test.owner.announce("a.png", 9, "image/png").await)).await
    })
    .await;
    test.at_each_sweep("sweep a stored upload", png(), async |test| {
        test.due(id(&samples::unprobed(&test.owner).await)).await
    })
    .await;
    test.at_each_sweep("sweep a form without bytes", End::Failed, async |test| {
        test.due(&samples::unstored(&test.owner).await.id.to_string()).await
    })
    .await;
    test.end().await;
}

#[tokio::test]
async fn sweeping_imports_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let png = || End::Bytes(media::PNG.clone());
    let url = test.serve("/a.png", &media::PNG);
    test.at_each_sweep("sweep an unsent import", png(), async |test| {
        test.due(&samples::import(&test.owner, &url).await.id.to_string()).await
    })
    .await;
    test.at_each_sweep("sweep an uncompleted import", png(), async |test| {
        test.due(&samples::uncompleted(&test.owner, &url, &media::PNG).await.id.to_string()).await
    })
    .await;
    test.at_each_sweep("sweep an import without tries left", End::Failed, async |test| {
        test.due(&samples::given_up(&test.owner, &url).await.id.to_string()).await
    })
    .await;
    test.end().await;
}

#[tokio::test]
async fn sweeping_expired_and_deleted_files_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    test.at_each_sweep("sweep an expired file", End::Gone, async |test| {
        let form = || Form::new().text("expires_in", "3600").file("a.png", Some("image/png"), &media::PNG);
        let file = Response::to(test.owner.form(form())).await.expect(201).json();
        test.owner.wait_until_success(&file).await;
        let sk = format!("file#{}", id(&file));
        test.owner.backend.set_numbers(&sk, &[("expires_at", LONG_AGO), ("due_at", LONG_AGO)]).await;
        id(&file).to_owned()
    })
    .await;
    test.at_each_sweep("sweep a deletion", End::Gone, async |test| {
        let file = test.owner.announce("a.png", media::PNG.len(), "image/png").await;
        test.owner.delete(&file).await.expect(204);
        let left = test.owner.backend.object_key(id(&file)).replace("files/", "probes/");
        test.owner.backend.put_object(&left, "left over").await;
        test.owner.backend.set_numbers(&format!("gone#{}", id(&file)), &[("due_at", LONG_AGO)]).await;
        id(&file).to_owned()
    })
    .await;
    test.end().await;
}
