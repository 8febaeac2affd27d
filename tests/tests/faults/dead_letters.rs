//! `fail-file`, killed at each of its calls.

use files_tests::media;
use files_tests::owner::id;
use serde_json::{Value, json};

use crate::every_call::Fire;
use crate::invariants::End;
use crate::samples;

const NOWHERE: &str = "http://127.0.0.1:9/a.png";

#[tokio::test]
async fn reading_dead_letters_survives_at_every_call() {
    let mut fire = Fire::start().await;
    let import = async |fire: &Fire| {
        let file = samples::given_up(&fire.owner, NOWHERE).await;
        json!({"owner": file.owner, "id": file.id, "file_url": NOWHERE})
    };
    let end_import = async |fire: &Fire, letter: &Value| {
        fire.owner.backend.send("DeadLetterQueue", letter).await;
        (id(letter).to_owned(), End::Failed)
    };
    fire.at_each_call(("dead import", "fail-file"), import, end_import, Fire::is_terminal).await;

    let probe = async |fire: &Fire| samples::unprobed(&fire.owner).await;
    let end_probe = async |fire: &Fire, file: &Value| {
        let letter = json!({"requestPayload": fire.owner.backend.stored_event(id(file))});
        fire.owner.backend.send("DeadLetterQueue", &letter).await;
        (id(file).to_owned(), End::Bytes(media::PNG.clone()))
    };
    fire.at_each_call(("dead probe", "fail-file"), probe, end_probe, Fire::is_terminal).await;
    fire.end().await;
}
