//! HLS playlists of real packagers and servers: the whole stream is stored, or it is refused.

use std::collections::BTreeMap;
use std::io::Write as _;

use bytes::Bytes;
use files_tests::{Cloud, Reply, SourceServer, skip_on_deployment};
use serde_json::{Value, json};

use crate::streams::{HLS, assert_is_whole, ffmpeg_files, imported, refused, serve_files, stream_files};

/// Returns a stream with a rewritten playlist.
fn with_list(files: &BTreeMap<String, Bytes>, rewrite: impl Fn(&str) -> String) -> BTreeMap<String, Bytes> {
    let mut files = files.clone();
    let list = std::str::from_utf8(&files["list.m3u8"]).expect("text");
    let rewritten = rewrite(list);
    assert_ne!(list, rewritten);
    files.insert("list.m3u8".to_owned(), rewritten.into());
    files
}

fn hls(text: impl Into<Bytes>) -> Reply {
    Reply::bytes(text).header("content-type", HLS)
}

/// Returns the bytes of the segments in order.
fn joined(files: &BTreeMap<String, Bytes>, extension: &str) -> Vec<u8> {
    let mut segments: Vec<_> = files.iter().filter(|(name, _)| name.ends_with(extension)).collect();
    segments.sort_by_key(|(name, _)| (name.len(), (*name).clone()));
    segments.into_iter().flat_map(|(_, bytes)| bytes.to_vec()).collect()
}

#[tokio::test]
async fn playlist_variants_are_accepted() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let plain = stream_files("");
    let whole = joined(&plain, ".ts");
    type Rewrite = fn(&str) -> String;
    let rewrites: [(&str, Rewrite); 6] = [
        ("titles", |list| list.replace(",\n", ",one, two, http://x/y.ts\n")),
        ("windows", |list| format!("\u{feff}{}", list.replace('\n', "\r\n"))),
        ("old-mac", |list| list.replace('\n', "\r")),
        ("unknown", |list| list.replace("#EXTINF", "#EXT-X-CUE-OUT:a=\"\n#comment\n#EXT-X-NEW\n#EXTINF")),
        ("gap", |list| list.replace("#EXT-X-ENDLIST", "#EXT-X-GAP\n#EXTINF:1,\nmissing.ts\n#EXT-X-ENDLIST")),
        ("variable", |list| {
            let defined = list.replace("list", "{$name}");
            defined.replace(
                "#EXT-X-TARGETDURATION",
                "#EXT-X-DEFINE:NAME=\"name\",VALUE=\"list\"\n#EXT-X-TARGETDURATION",
            )
        }),
    ];
    for (name, rewrite) in rewrites {
        let url = serve_files(&source, name, &with_list(&plain, rewrite));
        let file = imported(&owner, &url).await;
        assert_is_whole(&file, "mpegts");
        assert!(owner.download(&file).await == whole, "other bytes: {name}");
    }
    let mapped = stream_files("-hls_segment_type fmp4");
    let spaced = with_list(&mapped, |list| list.replace("URI=", " X-NEW=1 , URI = "));
    assert_is_whole(&imported(&owner, &serve_files(&source, "spaced", &spaced)).await, "mp4");
}

#[tokio::test]
async fn segments_that_are_ranges_are_requested_as_ranges() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    for (name, options) in [("ts", ""), ("fmp4", "-hls_segment_type fmp4")] {
        let source = SourceServer::start().await;
        let one = stream_files(&format!("{options} -hls_flags single_file"));
        let spaced = with_list(&one, |list| list.replace("BYTERANGE:", "BYTERANGE: ").replace('@', " @ "));
        // Twice as large, but only its first half is requested.
        let large = spaced.into_iter().map(|(file, bytes)| match file.ends_with("m3u8") {
            true => (file, bytes),
            false => (file, [bytes.clone(), bytes].concat().into()),
        });
        let file = imported(&owner, &serve_files(&source, name, &large.collect())).await;
        assert_is_whole(&file, if name == "ts" { "mpegts" } else { "mp4" });
        let (stored, list) = (file["size"].as_u64().expect("a size"), one["list.m3u8"].len() as u64);
        assert!(source.sent() as u64 <= stored * 105 / 100 + list * 2, "{} for {stored}", source.sent());
    }
}

#[tokio::test]
async fn packed_audio_is_stored_with_its_type() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    for (codec, format, extension, content_type) in
        [("aac", "adts", "aac", "audio/aac"), ("libmp3lame", "mp3", "mp3", "audio/mpeg")]
    {
        let files = ffmpeg_files(&format!(
            "-f lavfi -i sine=frequency=440:duration=4 -c:a {codec} -f segment -segment_time 1 -segment_format {format} \
             -segment_list list.m3u8 -segment_list_type m3u8 %d.{extension}"
        ));
        let file = imported(&owner, &serve_files(&source, extension, &files)).await;
        assert_eq!(
            (&file["content_type"], &file["ffprobe"]["audio_codec"]),
            (&json!(content_type), &json!(extension))
        );
        assert_eq!(file["name"], format!("list.{extension}"));
        assert!(owner.download(&file).await == joined(&files, extension), "{codec}");
    }
}

#[tokio::test]
async fn a_response_that_is_no_segment_is_not_stored() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let html = Bytes::from("<!DOCTYPE html><html><title>Please log in</title></html>");
    for (name, options, segment, number) in [
        ("first", "", "list0.ts", "segment 1 of the stream is a web page"),
        ("middle", "", "list2.ts", "segment 3 of the stream is a web page, not MPEG-TS"),
        (
            "mp4",
            "-hls_segment_type fmp4",
            "list2.m4s",
            "segment 3 of the stream is a web page, not fragmented MP4",
        ),
        ("init", "-hls_segment_type fmp4", "init.mp4", "initialisation is a web page"),
    ] {
        let mut files = stream_files(options);
        assert!(files.insert(segment.to_owned(), html.clone()).is_some(), "{segment}");
        let error = refused(&owner, &serve_files(&source, name, &files)).await;
        assert!(error.contains(number), "{name}: {error}");
    }
    let mut files = stream_files("");
    files.remove("list2.ts");
    let error = refused(&owner, &serve_files(&source, "gone", &files)).await;
    assert_eq!(error, "segment 3 of 4: the source responded 404");
}

#[tokio::test]
async fn audio_and_video_are_complete() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    serve_files(&source, "film", &stream_files(""));
    let loud = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9900000,CODECS=\"mp4a.40.2\"\nsound/list.m3u8\n\
                #EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=\"320x180\"\nfilm/list.m3u8\n";
    assert_is_whole(&imported(&owner, &source.serve("/loud.m3u8", hls(loud))).await, "mpegts");
    let apart = "#EXTM3U\n#EXT-X-MEDIA:TYPE=\"AUDIO\",GROUP-ID=\"a\",NAME=\"en\",DEFAULT=\"NO\",URI=\"film/list.m3u8\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=320x180,AUDIO=\"a\"\nfilm/list.m3u8\n";
    // The rendition is the variant's own stream.
    let own = imported(&owner, &source.serve("/apart.m3u8", hls(apart))).await;
    assert_eq!((&own["name"], &own["content_type"]), (&json!("apart.ts"), &json!("video/mp2t")));
    let unread = apart.replace("GROUP-ID=\"a\"", "GROUP-ID=\"a");
    let error = refused(&owner, &source.serve("/unread.m3u8", hls(unread))).await;
    assert!(error.contains("tag EXT-X-MEDIA"), "{error}");
}

#[tokio::test]
async fn the_next_variant_is_tried_and_the_master_names_the_file() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let files = with_list(&stream_files(""), |list| {
        let list = list.replace(".ts", ".ts?token={$token}");
        list.replace("#EXT-X-TARGETDURATION", "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXT-X-TARGETDURATION")
    });
    for (name, bytes) in &files {
        let path = if name.ends_with("ts") {
            format!("/v/{name}?token=a%2Fb")
        } else {
            "/v/list.m3u8?token=a%2Fb".into()
        };
        source.serve(
            &path,
            if name.ends_with("ts") { Reply::bytes(bytes.clone()) } else { hls(bytes.clone()) },
        );
    }
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=1920x1080\ngone.m3u8\n\
                  #EXT-X-STREAM-INF:BANDWIDTH=8,RESOLUTION=320x180\nv/list.m3u8?token=a%2Fb\n";
    let file = imported(&owner, &source.serve("/holiday.m3u8", hls(master))).await;
    assert_is_whole(&file, "mpegts");
    assert_eq!(file["name"], "holiday.ts");
}

#[tokio::test]
async fn a_variant_that_fails_during_transfer_is_replaced_by_the_next() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let whole = stream_files("");
    let mut gone = whole.clone();
    gone.remove("list2.ts");
    let mut other = whole.clone();
    other.insert("list2.ts".to_owned(), "<!DOCTYPE html><title>Log in</title>".into());
    for (name, files) in [("gone", &gone), ("other", &other), ("whole", &whole)] {
        serve_files(&source, name, files);
    }
    let variant = |height: u32, name: &str| {
        format!("#EXT-X-STREAM-INF:BANDWIDTH={height},RESOLUTION=320x{height}\n{name}/list.m3u8\n")
    };
    let master = |names: &[&str]| {
        let variants = names.iter().zip([180_u32, 170, 160]).map(|(name, height)| variant(height, name));
        hls(format!("#EXTM3U\n{}", variants.collect::<String>()))
    };
    let url = source.serve("/copies.m3u8", master(&["gone", "other", "whole"]));
    let file = imported(&owner, &url).await;
    assert!(owner.download(&file).await == joined(&whole, "ts"));
    let url = source.serve("/broken.m3u8", master(&["gone", "other"]));
    assert_eq!(refused(&owner, &url).await, "segment 3 of 4: the source responded 404", "the first error");
}

#[tokio::test]
async fn small_chunks_and_compressed_playlists_are_accepted() {
    skip_on_deployment!("imports FFmpeg's output from this machine");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let files = stream_files("-hls_segment_type fmp4");
    let url = serve_files(&source, "crumbs", &files);
    source.serve("/crumbs/init.mp4", Reply::bytes(files["init.mp4"].clone()).in_small_chunks(3));
    assert_is_whole(&imported(&owner, &url).await, "mp4");

    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).expect("writes to memory");
        encoder.finish().expect("writes to memory")
    };
    let packed = gzip(&files["list.m3u8"]);
    let said = source.serve("/crumbs/said.m3u8", hls(packed.clone()).header("content-encoding", "gzip"));
    let unsaid = source.serve("/crumbs/unsaid.m3u8", hls(packed));
    for url in [said, unsaid] {
        assert_is_whole(&imported(&owner, &url).await, "mp4");
    }
    let bomb = gzip(&[b"#EXTM3U\n".as_slice(), &vec![b'\n'; 64 << 20]].concat());
    let error = refused(&owner, &source.serve("/bomb", hls(bomb).header("content-encoding", "gzip"))).await;
    assert_eq!(error, "the playlist is too long");
    let film =
        Reply::bytes(gzip(b"a film")).header("content-encoding", "gzip").header("content-type", "video/mp4");
    let error = refused(&owner, &source.serve("/film.mp4", film)).await;
    assert!(error.contains("compressed body (gzip)"), "{error}");
    for coding in ["UTF-8", "base64", "binary", "aws-chunked", "identity"] {
        let film = Reply::bytes("a film").header("content-encoding", coding);
        let file: Value = imported(&owner, &source.serve("/plain.bin", film)).await;
        assert_eq!(owner.download(&file).await, "a film", "{coding}");
    }
}
