//! Unusual responses of real sources (PHP, S3, proxies, raw sockets): the first bytes determine the type, and the file is stored
//! completely, as other HTTP clients would receive it.

use files_tests::{
    Behavior, Cloud, Content, Owner, RangedSource, RawSource, Reply, Script, SourceServer, media,
    skip_on_deployment,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::streams::{assert_is_whole, imported, refused, serve_files, stream_files};

const HTML: &str = "<!DOCTYPE html><html><head><title>Shared file</title></head><body>Log in</body></html>";
const MIB: u64 = 1 << 20;

fn as_html(bytes: impl Into<bytes::Bytes>) -> Reply {
    Reply::bytes(bytes).header("content-type", "text/html; charset=UTF-8")
}

#[tokio::test]
async fn media_with_the_content_type_of_a_web_page_is_stored() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let srt = "1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n";
    for (path, bytes, name, content_type) in [
        ("/download.php?id=5", media::MP4.clone(), "download.mp4", "video/mp4"),
        ("/sound.php", media::MP3.clone(), "sound.mp3", "audio/mpeg"),
        ("/picture", media::PNG.clone(), "picture.png", "image/png"),
        ("/paper.pdf", "%PDF-1.7\n%\u{e2}\u{e3}\n".into(), "paper.pdf", "application/pdf"),
        ("/all.zip", "PK\u{3}\u{4}\u{14}\0\0\0".into(), "all.zip", "application/zip"),
        ("/words.srt", srt.into(), "words.srt", "application/x-subrip"),
    ] {
        let file = imported(&owner, &source.serve(path, as_html(bytes.clone()))).await;
        assert_eq!((&file["name"], &file["content_type"]), (&json!(name), &json!(content_type)), "{path}");
        assert_eq!(owner.download(&file).await, bytes, "{path}");
    }
}

#[tokio::test]
async fn a_playlist_is_streamed_whatever_its_type() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let files = stream_files("");
    serve_files(&source, "film", &files);
    let list = files["list.m3u8"].clone();
    for (path, content_type) in [
        ("/film/a.m3u8", Some("application/octet-stream")),
        ("/film/b.m3u8", Some("text/plain")),
        ("/film/c.m3u8", None),
        ("/film/d", Some("binary/octet-stream")),
        ("/film/e", Some("text/html")),
    ] {
        let reply = Reply::bytes(list.clone());
        let reply = content_type.into_iter().fold(reply, |reply, kind| reply.header("content-type", kind));
        assert_is_whole(&imported(&owner, &source.serve(path, reply)).await, "mpegts");
    }
    let page = format!("<title>Led there</title><video src=\"{}\"></video>", source.url("/film/a.m3u8"));
    let file = imported(&owner, &source.serve("/page", as_html(page))).await;
    assert_is_whole(&file, "mpegts");
    assert_eq!(file["name"], "Led there.ts");
}

#[tokio::test]
async fn a_text_that_is_no_media_is_not_stored_as_media() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let mpd = "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>";
    for (path, reply, words) in [
        ("/dash", Reply::bytes(mpd).header("content-type", "text/xml"), "MPEG-DASH"),
        ("/dash.mpd", Reply::bytes(mpd), "MPEG-DASH"),
        ("/film.mp4", Reply::bytes(HTML).header("content-type", "video/mp4"), "web page"),
        ("/share", Reply::bytes(HTML), "web page"),
    ] {
        let error = refused(&owner, &source.serve(path, reply)).await;
        assert!(error.contains(words), "{path}: {error}");
    }
}

async fn assert_is(owner: &Owner, file: &Value, content: &Content) {
    assert_eq!((&file["status"], &file["size"]), (&json!("success"), &json!(content.size())), "{file:#}");
    assert!(owner.download(file).await == content.bytes(), "other bytes");
}

#[tokio::test]
async fn a_source_that_fails_on_a_range_is_requested_without() {
    let owner = Cloud::shared().await.owner().await;
    for (status, size) in
        [(400, MIB), (403, MIB), (405, MIB), (416, 0), (500, MIB), (501, 20 * MIB), (416, 20 * MIB)]
    {
        let content = Content::new(size, 1);
        let source = RangedSource::start(content.clone()).await;
        source.set_behavior(move |request| {
            // An empty file has no satisfiable range: a first request with a range is refused.
            let is_ranged = request.range.is_some() || (size == 0 && request.nth == 0);
            if is_ranged { Behavior::Status(status, Vec::new()) } else { Behavior::Serve }
        });
        let file = imported(&owner, &source.url("/a.bin")).await;
        assert_is(&owner, &file, &content).await;
    }
}

#[tokio::test]
async fn a_single_use_link_is_read_to_its_end() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(40 * MIB, 2);
    for status in [403, 404, 410, 503] {
        let source = RangedSource::start(content.clone()).await;
        source.set_behavior(move |request| {
            if request.nth == 0 { Behavior::Serve } else { Behavior::Status(status, Vec::new()) }
        });
        let file = imported(&owner, &source.url("/a.bin")).await;
        assert_is(&owner, &file, &content).await;
    }
}

#[tokio::test]
async fn a_small_source_that_is_cut_repeatedly_is_resumed() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(12 * MIB, 3);
    let source = RangedSource::start(content.clone()).await;
    source.set_behavior(|_| Behavior::Break(5_000_000));
    let file = imported(&owner, &source.url("/a.bin")).await;
    assert_is(&owner, &file, &content).await;
    assert!(source.requests().len() <= 4, "{} requests", source.requests().len());
    assert!(source.sent() < 14 * MIB, "{} bytes were sent", source.sent());
}

#[tokio::test]
async fn names_come_from_the_url_of_the_user() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let clip = || Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4");
    source.serve("/cdn/9f3c", clip());
    for (path, reply, name) in [
        ("/get", clip(), "get.mp4"),
        ("/download.php?id=6", clip(), "download.mp4"),
        ("/a%20b.mp4", clip(), "a b.mp4"),
        ("/said", clip().header("content-disposition", "attachment; filename=\"c%20d.mp4\""), "c d.mp4"),
        ("/holiday.mp4", Reply::redirect("/cdn/9f3c"), "holiday.mp4"),
        ("/version/v1.2", clip(), "v1.2.mp4"),
    ] {
        assert_eq!(imported(&owner, &source.serve(path, reply)).await["name"], name, "{path}");
    }
}

#[tokio::test]
async fn headers_and_redirects_are_handled_as_by_curl() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    source.serve("/behind", Reply::bytes("a film").needs("cookie", "seen=1"));
    let gate = Reply::redirect("/behind").header("set-cookie", "seen=1; Path=/; HttpOnly");
    let mut first = source.serve("/gate.bin", gate);
    for hop in 0..18 {
        let to = if hop == 0 { "/gate.bin".to_owned() } else { format!("/hop/{}", hop - 1) };
        first = source.serve(&format!("/hop/{hop}"), Reply::redirect(&to));
    }
    let file = imported(&owner, &first).await;
    assert_eq!(owner.download(&file).await, "a film");

    let many = "X-A: b\r\n".repeat(120);
    for lines in [
        "Content-Length : 6\r\nX-Folded: a\r\n  b\r\nSet-Cookie: a=\u{1}\r\n",
        &format!("Content-Length: 6\r\n{many}"),
    ] {
        let raw =
            RawSource::start(Script::Bytes(format!("HTTP/1.1 200 OK\r\n{lines}\r\na film").into_bytes()))
                .await;
        let file = imported(&owner, &raw.url("/film.bin")).await;
        assert_eq!(owner.download(&file).await, "a film", "{lines}");
    }
    for (raw, path) in [(b"gr\xfcn".as_slice(), "/gr%FCn.bin"), ("grün".as_bytes(), "/gr%C3%BCn.bin")] {
        let to = source.serve(path, Reply::bytes("a film")).replace(path, "/");
        let head =
            [b"HTTP/1.1 302 Found\r\nLocation: ", to.as_bytes(), raw, b".bin\r\nContent-Length: 0\r\n\r\n"];
        let raw = RawSource::start(Script::Bytes(head.concat())).await;
        let file = imported(&owner, &raw.url("/film.bin")).await;
        assert_eq!(owner.download(&file).await, "a film", "{path}");
    }
}

#[tokio::test]
async fn a_refusal_has_advice_and_mentions_a_redirect() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let closed = source.serve("/closed", Reply::status(StatusCode::UNAUTHORIZED));
    let error = refused(&owner, &closed).await;
    assert_eq!(error, "the source responded 401; if it asks for a login or a token, send that in `headers`");
    let moved = source.serve("/moved", Reply::redirect("/nowhere"));
    assert_eq!(refused(&owner, &moved).await, "the source responded 404 (a redirect led there)");
}

#[tokio::test]
async fn an_import_in_backoff_shows_reason_and_time_of_the_next_try() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/busy.bin", Reply::status(StatusCode::SERVICE_UNAVAILABLE));
    let file = owner.import(&url).await;
    let file = owner.wait_for(&file, |file| file["retrying"].is_object()).await;
    let retrying = &file["retrying"];
    assert_eq!(
        (&file["status"], &retrying["reason"]),
        (&json!("running"), &json!("the source responded 503"))
    );
    assert!(retrying["next_try_at"].as_str() > file["updated_at"].as_str(), "{file:#}");
    assert_eq!((&file["error"], &file["progress"]), (&Value::Null, &Value::Null));
    let listed = owner.list("").await;
    assert_eq!(listed["files"][0]["retrying"], Value::Null, "a list has only the summary");
    source.serve("/busy.bin", Reply::bytes("a film"));
    let file = owner.wait_until_success(&file).await;
    assert_eq!(file["retrying"], Value::Null);
}

#[tokio::test]
async fn a_fragment_reaches_the_web_page_and_cookies_its_media() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let film = Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4");
    source.serve("/film.mp4", film.needs("cookie", "seen=1"));
    let page = as_html("<title>Film</title><video src=\"/film.mp4\"></video>")
        .header("set-cookie", "seen=1; Path=/");
    let url = format!("{}#/film/1", source.serve("/page", page));
    let file = imported(&owner, &url).await;
    assert_eq!((&file["name"], &file["source_url"]), (&json!("Film.mp4"), &json!(url)));
    assert_eq!(owner.download(&file).await, *media::MP4);
}

#[tokio::test]
async fn silent_video_and_alternative_formats_are_accepted() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    source.serve("/film.mp4", Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4"));
    let player = |sources: &str| as_html(format!("<title>Film</title><video>{sources}</video>"));
    let silent = "<source src=\"/film.mp4\" type='video/mp4; codecs=\"avc1.640028\"'>";
    let next = "<source src=\"/gone.mp4\" type=\"video/mp4\" res=\"1080\">\
                <source src=\"/film.mp4\" type=\"video/mp4\" res=\"360\">";
    for (path, sources) in [("/silent", silent), ("/next", next)] {
        let file = imported(&owner, &source.serve(path, player(sources))).await;
        assert_eq!(owner.download(&file).await, *media::MP4, "{path}");
    }
    assert!(source.requests("/gone.mp4") > 0);
}

#[tokio::test]
async fn a_site_that_refuses_unknown_agents_gets_the_agent_of_yt_dlp() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let film = Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4");
    for status in [403, 406, 999] {
        let path = format!("/{status}/film.mp4");
        let refusal = Reply::status(StatusCode::from_u16(status).expect("a status"));
        let url = source.serve_by_agent(&path, "files/", refusal, film.clone());
        let file = imported(&owner, &url).await;
        assert_eq!((&file["name"], &file["origin"]), (&json!("film.mp4"), &Value::Null));
        assert_eq!(owner.download(&file).await, *media::MP4);
    }
}

#[tokio::test]
async fn a_private_thumbnail_is_not_passed_on() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let film =
        source.serve("/film.mp4", Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4"));
    for (index, still) in
        ["http://169.254.169.254/latest/", "http://router.local/a.jpg", "http://0x7f000002/a.jpg"]
            .iter()
            .enumerate()
    {
        let page = as_html(format!(
            "<meta property=\"og:title\" content=\"Film\"><meta property=\"og:video\" content=\"{film}\">\
             <meta property=\"og:image\" content=\"{still}\">"
        ));
        let file = imported(&owner, &source.serve(&format!("/page/{index}"), page)).await;
        assert_eq!(
            (&file["origin"]["title"], &file["origin"]["thumbnail_url"]),
            (&json!("Film"), &Value::Null),
            "{still}"
        );
    }
}
