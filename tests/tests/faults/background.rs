//! Probing and importing, killed at each call.

use std::collections::BTreeSet;
use std::sync::Mutex;

use files_tests::owner::id;
use files_tests::{Behavior, Content, RangedSource, Reply, media};
use serde_json::Value;

use crate::every_call::FaultTest;
use crate::invariants::End;

#[tokio::test]
async fn probing_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let announce = async |test: &FaultTest| test.owner.announce("a.mp4", media::MP4.len(), "video/mp4").await;
    let put = async |test: &FaultTest, file: &Value| {
        test.owner.put(file, media::MP4.clone()).await.expect(200);
        (id(file).to_owned(), End::Bytes(media::MP4.clone()))
    };
    // The calls of probe-record and the reads of probe-file, which uses a URL that probe-record signed and makes no other call.
    test.at_each_call(("record of a probe", "probe-record"), announce, put, FaultTest::is_terminal).await;
    test.end().await;
}

#[tokio::test]
async fn importing_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let nothing = async |_: &FaultTest| Value::Null;
    let small = async |test: &FaultTest, _: &Value| {
        let file = test.owner.import(&test.serve("/a.wav", &media::WAV)).await;
        (id(&file).to_owned(), End::Bytes(media::WAV.clone()))
    };
    test.at_each_call(("import", "import-file"), nothing, small, FaultTest::is_terminal).await;

    let missing = async |test: &FaultTest, _: &Value| {
        let url = test.source.serve("/missing", Reply::status(http::StatusCode::NOT_FOUND));
        (id(&test.owner.import(&url).await).to_owned(), End::Failed)
    };
    test.at_each_call(("failing import", "import-file"), nothing, missing, FaultTest::is_terminal).await;

    let bytes = media::noise(32 << 20, 2);
    let two_parts = async |test: &FaultTest, _: &Value| {
        let file = test.owner.import(&test.serve("/two.bin", &bytes)).await;
        (id(&file).to_owned(), End::Bytes(bytes.clone()))
    };
    test.at_each_call(("import of two parts", "import-file"), nothing, two_parts, FaultTest::is_terminal)
        .await;
    test.end().await;
}

#[tokio::test]
async fn importing_by_ranges_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let content = Content::new((17 << 20) + 5, 8);
    let (source, bytes) = (RangedSource::start(content.clone()).await, content.bytes());
    let nothing = async |_: &FaultTest| Value::Null;
    let ranged = async |test: &FaultTest, _: &Value| {
        let file = test.owner.import(&source.url("/ranged.bin")).await;
        (id(&file).to_owned(), End::Bytes(bytes.clone()))
    };
    test.at_each_call(("import by ranges", "import-file"), nothing, ranged, FaultTest::is_terminal).await;
    test.end().await;
}

#[tokio::test]
async fn releasing_an_import_survives_a_kill_at_every_call() {
    let mut test = FaultTest::start().await;
    let content = Content::new((17 << 20) + 5, 9);
    let (source, bytes) = (RangedSource::start(content.clone()).await, content.bytes());
    // The source asks the first request of each path to come again in ten minutes.
    let seen = Mutex::new(BTreeSet::new());
    source.set_behavior(move |request| match seen.lock().expect("no panic").insert(request.path.clone()) {
        true => Behavior::Status(503, vec![("retry-after", "600".to_owned())]),
        false => Behavior::Serve,
    });
    let nothing = async |_: &FaultTest| Value::Null;
    let busy = async |test: &FaultTest, _: &Value| {
        let path = format!("/{:x}.bin", fastrand::u64(..));
        let file = test.owner.import(&source.url(&path)).await;
        (id(&file).to_owned(), End::Bytes(bytes.clone()))
    };
    let rests = async |test: &FaultTest, id: &str| {
        let item = test.owner.backend.file_item(id).await;
        item.contains_key("transient_failures") && !item.contains_key("lease_until")
    };
    test.at_each_call(("resting import", "import-file"), nothing, busy, rests).await;
    test.end().await;
}
