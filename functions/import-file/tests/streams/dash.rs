//! Imports of MPEG-DASH manifests, made by ffmpeg.

use files_domain::{File, FileState};
use safe_fetch::SourceUrl;

use super::Test;

pub(super) const MP4: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3.3 -f lavfi -i sine=duration=3.3 -c:v libx264 -preset ultrafast -g 25 \
                   -pix_fmt yuv420p -c:a aac film.mp4";
const WEBM: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3.3 -f lavfi -i sine=duration=3.3 -c:v libvpx-vp9 -deadline realtime \
                    -cpu-used 8 -g 25 -c:a libopus film.webm";

/// Returns size and checksum of each packet of a stream.
pub(super) async fn packets(input: &str, stream: &str) -> Vec<String> {
    // Not in this thread, which serves the URL.
    let mut ffmpeg = tokio::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", input, "-map", stream, "-c", "copy", "-f", "framemd5", "-"]);
    let printed = String::from_utf8(ffmpeg.output().await.expect("ffmpeg runs").stdout).expect("text");
    let lines = printed.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(',').skip(4).take(2).collect::<String>()).collect()
}

impl Test {
    /// Lets ffmpeg write a file in segments, with a manifest, and puts all of it on the site.
    pub(super) fn segment(&self, folder: &str, from: &str, arguments: &str) {
        let path = self.folder.path().join(folder);
        std::fs::create_dir(&path).expect("a folder");
        self.make(&format!("-i {from} -c copy {arguments}"));
        for entry in std::fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_str().expect("text");
            self.site.put(&format!("{folder}/{name}"), std::fs::read(&path).expect("a file"));
        }
    }

    /// Returns the packets of a stream in the segments that ffmpeg has written. Those of WebM lack the last packet of Opus.
    async fn served(&self, folder: &str, index: usize) -> Vec<String> {
        let path = self.folder.path().join(folder);
        let entries =
            std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> =
            entries.filter(|path| path.to_string_lossy().contains(&format!("stream{index}"))).collect();
        files.sort_by_key(|path| (path.to_string_lossy().contains("chunk-"), path.clone()));
        let bytes =
            files.iter().map(|path| std::fs::read(path).expect("a segment")).collect::<Vec<_>>().concat();
        let all = self.folder.path().join("served");
        std::fs::write(&all, bytes).expect("a file");
        packets(all.to_str().expect("text"), "0").await
    }

    fn put_manifest(&self, name: &str, representation: &str) {
        let manifest = format!(
            "<MPD mediaPresentationDuration='PT3.3S'><Period><AdaptationSet mimeType='video/mp4' codecs='avc1.64001f,mp4a.40.2'>\
             <Representation id='w' bandwidth='9'>{representation}</Representation></AdaptationSet></Period></MPD>"
        );
        self.site.put(name, manifest.into_bytes());
    }

    /// Imports a manifest, which must succeed.
    pub(super) async fn imported(&self, name: &str) -> File {
        let file = self.queued_from(name).await;
        assert!(self.run().await);
        let state = self.state(&file).await;
        assert!(matches!(state, FileState::Probing(_)), "{name}: {state:?}");
        self.assert_nothing_temporary(&file).await;
        self.app.find(&file).await.expect("the record")
    }

    /// Imports a manifest, which must fail, and returns the error.
    pub(super) async fn refused(&self, name: &str) -> String {
        let file = self.queued_from(name).await;
        assert!(self.run().await);
        self.assert_nothing_temporary(&file).await;
        self.failure(&file).await
    }

    /// Returns the bytes of the imported object.
    pub(super) async fn bytes(&self, file: &File) -> Vec<u8> {
        let import = self.handler();
        let url = SourceUrl::parse(&self.object(file).await, &import.allowed).expect("a URL");
        let mut source = import.client.get(&url).await.expect("a response");
        source.text(100_000_000).await.expect("the bytes")
    }
}

#[tokio::test]
async fn segments_of_every_kind_are_joined_packet_by_packet() {
    let test = Test::new().await;
    test.make(MP4);
    test.make(WEBM);
    let (webm, webm_ranges) = ("-dash_segment_type webm", "-single_file 1 -dash_segment_type webm");
    for (folder, from, arguments, content_type, codecs) in [
        ("numbers", "film.mp4", "-use_template 1 -use_timeline 0", "video/mp4", "h264 aac"),
        ("timeline", "film.mp4", "-use_template 1 -use_timeline 1", "video/mp4", "h264 aac"),
        ("list", "film.mp4", "-use_template 0 -use_timeline 0", "video/mp4", "h264 aac"),
        ("ranges", "film.mp4", "-single_file 1", "video/mp4", "h264 aac"),
        ("webm-timeline", "film.webm", webm, "video/webm", "vp9 opus"),
        ("webm-ranges", "film.webm", webm_ranges, "video/webm", "vp9 opus"),
    ] {
        test.segment(folder, from, &format!("-seg_duration 1 {arguments} -f dash {folder}/film.mpd"));
        let file = test.imported(&format!("{folder}/film.mpd")).await;
        assert_eq!(file.content_type.as_deref(), Some(content_type), "{folder}");
        assert_eq!(test.codecs(&file).await, codecs, "{folder}");
        let (joined, source) = (test.object(&file).await, test.folder.path().join(from));
        for (index, stream) in ["0:v:0", "0:a:0"].into_iter().enumerate() {
            let (found, expected) = (packets(&joined, stream).await, test.served(folder, index).await);
            // The ranges of its manifest omit that packet, which is at the end of the file.
            let omits =
                folder == "webm-ranges" && expected.starts_with(&found) && expected.len() == found.len() + 1;
            assert!(
                (found == expected || omits) && found.len() > 80,
                "{folder} {stream}: {}, not {}",
                found.len(),
                expected.len()
            );
            let source = packets(source.to_str().expect("text"), stream).await;
            assert!(
                source == found || (from == "film.webm" && source.starts_with(&found)),
                "{folder} {stream}"
            );
        }
    }
    assert_eq!(test.lambda.invocations(), ["mux-streams"; 6]);
}

#[tokio::test]
async fn a_representation_with_picture_and_sound_is_stored_as_it_is() {
    let test = Test::new().await;
    test.make(MP4);
    test.segment(
        "whole",
        "film.mp4",
        "-f hls -hls_time 1 -hls_segment_type fmp4 -hls_playlist_type vod whole/film.m3u8",
    );
    let template =
        "<SegmentTemplate duration='1' startNumber='0' initialization='init.mp4' media='film$Number$.m4s'/>";
    test.put_manifest("whole/film.mpd", template);
    let file = test.imported("whole/film.mpd").await;
    assert_eq!(file.content_type.as_deref(), Some("video/mp4"));
    let names = ["init.mp4", "film0.m4s", "film1.m4s", "film2.m4s", "film3.m4s"];
    let read = |name: &&str| std::fs::read(test.folder.path().join("whole").join(name)).expect("a segment");
    assert_eq!(test.bytes(&file).await, names.iter().map(read).collect::<Vec<_>>().concat());
    // One file, named by its URL: larger than what is read in one stream.
    let large =
        [std::fs::read(test.folder.path().join("film.mp4")).expect("a film"), vec![0; 17_000_000]].concat();
    test.site.put("whole/large.mp4", large.clone());
    test.put_manifest("whole/file.mpd", "<BaseURL>large.mp4</BaseURL><SegmentBase indexRange='0-1'/>");
    let file = test.imported("whole/file.mpd").await;
    assert!(test.bytes(&file).await == large, "other bytes");
    assert_eq!(test.lambda.invocations(), [""; 0]);
}

#[tokio::test]
async fn wrong_segments_are_never_stored() {
    let test = Test::new().await;
    test.make(MP4);
    test.segment(
        "bad",
        "film.mp4",
        "-f hls -hls_time 1 -hls_segment_type fmp4 -hls_playlist_type vod bad/film.m3u8",
    );
    test.site.put("bad/page.m4s", b"<html>Sign in</html>".to_vec());
    let init = std::fs::read(test.folder.path().join("bad/init.mp4")).expect("a section");
    test.site.put("bad/cut.mp4", init[..100].to_vec());
    let list = |init: &str, segments: &[&str]| {
        let urls: String = segments.iter().map(|name| format!("<SegmentURL media='{name}'/>")).collect();
        format!("<SegmentList>{init}{urls}</SegmentList>")
    };
    let init = |name: &str| format!("<Initialization sourceURL='{name}'/>");
    for (list, error) in [
        (list(&init("init.mp4"), &["film0.m4s", "gone.m4s"]), "segment 2 of 2"),
        (
            list(&init("init.mp4"), &["film0.m4s", "page.m4s"]),
            "segment 2 of the stream is a web page, not fragmented MP4",
        ),
        (list(&init("page.m4s"), &["film0.m4s", "film1.m4s"]), "the stream's initialisation is a web page"),
        (list(&init("cut.mp4"), &["film0.m4s", "film1.m4s"]), "no complete initialisation section"),
        (list(&init("film0.m4s"), &["film0.m4s", "film1.m4s"]), "no complete initialisation section"),
        (list(&init("init.mp4"), &["film0.m4s", "init.mp4"]), "cannot be joined"),
        (list(&init("none.mp4"), &["film0.m4s", "film1.m4s"]), "404"),
        (list("", &["film0.m4s", "film1.m4s"]), "no initialisation section"),
        (list("", &["film0.m4s"]), "no complete initialisation section"),
        (list(&init("http://169.254.169.254/i"), &["a", "b"]), "public address"),
        (list(&init("file:///etc/passwd"), &["a", "b"]), "http"),
        ("<SegmentTemplate duration='1' initialization='init.mp4' media='$Nr$'/>".to_owned(), "$Nr$"),
        ("<BaseURL>page.m4s</BaseURL>".to_owned(), "a page or a playlist"),
    ] {
        test.put_manifest("bad/film.mpd", &list);
        let found = test.refused("bad/film.mpd").await;
        assert!(found.contains(error), "{list}: {found}");
    }
    let protected = "<MPD mediaPresentationDuration='PT3S'><Period><AdaptationSet mimeType='video/mp4'><ContentProtection/>\
                     <Representation id='v'><BaseURL>init.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>";
    for (manifest, error) in
        [("<MPD type='dynamic'/>", "live"), (protected, "DRM"), ("<MPD><Period/><Period/></MPD>", "periods")]
    {
        test.site.put("bad/film.mpd", manifest.as_bytes().to_vec());
        let found = test.refused("bad/film.mpd").await;
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn a_last_segment_that_is_only_due_to_rounding_may_be_missing() {
    let test = Test::new().await;
    test.make(MP4);
    test.segment(
        "round",
        "film.mp4",
        "-f hls -hls_time 1 -hls_segment_type fmp4 -hls_playlist_type vod round/film.m3u8",
    );
    test.site.remove("round/film3.m4s");
    let template =
        "<SegmentTemplate duration='1' startNumber='0' initialization='init.mp4' media='film$Number$.m4s'/>";
    test.put_manifest("round/film.mpd", template);
    assert!(test.refused("round/film.mpd").await.contains("segment 4 of 4"), "it has 0.3 s");
    let template = "<SegmentTemplate timescale='1000' duration='1083' startNumber='0' initialization='init.mp4' media='film$Number$.m4s'/>";
    test.put_manifest("round/film.mpd", template);
    let file = test.imported("round/film.mpd").await;
    assert_eq!(test.bytes(&file).await.len() as u64, file.size.expect("a size"));
}

#[tokio::test]
async fn streams_in_segments_are_kept_for_a_later_run() {
    let test = Test::new().await;
    test.make(MP4);
    test.segment("late", "film.mp4", "-seg_duration 1 -f dash late/film.mpd");
    let file = test.queued_from("late/film.mpd").await;
    test.lambda.fail("mux-streams", 1);
    assert!(!test.run().await, "the message is delivered again");
    let FileState::Importing(import) = test.state(&file).await else { panic!("not importing") };
    assert_eq!(import.streams.expect("streams").stored.len(), 2);
    test.site.remove("late/film.mpd");
    test.run_again(&file).await;
    assert_eq!(test.codecs(&file).await, "h264 aac");
    test.assert_nothing_temporary(&file).await;
}
