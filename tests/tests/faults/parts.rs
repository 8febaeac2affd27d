//! Multipart uploads: each of their functions, and `sweep`, killed at each call.

use bytes::Bytes;
use files_tests::owner::id;
use files_tests::parts::all_parts;
use files_tests::{Response, media, retry};
use http::Method;
use serde_json::{Value, json};

use crate::client;
use crate::every_call::{FaultTest, at_once};
use crate::invariants::End;
use crate::samples::make_due;

/// Returns the bytes of two parts.
fn bytes() -> Bytes {
    static BYTES: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| media::noise((8 << 20) + 9, 6));
    BYTES.clone()
}

impl FaultTest {
    async fn announce(&self) -> Value {
        self.owner.announce_parts("a.bin", bytes().len() as u64).await
    }

    /// Signs parts until it gets a response, and sends them once each: a PUT counts as a call of the function that signed it.
    async fn send(&self, file: &Value, numbers: &[u32]) {
        for number in numbers {
            let sent = client::put_part(&self.owner, file, &bytes(), *number).await;
            assert!(sent.is_ok_and(|sent| sent), "part {number} of {file}");
        }
    }

    async fn complete(&self, file: &Value) -> Response {
        self.ask(|| self.owner.post_upload(file, "complete")).await.expect(202)
    }
}

fn done(file: &Value) -> (String, End) {
    (id(file).to_owned(), End::Bytes(bytes()))
}

#[tokio::test]
async fn signing_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let announced = async |test: &FaultTest| test.announce().await;
    let first = async |test: &FaultTest, file: &Value| {
        test.send(file, &all_parts(file)).await;
        test.complete(file).await;
        done(file)
    };
    test.at_each_call(("sign the first parts", "sign-parts"), announced, first, at_once).await;

    let begun = async |test: &FaultTest| {
        let file = test.announce().await;
        test.send(&file, &[2]).await;
        file
    };
    let list = async |test: &FaultTest, file: &Value| {
        let path = format!("/uploads/{}/parts", id(file));
        let stored = test.ask(|| test.owner.request(Method::GET, &path)).await.expect(200).json();
        assert_eq!(stored["parts"], json!([{"part_number": 2, "size": 9}]));
        test.send(file, &[1]).await;
        test.complete(file).await;
        done(file)
    };
    test.at_each_call(("list parts", "list-parts"), begun, list, at_once).await;

    let announced =
        async |test: &FaultTest| test.owner.announce("a.png", media::PNG.len(), "image/png").await;
    let sign = async |test: &FaultTest, file: &Value| {
        let mut file = file.clone();
        file["upload"] = test.ask(|| test.owner.post_upload(&file, "sign")).await.expect(200).json();
        assert!(client::put(&test.owner, &file, &media::PNG).await, "{file}");
        (id(&file).to_owned(), End::Bytes(media::PNG.clone()))
    };
    test.at_each_call(("sign", "sign-upload"), announced, sign, at_once).await;
    test.end().await;
}

#[tokio::test]
async fn completing_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let sent = async |test: &FaultTest| {
        let file = test.announce().await;
        test.send(&file, &all_parts(&file)).await;
        file
    };
    let complete = async |test: &FaultTest, file: &Value| {
        test.complete(file).await;
        done(file)
    };
    test.at_each_call(("complete", "complete-upload"), sent, complete, at_once).await;

    let partly = async |test: &FaultTest| {
        let file = test.announce().await;
        test.send(&file, &[1]).await;
        file
    };
    let too_early = async |test: &FaultTest, file: &Value| {
        let response = retry(|| test.owner.post_upload(file, "complete")).await.expect("a response");
        response.expect_error(409, "parts_incomplete");
        test.send(file, &[2]).await;
        test.complete(file).await;
        done(file)
    };
    test.at_each_call(("complete too early", "complete-upload"), partly, too_early, at_once).await;

    let delete = async |test: &FaultTest, file: &Value| {
        let path = format!("/files/{}", id(file));
        let response = test.ask(|| test.owner.request(Method::DELETE, &path)).await;
        assert!(matches!(response.status, 204 | 404), "{response:?}"); // an earlier attempt may have succeeded
        (id(file).to_owned(), End::Gone)
    };
    test.at_each_call(("delete while parts are sent", "delete-file"), partly, delete, at_once).await;
    test.end().await;
}

#[tokio::test]
async fn sweeping_parts_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let whole = End::Bytes(bytes());
    test.at_each_sweep("sweep an abandoned multipart upload", End::Failed, async |test| {
        let file = test.announce().await;
        test.send(&file, &[2]).await;
        make_due(&test.owner, id(&file)).await;
        id(&file).to_owned()
    })
    .await;
    test.at_each_sweep("sweep an upload without completion", whole.clone(), async |test| {
        let file = test.announce().await;
        test.send(&file, &all_parts(&file)).await;
        make_due(&test.owner, id(&file)).await;
        id(&file).to_owned()
    })
    .await;
    test.at_each_sweep("sweep an interrupted completion", whole, async |test| {
        let file = test.announce().await;
        test.send(&file, &all_parts(&file)).await;
        let (records, owner) = (test.owner.backend.records(), test.owner.backend.owner);
        let found = records.get_file(owner, id(&file).parse().expect("an id")).await;
        let (before, _) = found.expect("a record");
        let upload_id = before.state.upload_id().expect("a part was signed");
        let marked = before.clone().completing(upload_id, files_tests::cloud::now()).expect("its parts");
        records.save_file(&before, &marked).await.expect("no concurrent write");
        make_due(&test.owner, id(&file)).await;
        id(&file).to_owned()
    })
    .await;
    test.end().await;
}
