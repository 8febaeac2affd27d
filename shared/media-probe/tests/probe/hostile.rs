//! Files that are no media, broken, or up to something.

use std::fs;
use std::net::TcpListener;

use media_facts::MediaType;
use media_probe::Outcome;
use tempfile::TempDir;

use crate::support::{bare_ffprobe, ffmpeg, media, outcome, reason};

/// A listener that must not be reached; it stands for whatever else answers on the loopback interface.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/x.ts", self.0.local_addr().unwrap())
    }

    /// A connection to a listener is there for `accept` as soon as the other side has connected.
    fn hit(&self) -> bool {
        self.0.accept().is_ok()
    }
}

fn playlists(url: &str) -> Vec<(&'static str, String)> {
    let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split_once('/')).map(|(port, _)| port).unwrap();
    vec![
        ("HLS", format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n")),
        ("HLS master", format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n")),
        ("ffconcat", format!("ffconcat version 1.0\nfile '{url}'\nduration 5\n")),
        (
            "SDP",
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} TCP/RTP/AVP 96\na=rtpmap:96 H264/90000\n"
            ),
        ),
        (
            "DASH",
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"static\" mediaPresentationDuration=\"PT10S\"><Period><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>"
            ),
        ),
        (
            "SVG",
            format!(
                "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"9\" height=\"9\"><image xlink:href=\"{url}\" width=\"9\" height=\"9\"/></svg>"
            ),
        ),
        ("RealText", format!("<window><br/><a href=\"{url}\">x</a></window>")),
        ("ASX", format!("<asx version=\"3.0\"><entry><ref href=\"{url}\"/></entry></asx>")),
    ]
}

#[tokio::test]
async fn playlists_reach_nothing() {
    let canary = Canary::new();
    for (name, text) in playlists(&canary.url()) {
        let reason = reason(text.into_bytes()).await;
        assert!(!canary.hit(), "{name} reached another address");
        assert!(reason.starts_with("not a media file"), "{name}: {reason}");
    }
}

/// Shows that the test above could fail: with the protocol list alone, ffprobe does reach the other address.
#[test]
fn the_canary_detects_ffprobe_with_the_protocol_list_alone() {
    let canary = Canary::new();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("list.m3u8");
    fs::write(&path, &playlists(&canary.url())[0].1).unwrap();
    let listener = canary.0.try_clone().unwrap();
    listener.set_nonblocking(false).unwrap();
    // The first to call is let in and hung up on; that is all it takes.
    let caller = std::thread::spawn(move || listener.accept().map(|_| ()).is_ok());
    bare_ffprobe(&["-v", "quiet", "-protocol_whitelist", "file,http,tcp", "-i", path.to_str().unwrap()]);
    // In case ffprobe did not call, this does, so that the test ends.
    let own = std::net::TcpStream::connect(canary.0.local_addr().unwrap());
    assert!(caller.join().unwrap());
    canary.0.set_nonblocking(true).unwrap();
    drop(own);
    assert!(canary.hit(), "ffprobe never came, only this test's own connection did");
}

#[tokio::test]
async fn text_and_noise() {
    let prose = "It was a dark and stormy night; the rain fell in torrents. ".repeat(200);
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    })
    .take(5000)
    .collect();
    let subtitles = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n".repeat(20);
    let files = [
        ("prose", prose.into_bytes()),
        ("one byte", vec![b'x']),
        ("zeros", vec![0; 100_000]),
        ("noise", noise),
        ("subtitles", subtitles.into_bytes()),
        ("JSON", b"{\"format\": {\"format_name\": \"mp4\"}}".to_vec()),
        ("zip", b"PK\x03\x04\x14\0\0\0\x08\0abcdefgh".to_vec()),
    ];
    for (name, bytes) in files {
        let reason = reason(bytes).await;
        assert!(
            reason.starts_with("not a media file") || reason.contains("ends too early"),
            "{name}: {reason}"
        );
    }
}

#[tokio::test]
async fn an_empty_file_says_so() {
    assert_eq!(reason(Vec::new()).await, "the file is empty");
}

const MP4: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -c:v libx264 -preset ultrafast";

#[tokio::test]
async fn an_mp4_cut_before_its_index() {
    let mut bytes = ffmpeg("mp4", MP4);
    bytes.truncate(bytes.len() / 2);
    let reason = reason(bytes).await;
    assert!(reason.contains("its index (moov) is missing"), "{reason}");
}

/// Whole files that ffprobe does not read, and parts that are whole by themselves.
#[tokio::test]
async fn what_is_whole_is_called_what_it_is() {
    let shapes = b"FWS\x08\x30\0\0\0\x78\0\x05\x5f\0\0\x0f\xa0\0\0\x0c\x01\0\x43\x02\xff\xff\xff\x40\0\0\0";
    let notes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0";
    let fragmented = ffmpeg("mp4", &format!("{MP4} -movflags +frag_keyframe+empty_moov+default_base_moof"));
    let first = fragmented.windows(4).position(|word| word == b"moof").unwrap() - 4;
    let picture = b"\0\0\0\x14ftypmif1\0\0\0\0heic\0\0\0\x0cmeta\0\0\0\0";
    for (expected, bytes) in [
        ("a Flash file", &shapes[..]),
        ("not a media file: notes (MIDI)", notes),
        ("not a media file: a playlist", b"#EXTM3U\nsong.mp3\n"),
        ("not a media file: a vector graphic", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("not a media file: subtitles", b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"),
        ("a segment of a fragmented MP4", &fragmented[first..]),
        ("a picture (HEIF or AVIF)", picture),
    ] {
        let reason = reason(bytes.to_vec()).await;
        assert!(reason.starts_with(expected), "{expected}: {reason}");
    }
}

#[tokio::test]
async fn an_mp4_cut_after_its_index() {
    let mut bytes = ffmpeg("mp4", &format!("{MP4} -movflags +faststart"));
    bytes.truncate(bytes.len() * 3 / 4);
    let media = media(bytes).await;
    assert_eq!(
        (media.media_type, media.summary.width),
        (MediaType::Video, Some(320)),
        "what the index tells is still true"
    );
}

#[tokio::test]
async fn cut_anywhere_nothing_panics() {
    let bytes = ffmpeg("mp4", &format!("{MP4} -movflags +faststart"));
    for tenth in 1..10 {
        // Readable or not: either is an answer, a panic or an error worth a retry is not.
        let _: Outcome = outcome(bytes[..bytes.len() * tenth / 10].to_vec()).await;
    }
}

#[tokio::test]
async fn tags_stay_text() {
    let arguments = format!("{MP4} -metadata title=\"}},{{\"format\":\\u0000$(id)`id`;--\n");
    let bytes = ffmpeg("mkv", &arguments.replace(' ', "\n"));
    let media = media(bytes).await;
    let title = media.full["format"]["tags"]["title"].as_str().unwrap();
    assert!(title.contains("$(id)`id`") && title.contains("\"format\""), "{title}");
}
