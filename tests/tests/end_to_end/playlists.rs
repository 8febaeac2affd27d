//! Texts that refer a player to other URLs: playlists and descriptions of streams, with the names of media. A canary listens at
//! the URLs. Imports whose type is HLS are different: see `streams`.

use files_tests::{Cloud, Owner, RawSource, Reply, Script, SourceServer, media, skip_on_deployment};
use serde_json::Value;

/// Returns texts that ffprobe could follow, each with its kind.
fn playlists(canary: &RawSource) -> Vec<(&'static str, String)> {
    let url = canary.url("/secret.ts");
    let address = url.trim_start_matches("http://").split('/').next().expect("an address").to_owned();
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let hls = |lines: &str| {
        format!("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:9\n{lines}\n#EXT-X-ENDLIST\n")
    };
    vec![
        ("m3u8", hls(&format!("#EXTINF:9,\n{url}"))),
        ("m3u8", format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n{url}\n")),
        ("m3u8", hls(&format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{url}\"\n#EXTINF:9,\na.ts"))),
        ("m3u8", hls(&format!("#EXT-X-MAP:URI=\"{url}\"\n#EXTINF:9,\na.m4s"))),
        ("m3u8", hls(&format!("#EXTINF:9,\nconcat:{url}|file:///etc/passwd"))),
        ("m3u8", hls("#EXTINF:9,\nfile:///etc/passwd")),
        ("ffconcat", format!("ffconcat version 1.0\nfile '{url}'\nduration 2\n")),
        ("ffconcat", "ffconcat version 1.0\nfile '/etc/passwd'\n".to_owned()),
        (
            "sdp",
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:rtsp://{address}/x\n\
                 m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
            ),
        ),
        ("ram", format!("rtsp://{address}/x\n")),
        ("pls", format!("[playlist]\nNumberOfEntries=1\nFile1={url}\n")),
        ("asx", format!("<asx version=\"3.0\"><entry><ref href=\"{url}\"/></entry></asx>\n")),
        ("wmv", format!("[Reference]\nRef1={url}\n")),
        (
            "mpd",
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><BaseURL>{url}\
                 </BaseURL><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"9\"><BaseURL>{url}\
                 </BaseURL></Representation></AdaptationSet></Period></MPD>\n"
            ),
        ),
    ]
}

/// Asserts that the text is stored unchanged, and that ffprobe has not read it.
async fn assert_unread(owner: &Owner, file: &Value, what: &str, bytes: &str) {
    let file = owner.wait_until_success(file).await;
    assert_eq!((&file["ffprobe"], &file["error"]), (&Value::Null, &Value::Null), "{what}");
    let why = file["ffprobe_error"].as_str().expect("a reason");
    assert!(!why.is_empty() && !why.contains("http") && !why.contains("root:"), "{what}: {why}");
    assert_eq!(owner.download(&file).await, bytes.as_bytes(), "{what}");
}

#[tokio::test]
async fn playlists_are_not_followed() {
    skip_on_deployment!("listens on this machine");
    let owner = Cloud::shared().await.owner().await;
    let response = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", &media::MP4[..]].concat();
    let (canary, source) = (RawSource::start(Script::Bytes(response)).await, SourceServer::start().await);
    let mut uploaded = Vec::new();
    for (index, (kind, text)) in playlists(&canary).into_iter().enumerate() {
        for name in [format!("list.{kind}"), "clip.mp4".to_owned(), "sound.mp3".to_owned()] {
            let file = owner.upload(&name, text.as_bytes()).await;
            uploaded.push((file, format!("{name}: {text}"), text.clone()));
        }
        if matches!(kind, "m3u8" | "mpd") {
            continue; // imports support these: see `streams` and `odd_sources`
        }
        let reply = Reply::bytes(text.clone()).header("content-type", "application/octet-stream");
        let url = source.serve(&format!("/{index}/list.{kind}"), reply);
        uploaded.push((owner.import(&url).await, format!("imported {kind}: {text}"), text));
    }
    for (file, what, text) in &uploaded {
        assert_unread(&owner, file, what, text).await;
    }
    for (path, lines) in
        [("/file.m3u8", "file:///etc/passwd"), ("/concat.m3u8", "concat:http://a|file:///etc/passwd")]
    {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{lines}\n#EXT-X-ENDLIST\n");
        let failed =
            owner.wait_until_terminal(&owner.import(&source.serve(path, Reply::bytes(text))).await).await;
        assert_eq!((&failed["status"], &failed["size"]), (&"failed".into(), &Value::Null), "{failed:#}");
    }
    assert_eq!(canary.connections(), 0, "a playlist was followed");
    // Proves that the canary would have noticed a request.
    owner.fetch(&canary.url("/secret.ts")).await.expect(200);
    assert_eq!(canary.connections(), 1);
}
