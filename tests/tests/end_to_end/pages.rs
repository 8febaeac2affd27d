//! Imports of web pages: the media are imported, under the page's title. Real sites are not reachable from tests, so the pages
//! are local ones of the same kinds.

use files_tests::{
    Behavior, Cloud, Content, Owner, RangedSource, RawSource, Reply, Response, Script, SourceServer, media,
    skip_on_deployment,
};
use serde_json::{Value, json};

fn html(text: &str) -> Reply {
    Reply::bytes(text.to_owned()).header("content-type", "text/html; charset=utf-8")
}

fn clip() -> Reply {
    Reply::bytes(media::MP4.clone()).header("content-type", "video/mp4")
}

/// Imports a web page, and returns the file.
async fn imported(owner: &Owner, url: &str) -> Value {
    let file = owner.import(url).await;
    owner.wait_until_success(&file).await
}

async fn create(owner: &Owner, body: &Value) -> Value {
    Response::to(owner.json(body)).await.expect(202).json()
}

/// Imports a web page that must fail, and returns the reason.
async fn refused(owner: &Owner, url: &str) -> String {
    let file = owner.import(url).await;
    let failed = owner.wait_until_terminal(&file).await;
    assert_eq!(failed["status"], "failed", "{url}: {failed:#}");
    failed["error"].as_str().expect("a reason").to_owned()
}

#[tokio::test]
async fn a_web_page_with_a_video_is_imported_with_its_origin() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let (film, still) = (source.serve("/film.mp4?signature=hush", clip()), source.url("/still.jpg"));
    let page = source.serve(
        "/watch",
        html(&format!(
            "<head><meta property=\"og:title\" content=\"A film / of ours\"><meta property=\"og:video\" content=\"{film}\">\
             <meta property=\"og:image\" content=\"{still}\"></head>"
        )),
    );
    let file = imported(&owner, &page).await;
    assert_eq!((&file["name"], &file["content_type"]), (&json!("A film of ours.mp4"), &json!("video/mp4")));
    assert_eq!(owner.download(&file).await, media::MP4.as_ref());
    assert_eq!(file["ffprobe"]["width"], 320);
    let origin = &file["origin"];
    assert_eq!((&origin["title"], &origin["page_url"]), (&json!("A film / of ours"), &json!(page)));
    assert_eq!((&origin["site"], &origin["thumbnail_url"]), (&json!("Generic"), &json!(still)));
}

#[tokio::test]
async fn the_best_of_a_players_sources_is_imported() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    source.serve("/small.mp4", Reply::bytes("the small one"));
    source.serve("/large.mp4", clip());
    let player = "<title>Player</title><video><source src=\"/small.mp4\" type=\"video/mp4\" res=\"360\">\
                  <source src=\"/large.mp4\" type=\"video/mp4\" res=\"1080\"></video>";
    let file = imported(&owner, &source.serve("/player", html(player))).await;
    assert_eq!((&file["name"], file["size"].as_u64()), (&json!("Player.mp4"), Some(media::MP4.len() as u64)));
    assert_eq!(source.requests("/small.mp4"), 0);

    let data = json!({
        "@context": "https://schema.org", "@type": "VideoObject", "name": "Linked", "author": "Somebody",
        "contentUrl": source.url("/large.mp4"), "uploadDate": "2026-01-02", "duration": "PT1M3S",
    });
    let linked = format!("<script type=\"application/ld+json\">{data}</script>");
    let file = imported(&owner, &source.serve("/linked", html(&linked))).await;
    let origin = file["origin"].clone();
    let facts = ["title", "uploader", "duration", "upload_date"].map(|name| origin[name].clone());
    assert_eq!(facts, [json!("Linked"), json!("Somebody"), json!(63.0), json!("2026-01-02")]);
}

#[tokio::test]
async fn pages_are_followed_and_the_requested_name_is_kept() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    source.serve("/film.mp4", clip());
    let page = source.serve("/page", html("<title>Page</title><video src=\"/moved.mp4\"></video>"));
    source.serve("/moved.mp4", Reply::redirect("/film.mp4"));
    let away = source.serve("/away", Reply::redirect(&page));
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0; url={page}\">");
    let refresh = source.serve("/refresh", html(&refresh));
    for url in [&away, &refresh] {
        assert_eq!(imported(&owner, url).await["name"], "Page.mp4", "{url}");
    }
    let body = json!({"file_url": page, "name": "mine.bin"});
    let file = create(&owner, &body).await;
    assert_eq!(owner.wait_until_success(&file).await["name"], "mine.bin");
}

#[tokio::test]
async fn a_page_without_media_fails_with_a_reason() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let nothing = refused(&owner, &source.serve("/empty", html("<html></html>"))).await;
    assert!(
        nothing.starts_with("the source is a web page on which no video or audio was found"),
        "{nothing}"
    );
    let again = "<title>Again</title><video src=\"/again.mp4\"></video>";
    source.serve("/again.mp4", html(again));
    let again = source.serve("/again", html(again));
    assert_eq!(refused(&owner, &again).await, "what the page shows is a page again");
    let dash = Reply::bytes("<MPD/>").header("content-type", "application/dash+xml");
    let dash = refused(&owner, &source.serve("/dash.mpd", dash)).await;
    assert_eq!(dash, "the MPEG-DASH manifest has no streams");
    let separate = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"/sound.m3u8\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.640028,mp4a.40.2\",AUDIO=\"a\"\n/picture.m3u8\n";
    source.serve("/apart.m3u8", Reply::bytes(separate).header("content-type", "application/x-mpegurl"));
    let apart = format!("<meta property=\"og:video\" content=\"{}\">", source.url("/apart.m3u8"));
    let apart = refused(&owner, &source.serve("/apart", html(&apart))).await;
    assert!(apart.contains("404"), "{apart}"); // its playlists do not exist
}

/// Pages with every construct that could lead to a private address.
#[tokio::test]
async fn pages_that_lead_to_private_addresses_reach_nothing() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    // A canary on this machine, under a name that is not allowed.
    let canary = RawSource::start(Script::Bytes(b"HTTP/1.1 200 OK\r\n\r\nsecret".to_vec())).await;
    let inside = canary.url("/film.mp4").replace("127.0.0.1", "localhost");
    let video = |url: &str| html(&format!("<title>x</title><video src=\"{url}\"></video>"));
    let not_public = ["not at a public address", "address that is not public"];
    let not_fetched = [
        "only http and https URLs",
        "cannot be imported",
        "no video or audio",
        "nothing that can be fetched",
    ];
    source.serve("/to-inside.mp4", Reply::redirect(&inside));
    source.serve("/to-metadata.mp4", Reply::redirect("http://169.254.169.254/latest/meta-data/"));
    source.serve("/to-file.mp4", Reply::redirect("file:///etc/passwd"));
    for (path, reply, words) in [
        ("/video", video(&inside), &not_public[..]),
        ("/metadata", video("http://169.254.169.254/latest/meta-data/film.mp4"), &not_public),
        ("/mapped", video("http://[::ffff:10.0.0.1]/film.mp4"), &not_public),
        ("/redirected", video("/to-inside.mp4"), &not_public),
        ("/redirected-far", video("/to-metadata.mp4"), &not_public),
        (
            "/refreshed",
            html(&format!("<meta http-equiv=\"refresh\" content=\"0; url={inside}\">")),
            &not_public,
        ),
        ("/moved", Reply::redirect(&inside), &not_public),
        ("/file", video("file:///etc/passwd"), &not_fetched),
        ("/data", video("data:video/mp4;base64,AAAA"), &not_fetched),
        ("/redirected-file", video("/to-file.mp4"), &not_fetched),
    ] {
        let error = refused(&owner, &source.serve(path, reply)).await;
        assert!(words.iter().any(|words| error.contains(words)), "{path}: {error}");
    }
    assert_eq!(canary.connections(), 0, "a page led to a private address");
}

#[tokio::test]
async fn endless_and_huge_pages_fail_with_a_reason() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n".to_vec();
    let endless = RawSource::start(Script::Endless(head, b"<p>".repeat(20_000))).await;
    assert_eq!(refused(&owner, &endless.url("/")).await, "the page is too large");
}

#[tokio::test]
async fn headers_for_the_page_are_sent_to_its_own_origin_only() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let (site, elsewhere) = (SourceServer::start().await, SourceServer::start().await);
    let token = files_tests::log_secrets::SOURCE_SECRET;
    site.serve("/mine.mp4", clip().needs("cookie", token));
    let own = html("<title>Own</title><video src=\"/mine.mp4\"></video>").needs("cookie", token);
    let own = json!({"file_url": site.serve("/own", own), "headers": {"Cookie": token}});
    owner.wait_until_success(&create(&owner, &own).await).await;

    let film = elsewhere.serve("/film.mp4", clip().needs("cookie", token));
    let away = html(&format!("<title>Away</title><video src=\"{film}\"></video>"));
    let away = json!({"file_url": site.serve("/away", away), "headers": {"Cookie": token}});
    let failed = owner.wait_until_terminal(&create(&owner, &away).await).await;
    let error = failed["error"].as_str().expect("a reason");
    assert!(error.starts_with("the media of the page: the source responded 403"), "{error}");
}

/// The next run requests the page again, because the URLs in it may expire.
#[tokio::test]
async fn a_long_video_of_a_page_continues_in_another_run() {
    skip_on_deployment!("changes the template");
    let cloud = Cloud::setup().template_with("      Timeout: 300", "      Timeout: 20").start().await;
    let owner = cloud.owner().await;
    let (site, media) = (SourceServer::start().await, RangedSource::start(Content::new(100 << 20, 5)).await);
    media.limit_speed(2_000_000);
    media.set_behavior(
        |request| if request.open < 2 { Behavior::Serve } else { Behavior::Status(429, Vec::new()) },
    );
    let film = media.url("/film.mp4");
    let page = site.serve("/watch", html(&format!("<title>Long</title><video src=\"{film}\"></video>")));
    let file = imported(&owner, &page).await;
    assert_eq!((&file["name"], &file["origin"]["title"]), (&json!("Long.mp4"), &json!("Long")));
    assert!(owner.download(&file).await == Content::new(100 << 20, 5).bytes(), "other bytes");
    assert!(
        site.requests("/watch") >= 3,
        "requested by the import and by yt-dlp, and again in the second run"
    );
}
