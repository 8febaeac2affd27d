//! `fail-file`, killed at each call.

use files_tests::media;
use files_tests::owner::id;
use serde_json::{Value, json};

use crate::every_call::FaultTest;
use crate::invariants::End;
use crate::samples;

const NOWHERE: &str = "http://127.0.0.1:9/a.png";

#[tokio::test]
async fn handling_dead_letters_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let import = async |test: &FaultTest| {
        let file = samples::given_up(&test.owner, NOWHERE).await;
        json!({"owner": file.owner, "id": file.id, "file_url": NOWHERE})
    };
    let end_import = async |test: &FaultTest, letter: &Value| {
        test.owner.backend.send("DeadLetterQueue", letter).await;
        (id(letter).to_owned(), End::Failed)
    };
    test.at_each_call(("dead import", "fail-file"), import, end_import, FaultTest::is_terminal).await;

    let probe = async |test: &FaultTest| samples::unprobed(&test.owner).await;
    let end_probe = async |test: &FaultTest, file: &Value| {
        let letter = json!({"requestPayload": test.owner.backend.stored_event(id(file))});
        test.owner.backend.send("DeadLetterQueue", &letter).await;
        (id(file).to_owned(), End::Bytes(media::PNG.clone()))
    };
    test.at_each_call(("dead probe", "fail-file"), probe, end_probe, FaultTest::is_terminal).await;
    test.end().await;
}
