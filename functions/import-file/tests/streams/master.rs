//! Imports of multivariant playlists whose sound is separate, made by ffmpeg.

use files_domain::{File, FileState};
use serde_json::json;

use super::Test;
use super::dash::{MP4, packets};

const WHOLE: &str = "CODECS=\"avc1.42c00d,mp4a.40.2\"";

impl Test {
    /// Puts a film on the site: its picture and its sound in playlists of their own, another sound, and both in one. Their packets are
    /// those of the local files `film.mp4` and `other.m4a`.
    fn put_film(&self, segments: &str) {
        self.make(MP4);
        self.make("-f lavfi -i sine=frequency=880:duration=3.3 -c:a aac other.m4a");
        for (folder, from, map) in [
            ("picture", "film.mp4", "-map 0:v"),
            ("sound", "film.mp4", "-map 0:a"),
            ("other", "other.m4a", "-map 0:a"),
            ("whole", "film.mp4", "-map 0"),
        ] {
            let arguments =
                format!("{map} -f hls -hls_time 1 -hls_playlist_type vod {segments} {folder}/list.m3u8");
            self.segment(folder, from, &arguments);
        }
    }

    fn put_master(&self, name: &str, renditions: &[&str], variants: &[&str]) {
        let renditions: String = renditions
            .iter()
            .map(|attributes| format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",{attributes}\n"))
            .collect();
        let variants: String = variants
            .iter()
            .map(|attributes| format!("#EXT-X-STREAM-INF:BANDWIDTH=9,{attributes}\n"))
            .collect();
        self.site.put(name, format!("#EXTM3U\n{renditions}{variants}").into_bytes());
    }

    /// Asserts that a file has the picture of the film, and the sound of a local file.
    async fn assert_has(&self, file: &File, sound: &str) {
        let object = self.object(file).await;
        let local = |name: &str| self.folder.path().join(name).to_str().expect("text").to_owned();
        for (stream, from) in [("0:v:0", "film.mp4"), ("0:a:0", sound)] {
            let (found, expected) = (packets(&object, stream).await, packets(&local(from), stream).await);
            assert!(
                found == expected && found.len() > 80,
                "{stream}: {}, not {}",
                found.len(),
                expected.len()
            );
        }
    }
}

const SOUND: &str = "NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,URI=\"sound/list.m3u8\"";
const OTHER: &str = "NAME=\"de\",LANGUAGE=\"de\",AUTOSELECT=YES,URI=\"other/list.m3u8\"";
const PICTURE: &str = "AUDIO=\"a\",RESOLUTION=1920x1080\npicture/list.m3u8";

#[tokio::test]
async fn a_variant_without_codecs_is_joined_with_the_sound_that_players_choose() {
    let test = Test::new().await;
    test.put_film("-hls_segment_type fmp4");
    for (renditions, sound) in [
        (vec![SOUND], "film.mp4"),
        (vec![OTHER, SOUND], "film.mp4"),
        (vec![OTHER, "NAME=\"fr\",LANGUAGE=\"fr\",AUTOSELECT=YES,URI=\"sound/list.m3u8\""], "other.m4a"),
        (vec!["NAME=\"x\",URI=\"sound/list.m3u8\"", OTHER], "other.m4a"),
    ] {
        test.put_master("film.m3u8", &renditions, &[PICTURE]);
        let file = test.imported("film.m3u8").await;
        assert_eq!(file.content_type.as_deref(), Some("video/mp4"));
        test.assert_has(&file, sound).await;
    }
    assert_eq!(test.lambda.invocations(), ["mux-streams"; 4], "not resolve-url");
}

#[tokio::test]
async fn a_higher_picture_is_joined_and_at_equal_height_a_whole_variant_is_stored() {
    let test = Test::new().await;
    test.put_film("-hls_segment_type fmp4");
    let whole = |height: u32| format!("{WHOLE},RESOLUTION=1x{height}\nwhole/list.m3u8");
    let names = ["init.mp4", "list0.m4s", "list1.m4s", "list2.m4s", "list3.m4s"];
    let read = |name: &&str| std::fs::read(test.folder.path().join("whole").join(name)).expect("a segment");
    let stored = names.iter().map(read).collect::<Vec<_>>().concat();
    test.put_master("film.m3u8", &[SOUND], &[&whole(360), PICTURE]);
    test.assert_has(&test.imported("film.m3u8").await, "film.mp4").await;
    assert_eq!(test.lambda.invocations(), ["mux-streams"]);
    test.put_master("film.m3u8", &[SOUND], &[PICTURE, &whole(1080)]);
    assert_eq!(test.bytes(&test.imported("film.m3u8").await).await, stored);
    // The sound of the group is in the variant itself.
    test.put_master("film.m3u8", &["NAME=\"en\",DEFAULT=YES", OTHER], &["AUDIO=\"a\"\nwhole/list.m3u8"]);
    assert_eq!(test.bytes(&test.imported("film.m3u8").await).await, stored);
    assert_eq!(test.lambda.invocations(), ["mux-streams"]);
}

#[tokio::test]
async fn transport_streams_and_packed_audio_are_joined() {
    let test = Test::new().await;
    test.put_film("");
    let packed = "-map 0:a -f segment -segment_time 1 -segment_format adts -segment_list packed/list.m3u8 packed/%d.aac";
    test.segment("packed", "film.mp4", packed);
    for uri in ["sound/list.m3u8", "packed/list.m3u8"] {
        test.put_master("film.m3u8", &[&format!("NAME=\"en\",URI=\"{uri}\"")], &[PICTURE]);
        let file = test.imported("film.m3u8").await;
        assert_eq!(test.codecs(&file).await, "h264 aac", "{uri}");
        let (found, local) = (test.object(&file).await, test.folder.path().join("film.mp4"));
        let local = packets(local.to_str().expect("text"), "0:a:0").await;
        assert_eq!(packets(&found, "0:a:0").await, local, "{uri}");
    }
}

#[tokio::test]
async fn a_sound_that_cannot_be_read_is_an_error_by_name_or_gives_way_to_a_whole_variant() {
    let test = Test::new().await;
    test.put_film("-hls_segment_type fmp4");
    let media =
        |lines: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{lines}#EXTINF:1,\n/gone.ts\n").into_bytes();
    let ended = |lines: &str| [media(lines), b"#EXT-X-ENDLIST\n".to_vec()].concat();
    test.site.put("key.m3u8", ended("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n"));
    test.site.put("drm.m3u8", ended("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\",KEYFORMAT=\"x\"\n"));
    test.site.put("live.m3u8", media(""));
    test.site.put("lost.m3u8", ended(""));
    test.site.put("nested.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nsound/list.m3u8\n".to_vec());
    let whole = format!("{WHOLE},RESOLUTION=640x360\nwhole/list.m3u8");
    for (uri, error) in [
        ("key.m3u8", "encrypted"),
        ("drm.m3u8", "DRM"),
        ("live.m3u8", "live"),
        ("lost.m3u8", "404"),
        ("nested.m3u8", "another list of variants"),
        ("none.m3u8", "404"),
        ("http://169.254.169.254/s.m3u8", "public address"),
    ] {
        let rendition = format!("NAME=\"en\",URI=\"{uri}\"");
        test.put_master("film.m3u8", &[&rendition], &[PICTURE]);
        let found = test.refused("film.m3u8").await;
        assert!(found.contains(error), "{uri}: {found}");
        test.put_master("film.m3u8", &[&rendition], &[PICTURE, &whole]);
        let file = test.imported("film.m3u8").await;
        assert_eq!(test.codecs(&file).await, "h264 aac", "{uri}");
    }
    assert_eq!(test.lambda.invocations(), [""; 0]);
}

#[tokio::test]
async fn a_later_run_fetches_the_sound_of_the_same_choice() {
    let test = Test::new().await;
    test.put_film("-hls_segment_type fmp4");
    let segment = std::fs::read(test.folder.path().join("sound/list3.m4s")).expect("a segment");
    let variants = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"high\",NAME=\"1\",URI=\"sound/list.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"low\",NAME=\"2\",URI=\"other/list.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=1x1080,AUDIO=\"high\"\npicture/list.m3u8\n\
         #EXT-X-STREAM-INF:BANDWIDTH=5,RESOLUTION=1x720,AUDIO=\"low\"\npicture/list.m3u8\n";
    test.site.put("film.m3u8", variants.as_bytes().to_vec());
    test.site.remove("sound/list3.m4s");
    let file = test.queued_from("film.m3u8").await;
    test.lambda.fail("mux-streams", 1);
    let is_over = test.run().await;
    assert!(!is_over, "the message is delivered again: {:?}", test.state(&file).await);
    // As if the run had ended before it stored the sound. The first choice can be read again.
    test.site.put("sound/list3.m4s", segment);
    let (found, state) = test.app.find(&file).await.expect("the record").split();
    let FileState::Importing(mut import) = state else { panic!("not importing: {state:?}") };
    assert_eq!(import.streams.as_mut().expect("streams").stored.pop().map(|size| size > 0), Some(true));
    let (records, now) = (test.app.operator().records(), lambda_startup::now());
    records.release_import(&found.with_state(import), now, now).await.expect("the lease");
    test.send(&file, "film.m3u8").await;
    assert!(test.run().await);
    test.assert_has(&file, "other.m4a").await;
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn the_playlist_of_a_page_is_read_for_its_sound_and_gives_way_to_a_file() {
    let test = Test::new().await;
    test.put_film("-hls_segment_type fmp4");
    test.put_master("film.m3u8", &[OTHER, SOUND], &[PICTURE]);
    let film = std::fs::read(test.folder.path().join("film.mp4")).expect("a film");
    test.site.put("whole.mp4", film.clone());
    let format = |name: &str, protocol: &str, acodec: &str| json!({"url": test.site.url(name), "protocol": protocol, "ext": "mp4", "vcodec": "avc1", "acodec": acodec});
    let formats = [format("film.m3u8", "m3u8_native", "none"), format("whole.mp4", "http", "mp4a")];
    test.lambda.resolve_to(
        json!({"ok": true, "title": "A film", "formats": formats, "best": 1, "picture": null, "sound": null, "manifest": 0}),
    );
    test.assert_has(&test.imported("page").await, "film.mp4").await;
    // A page that names the first of several segments is not taken at its word.
    let segments =
        [format("picture/init.mp4", "http_dash_segments", "mp4a"), format("whole.mp4", "http", "mp4a")];
    let page = json!({"ok": true, "title": "A film", "formats": formats, "best": 1, "picture": null, "sound": null, "manifest": 0});
    test.lambda.resolve_to(json!({"ok": true, "title": "A film", "formats": segments, "best": 0}));
    assert!(test.bytes(&test.imported("page").await).await == film, "other bytes");
    test.lambda.resolve_to(page);
    // The picture is fetched, and the sound fails.
    test.site.remove("sound/list2.m4s");
    assert!(test.bytes(&test.imported("page").await).await == film, "other bytes");
    assert_eq!(
        test.lambda.invocations(),
        ["resolve-url", "mux-streams", "resolve-url", "resolve-url", "resolve-url"]
    );
}
