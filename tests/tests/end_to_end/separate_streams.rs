//! Imports of media whose picture and sound are separate, as most large sites send them: from pages, MPEG-DASH manifests and HLS
//! playlists, through the real yt-dlp and the layer's ffmpeg.

use std::process::Command;
use std::sync::LazyLock;

use bytes::Bytes;
use files_tests::media::{ffmpeg, packets};
use files_tests::{Cloud, Owner, Reply, SeparateStreams, SourceServer, skip_on_deployment};
use serde_json::json;

/// A picture in 1080p, a smaller one with sound, and a sound.
struct Media {
    picture: Bytes,
    whole: Bytes,
    sound: Bytes,
}

static MEDIA: LazyLock<Media> = LazyLock::new(|| Media {
    picture: ffmpeg(
        "mp4",
        "-f lavfi -i testsrc2=size=1920x1080:rate=25:duration=2 -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p",
    ),
    whole: ffmpeg(
        "mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=25:duration=2 -f lavfi -i sine=duration=2 -c:v libx264 -preset ultrafast \
         -pix_fmt yuv420p -c:a aac",
    ),
    // With the encoder's last packet no longer than 2 s, which is as exact as manifests of ffmpeg are.
    sound: ffmpeg("m4a", "-f lavfi -i sine=frequency=440:duration=1.95 -c:a aac"),
});

async fn site() -> SourceServer {
    let source = SourceServer::start().await;
    SeparateStreams::mp4(MEDIA.picture.clone(), MEDIA.sound.clone()).serve(&source, "");
    source.serve("/whole.mp4", Reply::bytes(MEDIA.whole.clone()).header("content-type", "video/mp4"));
    source
}

fn page(source: &SourceServer, path: &str, players: &str) -> String {
    let html = format!("<title>A film</title><video>{players}</video>");
    source.serve(path, Reply::bytes(html).header("content-type", "text/html"))
}

const DASH: &str = "<source src=\"/film.mpd\" type=\"application/dash+xml\">";

async fn assert_joined(owner: &Owner, url: &str, name: &str) {
    let file = owner.import(url).await;
    let file = owner.wait_until_success(&file).await;
    assert_eq!((&file["name"], &file["content_type"]), (&json!(name), &json!("video/mp4")));
    let probed = &file["ffprobe"];
    assert_eq!((&probed["width"], &probed["height"]), (&json!(1920), &json!(1080)), "{file:#}");
    let joined = owner.download(&file).await;
    assert_eq!(file["size"], json!(joined.len()));
    assert_eq!(packets(&joined, "0:v:0"), packets(&MEDIA.picture, "0:v:0"));
    assert_eq!(packets(&joined, "0:a:0"), packets(&MEDIA.sound, "0:a:0"));
}

/// The origin is kept in the record while the streams are fetched.
#[tokio::test]
async fn a_joined_file_has_the_subtitles_of_its_page() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    let signature = "x".repeat(500);
    let paths: Vec<_> = (0..40).map(|n| format!("/{n}.vtt?signature={signature}")).collect();
    let tracks: String = paths.iter().map(|path| format!("<track srclang=en src={path}>")).collect();
    let file = owner.import(&page(&source, "/subtitles", &format!("{DASH}{tracks}"))).await;
    let file = owner.wait_until_success(&file).await;
    assert_eq!(file["ffprobe"]["height"], 1080);
    let subtitles = file["origin"]["subtitles"].as_array().expect("a list");
    let listed: Vec<_> = subtitles.iter().map(|one| one["url"].clone()).collect();
    assert_eq!(listed, paths.iter().map(|path| json!(source.url(path))).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_with_separate_streams_is_imported_in_1080p_with_sound() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    assert_joined(&owner, &page(&source, "/watch", DASH), "A film.mp4").await;
    // A smaller format with both is not chosen.
    let both = format!("<source src=\"/whole.mp4\" type=\"video/mp4\" res=\"360\">{DASH}");
    assert_joined(&owner, &page(&source, "/both", &both), "A film.mp4").await;
    assert_eq!(source.requests("/whole.mp4"), 0);
    // The manifest itself is read in the same way.
    assert_joined(&owner, &source.url("/film.mpd"), "film.mp4").await;
    let usage = owner.get("/usage").await.expect(200).json();
    assert_eq!(usage["used"]["files"], 3, "{usage}");
}

#[tokio::test]
async fn a_preview_shows_both_streams() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    let preview = previewed(&owner, &page(&source, "/watch", DASH)).await;
    assert_eq!((&preview["name"], &preview["content_type"]), (&json!("A film.mp4"), &json!("video/mp4")));
    let formats = preview["formats"].as_array().expect("formats");
    assert_eq!(formats.iter().filter(|format| format["chosen"] == true).count(), 2, "{preview:#}");
}

#[tokio::test]
async fn a_sound_that_is_none_fails_by_name_or_gives_way_to_a_whole_format() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    source.serve("/sound.m4a", Reply::bytes("no sound at all").header("content-type", "audio/mp4"));
    let failed = owner.import(&page(&source, "/watch", DASH)).await;
    let failed = owner.wait_until_terminal(&failed).await;
    let error = failed["error"].as_str().expect("a reason");
    assert!(error.contains("separate streams") && error.contains("damaged"), "{error}");
    let both = format!("<source src=\"/whole.mp4\" type=\"video/mp4\" res=\"360\">{DASH}");
    let file = owner.import(&page(&source, "/both", &both)).await;
    let file = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&file).await, MEDIA.whole);
}

/// Serves a file as fragmented MP4 in one segment, with its playlist `/{name}.m3u8`.
fn serve_fragmented(source: &SourceServer, name: &str, bytes: &Bytes) {
    let file = tempfile::NamedTempFile::with_suffix(".mp4").expect("a file");
    std::fs::write(file.path(), bytes).expect("a file");
    let path = file.path().display();
    let options = "-c copy -movflags frag_keyframe+empty_moov+default_base_moof";
    let bytes = ffmpeg("mp4", &format!("-i {path} {options}"));
    let moov = bytes.windows(4).position(|four| four == b"moof").expect("a fragment") - 4;
    let rest = bytes.len() - moov;
    source.serve(&format!("/{name}-all.mp4"), Reply::bytes(bytes).with_ranges());
    let lines = format!(
        "#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n#EXT-X-MAP:URI=\"/{name}-all.mp4\",BYTERANGE=\"{moov}@0\"\n\
         #EXTINF:2,\n#EXT-X-BYTERANGE:{rest}@{moov}\n/{name}-all.mp4\n#EXT-X-ENDLIST\n"
    );
    serve_playlist(source, &format!("/{name}.m3u8"), &lines);
}

fn serve_playlist(source: &SourceServer, path: &str, lines: &str) -> String {
    let reply = Reply::bytes(format!("#EXTM3U\n{lines}")).header("content-type", "application/x-mpegurl");
    source.serve(path, reply)
}

async fn previewed(owner: &Owner, url: &str) -> serde_json::Value {
    let request = owner.request(reqwest::Method::POST, "/preview").header("content-type", "application/json");
    let request = request.body(json!({"file_url": url}).to_string());
    files_tests::Response::to(request).await.expect(200).json()
}

#[tokio::test]
async fn hls_with_a_separate_sound_is_imported() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    let other = ffmpeg("m4a", "-f lavfi -i sine=frequency=880:duration=1.95 -c:a aac");
    for (name, bytes) in
        [("picture", &MEDIA.picture), ("sound", &MEDIA.sound), ("other", &other), ("whole", &MEDIA.whole)]
    {
        serve_fragmented(&source, name, bytes);
    }
    let sound = |language: &str, more: &str, uri: &str| {
        format!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"{language}\",LANGUAGE=\"{language}\",{more}URI=\"{uri}.m3u8\"\n"
        )
    };
    let default = sound("en", "DEFAULT=YES,AUTOSELECT=YES,", "/sound");
    let languages = ["de", "fr", "es"].map(|language| sound(language, "AUTOSELECT=YES,", "/other")).concat();
    let picture = "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=1920x1080,AUDIO=\"a\"\n/picture.m3u8\n";
    let codecs = picture.replace("AUDIO", "CODECS=\"avc1.640028,mp4a.40.2\",AUDIO");
    let whole =
        "#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=640x360,CODECS=\"avc1.64001e,mp4a.40.2\"\n/whole.m3u8\n";
    for (name, lines) in [
        ("with-codecs", format!("{default}{codecs}")),
        ("without-codecs", format!("{default}{picture}")),
        ("languages", format!("{languages}{default}{picture}")),
        ("both", format!("{default}{whole}{picture}")),
    ] {
        let url = serve_playlist(&source, &format!("/{name}.m3u8"), &lines);
        let preview = previewed(&owner, &url).await;
        let expected = (json!(format!("{name}.mp4")), json!("video/mp4"), json!(null));
        assert_eq!(
            (preview["name"].clone(), preview["content_type"].clone(), preview["size"].clone()),
            expected
        );
        assert_joined(&owner, &url, &format!("{name}.mp4")).await;
    }
    assert_eq!(source.requests("/whole.m3u8") + source.requests("/other.m3u8"), 0);
    // The sound without a URI is in the variant.
    let own = default.replace(",URI=\"/sound.m3u8\"", "");
    let url = serve_playlist(
        &source,
        "/own.m3u8",
        &format!("{own}{}", whole.replace("CODECS", "AUDIO=\"a\",CODECS")),
    );
    let file = owner.wait_until_success(&owner.import(&url).await).await;
    assert_eq!((&file["ffprobe"]["height"], &file["ffprobe"]["audio_codec"]), (&json!(360), &json!("aac")));
    // Of a page too: its variant has no CODECS, and yt-dlp takes it for complete.
    let player = format!("<source src=\"{}\" type=\"application/x-mpegURL\">", source.url("/languages.m3u8"));
    let url = page(&source, "/hls", &player);
    let formats = previewed(&owner, &url).await["formats"].as_array().expect("formats").clone();
    assert_eq!(formats.iter().filter(|format| format["chosen"] == true).count(), 2, "{formats:#?}");
    assert_joined(&owner, &url, "A film.mp4").await;
}

/// Serves a multivariant playlist of a picture and a sound of one segment each.
fn hls_of_segments(source: &SourceServer, folder: &str, [picture, sound]: [&Bytes; 2]) -> String {
    for (name, bytes) in [("picture", picture), ("sound", sound)] {
        let segment = source.serve(&format!("/{folder}/{name}"), Reply::bytes(bytes.clone()));
        let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\n{segment}\n#EXT-X-ENDLIST\n");
        let playlist = Reply::bytes(playlist).header("content-type", "application/x-mpegurl");
        source.serve(&format!("/{folder}/{name}.m3u8"), playlist);
    }
    let master = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"sound.m3u8\"\n\
                  #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=1920x1080,CODECS=\"avc1.640028,mp4a.40.2\",AUDIO=\"a\"\npicture.m3u8\n";
    let master = Reply::bytes(master).header("content-type", "application/x-mpegurl");
    source.serve(&format!("/{folder}/film.m3u8"), master)
}

#[tokio::test]
async fn hls_in_transport_streams_and_packed_audio_is_imported() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copied = |bytes: &Bytes, extension: &str| {
        let path = folder.path().join("media");
        std::fs::write(&path, bytes).expect("a file");
        ffmpeg(extension, &format!("-i {} -c copy", path.display()))
    };
    let picture = copied(&MEDIA.picture, "ts");
    // An empty ID3 tag precedes packed audio.
    let adts = copied(&MEDIA.sound, "aac");
    let packed = Bytes::from([b"ID3\x04\0\0\0\0\0\0".as_slice(), &adts].concat());
    for (folder, sound) in [("streams", copied(&MEDIA.sound, "ts")), ("packed", packed)] {
        let file = owner.import(&hls_of_segments(&source, folder, [&picture, &sound])).await;
        let file = owner.wait_until_success(&file).await;
        assert_eq!((&file["name"], &file["content_type"]), (&json!("film.mp4"), &json!("video/mp4")));
        assert_eq!(file["ffprobe"]["height"], 1080, "{file:#}");
        let joined = owner.download(&file).await;
        assert_eq!(packets(&joined, "0:v:0").len(), packets(&MEDIA.picture, "0:v:0").len());
        assert_eq!(packets(&joined, "0:a:0"), packets(&MEDIA.sound, "0:a:0"), "{folder}");
    }
}

/// Lets ffmpeg write picture and sound in segments, and serves them with their manifest.
fn segmented(source: &SourceServer, folder: &str, arguments: &str) -> String {
    let path = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [("picture", &MEDIA.picture), ("sound", &MEDIA.sound)] {
        std::fs::write(path.path().join(name), bytes).expect("a file");
    }
    let mut command = Command::new("ffmpeg");
    command
        .args("-v error -nostdin -i picture -i sound -map 0:v -map 1:a -c copy -seg_duration 1".split(' '));
    command.args(arguments.split(' ')).args(["-f", "dash", "film.mpd"]).current_dir(path.path());
    assert!(command.status().expect("ffmpeg runs").success(), "{arguments}");
    for entry in std::fs::read_dir(path.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("text");
        let bytes = std::fs::read(entry.path()).expect("a file");
        source.serve(&format!("/{folder}/{name}"), Reply::bytes(bytes).with_ranges());
    }
    source.url(&format!("/{folder}/film.mpd"))
}

#[tokio::test]
async fn mpeg_dash_in_segments_is_imported() {
    skip_on_deployment!("reads web pages with this machine's Python");
    let owner = Cloud::shared().await.owner().await;
    let source = site().await;
    for (folder, arguments) in [
        ("template", "-use_template 1 -use_timeline 0"),
        ("timeline", "-use_timeline 1"),
        ("list", "-single_file 1"),
    ] {
        assert_joined(&owner, &segmented(&source, folder, arguments), "film.mp4").await;
    }
    // Of a page too, which yt-dlp reads.
    let player =
        format!("<source src=\"{}\" type=\"application/dash+xml\">", source.url("/timeline/film.mpd"));
    assert_joined(&owner, &page(&source, "/watch", &player), "A film.mp4").await;
    let both = format!("<source src=\"/whole.mp4\" type=\"video/mp4\" res=\"360\">{player}");
    assert_joined(&owner, &page(&source, "/both", &both), "A film.mp4").await;
    assert_eq!(source.requests("/whole.mp4"), 0);
    let preview = previewed(&owner, &source.url("/template/film.mpd")).await;
    assert_eq!((&preview["name"], &preview["content_type"]), (&json!("film.mp4"), &json!("video/mp4")));
    assert_eq!((&preview["kind"], &preview["size"]), (&json!("media"), &json!(null)));
}

#[tokio::test]
async fn mpeg_dash_that_cannot_be_read_in_full_is_refused_by_name() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let of = |set: &str| format!("<MPD mediaPresentationDuration=\"PT9S\"><Period>{set}</Period></MPD>");
    let template = |attributes: &str| {
        of(&format!(
            "<AdaptationSet mimeType=\"video/mp4\"><Representation id=\"v\"><SegmentTemplate {attributes}/></Representation></AdaptationSet>"
        ))
    };
    for (path, manifest, words) in [
        ("/live.mpd", "<MPD type=\"dynamic\"/>".to_owned(), "live streams cannot be imported"),
        ("/periods.mpd", "<MPD><Period/><Period/></MPD>".to_owned(), "several periods"),
        (
            "/text.mpd",
            of("<AdaptationSet mimeType=\"text/vtt\"><Representation/></AdaptationSet>"),
            "only subtitles",
        ),
        (
            "/many.mpd",
            template("timescale=\"99999\" duration=\"1\" media=\"$Number$\""),
            "more than 20,000 segments",
        ),
        ("/init.mpd", template("duration=\"1\" media=\"$Number$\""), "no initialisation section"),
        ("/name.mpd", template("duration=\"1\" media=\"$Nr$\""), "$Nr$"),
        ("/private.mpd", template("media=\"http://169.254.169.254/latest\""), "public address"),
    ] {
        let reply = Reply::bytes(manifest).header("content-type", "application/dash+xml");
        let failed = owner.import(&source.serve(path, reply)).await;
        let failed = owner.wait_until_terminal(&failed).await;
        let error = failed["error"].as_str().expect("a reason");
        assert!(error.contains(words), "{path}: {error}");
    }
}
