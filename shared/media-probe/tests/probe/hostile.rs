//! Tests of malicious, damaged and non-media files.

use std::fs;
use std::net::TcpListener;

use media_facts::MediaType;
use media_probe::Outcome;
use tempfile::TempDir;

use crate::support::{bare_ffprobe, ffmpeg, media, outcome, reason};

/// A listener that no probe may reach. It represents other servers on the loopback interface.
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

    /// Returns whether a client has connected.
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
async fn playlists_reach_no_other_address() {
    let canary = Canary::new();
    for (name, text) in playlists(&canary.url()) {
        let reason = reason(text.into_bytes()).await;
        assert!(!canary.hit(), "{name} reached another address");
        assert!(reason.starts_with("not a media file"), "{name}: {reason}");
    }
}

/// Checks that the test above can fail: with the protocol whitelist alone, ffprobe reaches the other address.
#[test]
fn playlists_reach_another_address_with_the_protocol_whitelist_alone() {
    let canary = Canary::new();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("list.m3u8");
    fs::write(&path, &playlists(&canary.url())[0].1).unwrap();
    let listener = canary.0.try_clone().unwrap();
    listener.set_nonblocking(false).unwrap();
    // Accepts the first connection and closes it.
    let caller = std::thread::spawn(move || listener.accept().map(|_| ()).is_ok());
    bare_ffprobe(&["-v", "quiet", "-protocol_whitelist", "file,http,tcp", "-i", path.to_str().unwrap()]);
    // Unblocks the listener if ffprobe did not connect.
    let own = std::net::TcpStream::connect(canary.0.local_addr().unwrap());
    assert!(caller.join().unwrap());
    canary.0.set_nonblocking(true).unwrap();
    drop(own);
    assert!(canary.hit(), "ffprobe did not connect");
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
async fn an_empty_file_is_reported() {
    assert_eq!(reason(Vec::new()).await, "the file is empty");
}

const MP4: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -c:v libx264 -preset ultrafast";

#[tokio::test]
async fn an_mp4_truncated_before_its_index_is_unreadable() {
    let mut bytes = ffmpeg("mp4", MP4);
    bytes.truncate(bytes.len() / 2);
    let reason = reason(bytes).await;
    assert!(reason.contains("its index (moov) is missing"), "{reason}");
}

/// Complete files and segments that ffprobe does not read.
#[tokio::test]
async fn unsupported_files_are_named_by_their_kind() {
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
async fn an_mp4_truncated_after_its_index_is_described() {
    let mut bytes = ffmpeg("mp4", &format!("{MP4} -movflags +faststart"));
    bytes.truncate(bytes.len() * 3 / 4);
    let media = media(bytes).await;
    assert_eq!(
        (media.media_type, media.summary.width),
        (MediaType::Video, Some(320)),
        "the values of the index are still valid"
    );
}

#[tokio::test]
async fn a_file_truncated_anywhere_has_an_outcome() {
    let bytes = ffmpeg("mp4", &format!("{MP4} -movflags +faststart"));
    for tenth in 1..10 {
        // Readable or not, both are valid outcomes; a panic or a transient failure is not.
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
