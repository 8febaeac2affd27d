//! What a page says of a file, as clients see it.

use files_domain::Status;
use files_domain::{Checksum, Origin, PageClaims};
use files_tests::owner::id;
use files_tests::{Cloud, Reply, SourceServer, media};
use serde_json::{Value, json};

#[tokio::test]
async fn what_a_page_says_is_shown_with_the_file_and_in_no_list() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()));
    let file = owner.wait_until_success(&owner.import(&url).await).await;
    assert_eq!(file["origin"], Value::Null);
    let tag = owner.get(&format!("/files/{}", id(&file))).await.headers["etag"].clone();

    let (records, owner_id) = (owner.behind.records(), owner.behind.owner);
    let (before, _) = records.get_file(owner_id, id(&file).parse().expect("an id")).await.expect("a record");
    assert!(before.status() == Status::Success && matches!(before.checksum, Some(Checksum::Sha256(_))));
    let claims = PageClaims {
        title: Some("A film\r\n\u{202e}<b>".to_owned()),
        page_url: Some("https://video.example/watch?v=1".to_owned()),
        thumbnail_url: Some("javascript:alert(1)".to_owned()),
        duration: Some(12.5),
        upload_date: Some("20260131".to_owned()),
        ..PageClaims::default()
    };
    let origin = Origin::clean(&claims).expect("an origin");
    let with = files_records::Imported { origin: Some(&origin), ..Default::default() };
    records.save_with(&before, &before, &with).await.expect("saved");

    let shown = owner.get(&format!("/files/{}", id(&file))).await;
    assert_ne!(shown.headers["etag"], tag, "the file has changed");
    let expected = json!({
        "title": "A film <b>", "uploader": null, "page_url": "https://video.example/watch?v=1", "duration": 12.5,
        "site": null, "thumbnail_url": null, "upload_date": "2026-01-31",
    });
    assert_eq!(shown.json()["origin"], expected);
    assert_eq!(owner.list("").await["files"][0].get("origin"), None);
}
