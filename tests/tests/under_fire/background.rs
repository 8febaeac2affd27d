//! The same of what goes on by itself: probing and importing.

use files_tests::owner::id;
use files_tests::{Reply, media};
use serde_json::Value;

use crate::every_call::Fire;
use crate::invariants::End;

#[tokio::test]
async fn probing_survives_at_every_call() {
    let mut fire = Fire::start().await;
    let announce = async |fire: &Fire| fire.owner.announce("a.mp4", media::MP4.len(), "video/mp4").await;
    let put = async |fire: &Fire, file: &Value| {
        fire.owner.put(file, media::MP4.clone()).await.expect(200);
        (id(file).to_owned(), End::Bytes(media::MP4.clone()))
    };
    fire.at_each_call(("probe", "probe-file"), announce, put, Fire::is_terminal).await;
    fire.end().await;
}

#[tokio::test]
async fn importing_survives_at_every_call() {
    let mut fire = Fire::start().await;
    let nothing = async |_: &Fire| Value::Null;
    let small = async |fire: &Fire, _: &Value| {
        let file = fire.owner.import(&fire.serve("/a.wav", &media::WAV)).await;
        (id(&file).to_owned(), End::Bytes(media::WAV.clone()))
    };
    fire.at_each_call(("import", "import-file"), nothing, small, Fire::is_terminal).await;

    let missing = async |fire: &Fire, _: &Value| {
        let url = fire.source.serve("/missing", Reply::status(http::StatusCode::NOT_FOUND));
        (id(&fire.owner.import(&url).await).to_owned(), End::Failed)
    };
    fire.at_each_call(("failing import", "import-file"), nothing, missing, Fire::is_terminal).await;

    let bytes = media::noise(32 << 20, 2);
    let two_parts = async |fire: &Fire, _: &Value| {
        let file = fire.owner.import(&fire.serve("/two.bin", &bytes)).await;
        (id(&file).to_owned(), End::Bytes(bytes.clone()))
    };
    fire.at_each_call(("import of two parts", "import-file"), nothing, two_parts, Fire::is_terminal).await;
    fire.end().await;
}
