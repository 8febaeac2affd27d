//! The origin of a file: metadata of a web page, as clients see it.

use files_domain::Status;
use files_domain::{ChapterClaim, Checksum, Origin, PageClaims};
use files_tests::cli::Machine;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Reply, Response, SourceServer, media, skip_on_deployment};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_files_origin_is_in_its_details_and_in_no_list() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()));
    let file = owner.wait_until_success(&owner.import(&url).await).await;
    assert_eq!(file["origin"], Value::Null);
    let tag = owner.get(&format!("/files/{}", id(&file))).await.headers["etag"].clone();

    let (records, owner_id) = (owner.backend.records(), owner.backend.owner);
    let (before, _) = records.get_file(owner_id, id(&file).parse().expect("an id")).await.expect("a record");
    assert!(before.status() == Status::Success && matches!(before.checksum, Some(Checksum::Sha256(_))));
    let claims = PageClaims {
        title: Some("A film\r\n\u{202e}<b>".to_owned()),
        page_url: Some("https://video.example/watch?v=1".to_owned()),
        thumbnail_url: Some("javascript:alert(1)".to_owned()),
        duration: Some(12.5),
        upload_date: Some("20260131".to_owned()),
        chapters: vec![ChapterClaim {
            start: Some(1.5),
            title: Some("One".to_owned()),
            ..Default::default()
        }],
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
        "chapters": [{"start": 1.5, "end": null, "title": "One"}], "subtitles": [],
    });
    assert_eq!(shown.json()["origin"], expected);
    assert_eq!(owner.list("").await["files"][0].get("origin"), None);
}

fn html(text: &str) -> Reply {
    Reply::bytes(text.to_owned()).header("content-type", "text/html; charset=utf-8")
}

fn clip(source: &SourceServer) -> String {
    source.serve("/film.mp4", Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4"))
}

/// Returns a web page with linked data about a film, with these facts.
fn linked(source: &SourceServer, facts: &Value) -> Reply {
    let mut data = json!({
        "@context": "https://schema.org", "@type": "VideoObject", "name": "Film", "contentUrl": clip(source),
        "duration": "PT1M",
    });
    data.as_object_mut().expect("an object").extend(facts.as_object().expect("facts").clone());
    html(&format!("<script type=\"application/ld+json\">{data}</script>"))
}

/// Previews and imports a web page. Returns the origin, which is the same in both.
async fn origin_of(owner: &Owner, url: &str) -> Value {
    let body = json!({ "file_url": url }).to_string();
    let request = owner.request(Method::POST, "/preview").header("content-type", "application/json");
    let preview = Response::to(request.body(body)).await.expect(200).json();
    let file = owner.wait_until_success(&owner.import(url).await).await;
    assert_eq!(preview["origin"], file["origin"], "{url}");
    file["origin"].clone()
}

#[tokio::test]
async fn the_subtitles_and_the_picture_of_a_player_are_listed() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let player = "<title>Player</title><video poster=\"/still.jpg\"><source src=\"/film.mp4\" type=\"video/mp4\">\
                  <track kind=\"subtitles\" srclang=\"EN-us\" src=\"/en.vtt?signature=1\">\
                  <track kind=\"captions\" label=\"Deutsch\" src=\"/de.srt\">\
                  <track kind=\"chapters\" srclang=\"en\" src=\"/chapters.vtt\"></video>";
    clip(&source);
    let origin = origin_of(&owner, &source.serve("/player", html(player))).await;
    let expected = json!([
        {"language": "en-US", "name": null, "format": "vtt", "url": source.url("/en.vtt?signature=1"), "automatic": false},
        {"language": "und", "name": "Deutsch", "format": "srt", "url": source.url("/de.srt"), "automatic": false},
    ]);
    assert_eq!((&origin["subtitles"], &origin["chapters"]), (&expected, &json!([])));
    assert_eq!(origin["thumbnail_url"], source.url("/still.jpg"));
    for listed in ["/en.vtt?signature=1", "/de.srt", "/still.jpg"] {
        assert_eq!(source.requests(listed), 0, "{listed} is only listed");
    }
}

#[tokio::test]
async fn the_chapters_of_linked_data_are_listed() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let part = |name: &str, start: f64| json!({"@type": "Clip", "name": name, "startOffset": start});
    let parts = [part("One", 0.0), part(" <b>Two</b>\n\u{202e}", 12.5)];
    let pictures = [source.url("/1.jpg"), "http://169.254.169.254/2.jpg".to_owned()];
    let facts = json!({"hasPart": parts, "thumbnailUrl": pictures});
    let url = source.serve("/linked", linked(&source, &facts));
    let origin = origin_of(&owner, &url).await;
    let expected = json!([
        {"start": 0.0, "end": 12.5, "title": "One"}, {"start": 12.5, "end": 60.0, "title": "<b>Two</b>"},
    ]);
    assert_eq!((&origin["chapters"], &origin["subtitles"]), (&expected, &json!([])));
    assert_eq!(origin["thumbnail_url"], source.url("/1.jpg"), "the best public one");
    let printed = Machine::new(&owner).run(&["preview", &url]).await.expect(0).out;
    assert!(printed.lines().any(|line| line.trim() == "chapters       2"), "{printed}");
}

#[tokio::test]
async fn malicious_chapters_and_subtitles_do_not_fail_an_import() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let tracks: String = (0..500).map(|n| format!("<track srclang=en src=/{n}.vtt>")).collect();
    let malicious = format!(
        "<title>Malicious</title><video><source src=/film.mp4 type=video/mp4><track src=javascript:alert(1)>\
         <track src=http://169.254.169.254/x.vtt srclang=en><track src=file:///etc/passwd>{tracks}</video>"
    );
    let wrong =
        json!({"hasPart": [5, {"@type": "Clip", "name": {}, "startOffset": []}], "thumbnailUrl": {"a": 1}});
    let page = source.serve("/wrong", linked(&source, &wrong));
    let origin = origin_of(&owner, &page).await;
    assert_eq!((&origin["title"], &origin["thumbnail_url"]), (&json!("Film"), &Value::Null));

    let origin = origin_of(&owner, &source.serve("/malicious", html(&malicious))).await;
    let urls = origin["subtitles"].as_array().expect("a list").iter().map(|one| one["url"].clone());
    let expected: Vec<_> =
        (0..Origin::MAX_SUBTITLES).map(|n| json!(source.url(&format!("/{n}.vtt")))).collect();
    assert_eq!(urls.collect::<Vec<_>>(), expected);
}
