//! Imports of HLS with a separate sound, as yt-dlp finds it in multivariant playlists: transport streams and packed AAC.

use serde_json::json;

use super::Test;
use super::bucket::packed;
use super::dash::packets;

const SPLIT: &str = "-c copy -muxdelay 0 -muxpreload 0 -avoid_negative_ts disabled";

impl Test {
    /// Makes a film whose picture starts later than its sound, takes both out of it, and shows them as playlists.
    fn show_hls(&self, sound: &str) {
        self.make("-itsoffset 2 -i picture.mp4 -i sound.m4a -map 0:v -map 1:a -c copy film.ts");
        self.make(&format!("-copyts -i film.ts -map 0:v {SPLIT} picture.ts"));
        self.make(&format!("-copyts -i film.ts -map 0:a {SPLIT} sound.ts"));
        self.make("-i film.ts -map 0:a -c copy sound.aac");
        let format = |name: &str, vcodec: &str, acodec: &str| json!({"url": self.site.url(&format!("{name}.m3u8")), "protocol": "m3u8_native", "ext": "mp4", "vcodec": vcodec, "acodec": acodec});
        let formats = [format("picture", "avc1", "none"), format(sound, "none", "mp4a")];
        self.show(json!({"best": null, "picture": 0, "sound": 1, "formats": formats}));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).expect("a sample")
    }

    /// Puts segments on the site, and their playlist.
    fn put_playlist(&self, name: &str, segments: &[&[u8]]) {
        let mut playlist = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n".to_owned();
        for (number, segment) in segments.iter().enumerate() {
            self.site.put(&format!("{name}-{number}"), segment.to_vec());
            playlist += &format!("#EXTINF:1,\n{name}-{number}\n");
        }
        self.site.put(&format!("{name}.m3u8"), (playlist + "#EXT-X-ENDLIST\n").into_bytes());
    }

    /// Puts a transport stream on the site in two segments.
    fn put_transport_stream(&self, name: &str) {
        let bytes = self.read(&format!("{name}.ts"));
        let (first, second) = bytes.split_at(bytes.len() / 188 / 2 * 188);
        self.put_playlist(name, &[first, second]);
    }
}

/// Returns the time of the first packets of picture and sound in seconds.
async fn starts(input: &str) -> [f64; 2] {
    let mut starts = [0.0; 2];
    for (start, stream) in starts.iter_mut().zip(["v:0", "a:0"]) {
        // Not in this thread, which serves the URL.
        let mut ffprobe = tokio::process::Command::new("ffprobe");
        ffprobe.args([
            "-v",
            "error",
            "-of",
            "csv=p=0",
            "-show_entries",
            "packet=pts_time",
            "-read_intervals",
            "%+#1",
        ]);
        ffprobe.args(["-select_streams", stream, input]);
        let printed = String::from_utf8(ffprobe.output().await.expect("ffprobe runs").stdout).expect("text");
        let first = printed.split([',', '\n']).find(|text| !text.is_empty()).expect("a packet");
        *start = first.trim().parse().expect("a time");
    }
    starts
}

async fn assert_film(test: &Test, joined: &str) {
    let film = test.folder.path().join("film.ts");
    let (before, now) = (starts(film.to_str().expect("text")).await, starts(joined).await);
    let moved = (before[0] - before[1]) - (now[0] - now[1]);
    assert!(moved.abs() < 0.02 && before[0] - before[1] > 1.9, "{before:?}, joined {now:?}");
    test.make("-i film.ts -c copy film.mp4"); // whose frames have lengths instead of start codes, as the joined ones
    let film = test.folder.path().join("film.mp4");
    for stream in ["0:v:0", "0:a:0"] {
        let expected = packets(film.to_str().expect("text"), stream).await;
        assert!(expected.len() > 40 && packets(joined, stream).await == expected, "{stream}");
    }
}

/// Imports the page, and asserts that the film is joined with its distance of picture and sound.
async fn assert_joined(test: &Test) {
    let file = test.queued().await;
    assert!(test.run().await);
    assert_eq!(test.codecs(&file).await, "h264 aac");
    assert_film(test, &test.object(&file).await).await;
    test.assert_nothing_temporary(&file).await;
}

#[tokio::test]
async fn transport_streams_are_joined_as_far_apart_as_they_were() {
    let test = Test::new().await;
    test.show_hls("sound");
    for name in ["picture", "sound"] {
        test.put_transport_stream(name);
    }
    assert_joined(&test).await;
}

#[tokio::test]
async fn packed_aac_starts_at_its_timestamp() {
    let test = Test::new().await;
    test.show_hls("packed");
    test.put_transport_stream("picture");
    let adts = test.read("sound.aac");
    let (first, second) = adts.split_at(packed::frame(&adts, 40));
    let start = starts(test.folder.path().join("film.ts").to_str().expect("text")).await[1];
    let second = packed::tagged(second, start + 40.0 * 1024.0 / 44_100.0);
    test.put_playlist("packed", &[&packed::tagged(first, start), &second]);
    assert_joined(&test).await;
}

#[tokio::test]
async fn segments_that_change_between_runs_are_never_mixed() {
    let test = Test::new().await;
    test.show_hls("sound");
    for name in ["picture", "sound"] {
        test.put_transport_stream(name);
    }
    let file = test.with_stored_picture("page").await;
    test.make("-i picture.mp4 -vf hue=h=90 -c:v libx264 -preset ultrafast -g 25 other.mp4");
    std::fs::rename(test.folder.path().join("other.mp4"), test.folder.path().join("picture.mp4"))
        .expect("a film");
    test.show_hls("sound");
    test.put_transport_stream("picture");
    assert!(test.run().await);
    assert_film(&test, &test.object(&file).await).await;
    test.assert_nothing_temporary(&file).await;
}
