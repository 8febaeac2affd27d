//! Previews: the result that an import of a URL would have.

use files_domain::Scope;
use files_tests::log_secrets::SOURCE_SECRET;
use files_tests::{
    Cloud, Owner, RawSource, Reply, Response, Script, SourceServer, Usage, media, skip_on_deployment,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::streams::streamed;

async fn ask(owner: &Owner, body: &Value) -> Response {
    let request = owner.request(Method::POST, "/preview").header("content-type", "application/json");
    Response::to(request.body(body.to_string())).await
}

async fn preview(owner: &Owner, url: &str) -> Value {
    ask(owner, &json!({ "file_url": url })).await.expect(200).json()
}

async fn assert_refused(owner: &Owner, url: &str, reason: &str, words: &str) {
    let error = ask(owner, &json!({ "file_url": url })).await.expect_error(422, "source_refused");
    let detail = &error["details"][0];
    assert_eq!((&detail["field"], &detail["reason"]), (&json!("file_url"), &json!(reason)), "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{error}");
}

#[tokio::test]
async fn a_source_is_previewed_and_nothing_is_imported() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let clip = Reply::bytes(media::WEBM.clone()).header("content-type", "video/webm");
    let url = source.serve(
        "/clips/1",
        clip.clone()
            .as_one_part()
            .header("content-disposition", "attachment; filename*=UTF-8''..%2F%C3%9Cber%20uns.webm"),
    );
    let expected = json!({
        "file_url": url, "kind": "media", "name": "Über uns.webm", "content_type": "video/webm",
        "size": media::WEBM.len(), "resumable": true, "origin": null, "formats": [],
    });
    assert_eq!(preview(&owner, &url).await, expected);

    let plain = preview(&owner, &source.serve("/plain.webm", clip.clone())).await;
    assert_eq!((&plain["name"], &plain["resumable"]), (&json!("plain.webm"), &json!(false)));
    let unknown = preview(&owner, &source.serve("/stream.mp3", Reply::bytes("sound").chunked())).await;
    assert_eq!((&unknown["size"], &unknown["content_type"]), (&Value::Null, &json!("audio/mpeg")));
    let away = preview(&owner, &source.serve("/away", Reply::redirect(&url))).await;
    assert_eq!((&away["name"], &away["file_url"]), (&json!("Über uns.webm"), &json!(source.url("/away"))));

    assert_eq!(owner.list("").await["files"], json!([]));
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.usage().await, Usage::default());
    }
}

#[tokio::test]
async fn headers_are_sent_to_the_source() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()).needs("cookie", SOURCE_SECRET));
    assert_refused(&owner, &url, "source_refused", "the source responded 403").await;
    let found = ask(&owner, &json!({"file_url": url, "headers": {"Cookie": SOURCE_SECRET}})).await;
    assert_eq!(found.expect(200).json()["name"], "a.png");
    let bad = ask(&owner, &json!({"file_url": url, "headers": {"Host": SOURCE_SECRET}})).await;
    bad.expect_error(422, "invalid_headers");
}

#[tokio::test]
async fn a_failed_preview_has_a_reason() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    assert_refused(&owner, &source.url("/missing"), "source_refused", "the source responded 404").await;
    let busy = source.serve("/busy", Reply::status(StatusCode::SERVICE_UNAVAILABLE));
    assert_refused(&owner, &busy, "source_refused", "503").await;
    let inside = source.serve("/inside", Reply::redirect("http://169.254.169.254/latest/"));
    assert_refused(&owner, &inside, "source_refused", "public address").await;
    let silent = RawSource::start(Script::Silence).await;
    assert_refused(&owner, &silent.url("/"), "source_refused", "too long").await;

    for body in [
        json!({}),
        json!({"file_url": "x"}),
        json!({"file_url": "http://127.0.0.2/"}),
        json!({"file_url": null}),
    ] {
        ask(&owner, &body).await.expect_error(422, "invalid_url");
    }
    ask(&owner, &json!([])).await.expect_error(400, "malformed_request");
    let get = Response::to(owner.request(Method::GET, "/preview")).await;
    get.expect_error(405, "method_not_allowed");

    let url = json!({"file_url": source.url("/missing")}).to_string();
    let nobody = owner.bare_request(Method::POST, "/preview").body(url.clone());
    Response::to(nobody).await.expect_error(401, "invalid_api_key");
    let reader = owner.with_key(&cloud.key(owner.name(), [Scope::Read], None).await);
    Response::to(reader.request(Method::POST, "/preview").body(url)).await.expect_error(403, "missing_scope");
    assert_eq!(source.requests("/missing"), 1, "without permission no request is sent");
}

/// Returns a web page with these media, in the form that sites use.
fn page(media: &str) -> Reply {
    let html = format!(
        "<html><head><title>A film</title><meta property=\"og:title\" content=\"A film/1\">\
         <meta property=\"og:video\" content=\"{media}\"><meta property=\"og:image\" content=\"{media}.jpg\"></head></html>"
    );
    Reply::bytes(html).header("content-type", "text/html; charset=utf-8")
}

#[tokio::test]
async fn a_web_page_is_previewed() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let clip = Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4");
    let clip = source.serve("/clip.mp4", clip.as_one_part());
    let url = source.serve("/watch?v=1", page(&clip));
    let found = preview(&owner, &url).await;
    assert_eq!((&found["kind"], &found["name"]), (&json!("page"), &json!("A film 1.mp4")), "{found}");
    assert_eq!((&found["content_type"], &found["size"]), (&json!("video/mp4"), &json!(media::MP4.len())));
    assert_eq!((&found["resumable"], &found["file_url"]), (&json!(true), &json!(url)));
    let origin = &found["origin"];
    assert_eq!((&origin["title"], &origin["page_url"]), (&json!("A film/1"), &json!(url)));
    assert_eq!(origin["thumbnail_url"], format!("{clip}.jpg"));
    let chosen = found["formats"].as_array().expect("formats").iter().find(|format| format["chosen"] == true);
    assert_eq!(chosen.expect("one is chosen")["transport"], "progressive");
    assert_eq!(owner.list("").await["files"], json!([]));
}

#[tokio::test]
async fn a_page_without_media_or_to_a_private_address_is_refused() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let empty = Reply::bytes("<title>Nothing</title>").header("content-type", "text/html");
    assert_refused(&owner, &source.serve("/empty", empty), "unsupported_page", "").await;
    for inside in ["http://169.254.169.254/film.mp4", "file:///etc/passwd.mp4", "http://127.0.0.2/film.mp4"] {
        let url = source.serve("/malicious", page(inside));
        let error = ask(&owner, &json!({ "file_url": url })).await.expect_error(422, "source_refused");
        assert!(!error.to_string().contains("passwd"), "{error}");
    }
}

#[tokio::test]
async fn a_preview_agrees_with_the_import() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let clip = Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4");
    let clip = source.serve("/clip.mp4", clip.as_one_part());
    let stream = streamed(&source, "stream", "");
    let html = format!(
        "<title>Stream</title><video><source src=\"{stream}\" type=\"application/x-mpegURL\"></video>"
    );
    let html = Reply::bytes(html).header("content-type", "text/html");
    for (url, kind, content_type) in [
        (source.serve("/a.png", Reply::bytes(media::PNG.clone())), "media", "image/png"),
        (stream, "media", "video/mp2t"),
        (source.serve("/watch?v=1", page(&clip)), "page", "video/mp4"),
        (source.serve("/watch?v=2", html), "page", "video/mp2t"),
    ] {
        let found = preview(&owner, &url).await;
        assert_eq!((&found["kind"], &found["content_type"]), (&json!(kind), &json!(content_type)), "{found}");
        let file = owner.wait_until_success(&owner.import(&url).await).await;
        for same in ["name", "content_type", "origin"] {
            assert_eq!(found[same], file[same], "{same} of {url}: {found} {file}");
        }
        assert!(found["size"].is_null() || found["size"] == file["size"], "{found} {file}");
    }
}

#[tokio::test]
async fn a_preview_refuses_the_same_sources_as_an_import() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let playlist = |lines: &str| {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}#EXTINF:6,\na.ts\n");
        Reply::bytes(text).header("content-type", "application/vnd.apple.mpegurl")
    };
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-ENDLIST\n";
    let dash = Reply::bytes("<MPD/>").header("content-type", "application/dash+xml");
    for (path, reply, words) in [
        ("/live", playlist(""), "live streams"),
        ("/key", playlist(key), "encrypted"),
        ("/dash", dash, "the MPEG-DASH manifest has no streams"),
    ] {
        assert_refused(&owner, &source.serve(path, reply), "source_refused", words).await;
    }
}
