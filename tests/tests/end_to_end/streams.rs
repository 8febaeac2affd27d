//! HLS playlists, created by FFmpeg: their streams are imported.

use std::collections::BTreeMap;
use std::process::Command;

use bytes::Bytes;
use files_tests::{Cloud, Owner, RawSource, Reply, Script, SourceServer, skip_on_deployment};
use serde_json::{Value, json};

pub(crate) const HLS: &str = "application/vnd.apple.mpegurl";

/// Serves FFmpeg's output with these options below `/{name}/`. Returns the URL of the playlist.
pub(crate) fn streamed(source: &SourceServer, name: &str, options: &str) -> String {
    serve_files(source, name, &stream_files(options))
}

/// Returns FFmpeg's output with these options by name: four seconds of audio and video, and their playlist.
pub(crate) fn stream_files(options: &str) -> BTreeMap<String, Bytes> {
    let input = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -f lavfi -i sine=frequency=440:duration=4 \
                 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac -f hls -hls_time 1 -hls_list_size 0";
    ffmpeg_files(&format!("{input} {options} list.m3u8"))
}

/// Returns the files that FFmpeg writes into its folder.
pub(crate) fn ffmpeg_files(arguments: &str) -> BTreeMap<String, Bytes> {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = format!("-v error {arguments}");
    let done = Command::new("ffmpeg").args(arguments.split_whitespace()).current_dir(folder.path()).status();
    assert!(done.expect("ffmpeg runs").success(), "{arguments}");
    let files = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    let named = files.map(|file| {
        let name = file.file_name().into_string().expect("a readable name");
        (name, std::fs::read(file.path()).expect("a file").into())
    });
    named.collect()
}

pub(crate) fn serve_files(source: &SourceServer, name: &str, files: &BTreeMap<String, Bytes>) -> String {
    for (file, bytes) in files {
        let kind = if file.ends_with("m3u8") { HLS } else { "application/octet-stream" };
        source.serve(
            &format!("/{name}/{file}"),
            Reply::bytes(bytes.clone()).header("content-type", kind).with_ranges(),
        );
    }
    source.url(&format!("/{name}/list.m3u8"))
}

fn playlist(lines: &str) -> Reply {
    Reply::bytes(format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}")).header("content-type", HLS)
}

pub(crate) async fn imported(owner: &Owner, url: &str) -> Value {
    let file = owner.import(url).await;
    owner.wait_until_success(&file).await
}

pub(crate) async fn refused(owner: &Owner, url: &str) -> String {
    let file = owner.import(url).await;
    let failed = owner.wait_until_terminal(&file).await;
    assert_eq!(failed["status"], "failed", "{url}: {failed:#}");
    failed["error"].as_str().expect("a reason").to_owned()
}

/// Asserts that a file has video, audio and all four seconds.
pub(crate) fn assert_is_whole(file: &Value, format: &str) {
    let probe = &file["ffprobe"];
    assert_eq!((&probe["width"], &probe["height"]), (&json!(320), &json!(180)), "{file}");
    let duration = probe["duration"].as_f64().expect("a duration");
    assert!((3.8..4.3).contains(&duration), "{duration} s");
    assert!(probe["format_name"].as_str().is_some_and(|name| name.contains(format)), "{probe}");
}

#[tokio::test]
async fn segments_become_one_file_of_their_true_type() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    for (name, options, extension, content_type, format) in [
        ("ts", "", "ts", "video/mp2t", "mpegts"),
        ("fmp4", "-hls_segment_type fmp4", "mp4", "video/mp4", "mp4"),
        ("one-ts", "-hls_flags single_file", "ts", "video/mp2t", "mpegts"),
        ("one-fmp4", "-hls_segment_type fmp4 -hls_flags single_file", "mp4", "video/mp4", "mp4"),
    ] {
        let file = imported(&owner, &streamed(&source, name, options)).await;
        assert_eq!(
            (&file["name"], &file["content_type"]),
            (&json!(format!("list.{extension}")), &json!(content_type))
        );
        assert_is_whole(&file, format);
        assert_eq!(file["ffprobe"]["audio_codec"], "aac", "{name}");
    }
}

#[tokio::test]
async fn the_best_rendition_of_a_master_playlist_is_fetched() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    streamed(&source, "best", "");
    let master = "#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x90\nlow/list.m3u8\n\
                  #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=320x180,CODECS=\"avc1.42c00d,mp4a.40.2\"\nbest/list.m3u8\n\
                  #EXT-X-STREAM-INF:BANDWIDTH=9900000,RESOLUTION=1920x1080,CODECS=\"avc1.640028\"\nsilent/list.m3u8\n";
    let master = Reply::bytes(format!("#EXTM3U\n{master}")).header("content-type", HLS);
    let url = source.serve("/master.m3u8", master.clone());
    assert_is_whole(&imported(&owner, &url).await, "mpegts");
    assert_eq!(source.requests("/low/list.m3u8") + source.requests("/silent/list.m3u8"), 0);
}

#[tokio::test]
async fn the_stream_of_a_web_page_is_imported() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let stream = streamed(&source, "page", "-hls_segment_type fmp4");
    let page = format!(
        "<title>Stream</title><video><source src=\"{stream}\" type=\"application/x-mpegURL\"></video>"
    );
    let page = source.serve("/watch", Reply::bytes(page).header("content-type", "text/html"));
    let file = imported(&owner, &page).await;
    assert_eq!((&file["name"], &file["content_type"]), (&json!("Stream.mp4"), &json!("video/mp4")));
    assert_is_whole(&file, "mp4");
    assert_eq!(file["origin"]["title"], "Stream");
}

#[tokio::test]
async fn streams_that_cannot_be_joined_are_refused_with_a_reason() {
    skip_on_deployment!("serves playlists on this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    source.serve("/a.ts", Reply::bytes("no transport stream"));
    let segment = "#EXTINF:6,\na.ts\n";
    let drm = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n";
    for (path, reply, words) in [
        ("/live", playlist(segment), "live streams"),
        (
            "/key",
            playlist(&format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n{segment}#EXT-X-ENDLIST\n")),
            "encrypted",
        ),
        ("/drm", playlist(&format!("{drm}{segment}#EXT-X-ENDLIST\n")), "DRM"),
        ("/text", playlist(&format!("{segment}#EXT-X-ENDLIST\n")), "neither MPEG-TS nor fragmented MP4"),
        (
            "/tag",
            playlist(&format!("#EXT-X-BYTERANGE:all\n{segment}#EXT-X-ENDLIST\n")),
            "tag EXT-X-BYTERANGE",
        ),
        ("/stray", playlist(&format!("{segment}b.ts\n#EXT-X-ENDLIST\n")), "neither a tag nor"),
        ("/none", playlist("#EXT-X-ENDLIST\n"), "playlist"),
        ("/gone", playlist("#EXTINF:6,\ngone.ts\n#EXT-X-ENDLIST\n"), "404"),
        ("/page", Reply::bytes("<html>").header("content-type", HLS), "cannot be read"),
        (
            "/apart",
            Reply::bytes(
                "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"s.m3u8\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO=\"a\"\nv.m3u8\n",
            )
            .header("content-type", HLS),
            "404",
        ),
    ] {
        let error = refused(&owner, &source.serve(path, reply)).await;
        assert!(error.contains(words), "{path}: {error}");
    }
}

#[tokio::test]
async fn playlists_do_not_lead_to_private_addresses() {
    skip_on_deployment!("listens on this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let canary = RawSource::start(Script::Bytes(b"HTTP/1.1 200 OK\r\n\r\nGsecret".to_vec())).await;
    let inside = canary.url("/a.ts").replace("127.0.0.1", "localhost");
    source.serve("/to-inside.ts", Reply::redirect(&inside));
    let media = |uri: &str| playlist(&format!("#EXTINF:6,\n{uri}\n#EXT-X-ENDLIST\n"));
    for (path, reply, words) in [
        ("/segment", media(&inside), "public address"),
        ("/redirect", media("to-inside.ts"), "public address"),
        ("/metadata", media("http://169.254.169.254/latest/"), "public address"),
        ("/file", media("file:///etc/passwd"), "only http and https"),
        ("/concat", media(&format!("concat:{inside}|/etc/passwd")), "only http and https"),
        (
            "/map",
            playlist(&format!("#EXT-X-MAP:URI=\"{inside}\"\n#EXTINF:6,\na\n#EXT-X-ENDLIST\n")),
            "public address",
        ),
        (
            "/master",
            Reply::bytes(format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n{inside}\n"))
                .header("content-type", HLS),
            "public address",
        ),
    ] {
        let error = refused(&owner, &source.serve(path, reply)).await;
        assert!(error.contains(words), "{path}: {error}");
    }
    assert_eq!(canary.connections(), 0, "a playlist led to a private address");
}
