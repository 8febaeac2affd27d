//! Tests of common formats.

use std::fs;

use media_facts::MediaType;
use media_probe::Media;
use tempfile::TempDir;

use crate::support::{ffmpeg, ffmpeg_in, media};

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2";
const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2";

fn assert_near(what: &str, found: Option<f64>, expected: f64, tolerance: f64) {
    assert!(
        found.is_some_and(|found| (found - expected).abs() <= tolerance),
        "{what}: {found:?}, not {expected}"
    );
}

fn assert_video(media: &Media, format: &str, video: &str, audio: Option<&str>) {
    let summary = &media.summary;
    assert_eq!(media.media_type, MediaType::Video);
    assert_eq!((summary.width, summary.height, summary.rotation), (Some(320), Some(180), None));
    assert_eq!(summary.format_name, format);
    assert_eq!(summary.video_codec.as_deref(), Some(video));
    assert_eq!(summary.audio_codec.as_deref(), audio);
    assert_near("duration", summary.duration, 2.0, 0.1);
    assert_near("frame rate", summary.frame_rate, 25.0, 0.01);
    assert!(summary.bit_rate.is_some_and(|rate| rate > 1000), "{summary:?}");
}

fn assert_audio(media: &Media, format: &str, codec: &str) {
    let summary = &media.summary;
    assert_eq!(media.media_type, MediaType::Audio);
    assert_eq!((summary.width, summary.height, summary.frame_rate), (None, None, None));
    assert_eq!((summary.video_codec.as_deref(), summary.audio_codec.as_deref()), (None, Some(codec)));
    assert_eq!(summary.format_name, format);
    assert_near("duration", summary.duration, 2.0, 0.1);
}

fn assert_still(media: &Media, format: &str, codec: &str) {
    let summary = &media.summary;
    assert_eq!(media.media_type, MediaType::Image);
    assert_eq!((summary.width, summary.height), (Some(320), Some(180)));
    assert_eq!((summary.duration, summary.frame_rate, summary.bit_rate), (None, None, None));
    assert_eq!((summary.format_name.as_str(), summary.video_codec.as_deref()), (format, Some(codec)));
}

#[tokio::test]
async fn h264_mp4() {
    let arguments =
        format!("{PICTURE} {SOUND} -c:v libx264 -preset ultrafast -c:a aac -metadata title=Ünïcode");
    let media = media(ffmpeg("mp4", &arguments)).await;
    assert_video(&media, "mov,mp4,m4a,3gp,3g2,mj2", "h264", Some("aac"));
    assert_eq!(media.full["streams"].as_array().unwrap().len(), 2);
    assert_eq!(media.full["format"]["tags"]["title"], "Ünïcode");
    assert!(media.full["format"].get("filename").is_none());
    assert!(!media.full.to_string().contains("127.0.0.1"));
}

#[tokio::test]
async fn vp9_webm() {
    let arguments = format!("{PICTURE} {SOUND} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus");
    assert_video(&media(ffmpeg("webm", &arguments)).await, "matroska,webm", "vp9", Some("opus"));
}

#[tokio::test]
async fn other_containers() {
    for (extension, format) in [("mkv", "matroska,webm"), ("ts", "mpegts"), ("avi", "avi"), ("flv", "flv")] {
        let arguments = format!("{PICTURE} {SOUND} -c:v libx264 -preset ultrafast -c:a aac");
        let media = media(ffmpeg(extension, &arguments)).await;
        assert_video(&media, format, "h264", Some("aac"));
    }
}

#[tokio::test]
async fn audio() {
    for (extension, codec) in [("mp3", "mp3"), ("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "vorbis")] {
        assert_audio(&media(ffmpeg(extension, SOUND)).await, extension, codec);
    }
}

#[tokio::test]
async fn stills() {
    let formats = [
        ("png", "png_pipe", "png"),
        ("jpg", "jpeg_pipe", "mjpeg"),
        ("webp", "webp_pipe", "webp"),
        ("bmp", "bmp_pipe", "bmp"),
        ("tiff", "tiff_pipe", "tiff"),
    ];
    for (extension, format, codec) in formats {
        let bytes = ffmpeg(extension, &format!("{PICTURE} -frames:v 1 -pix_fmt {}", pixels(extension)));
        assert_still(&media(bytes).await, format, codec);
    }
}

fn pixels(extension: &str) -> &'static str {
    match extension {
        "jpg" => "yuvj420p",
        "webp" => "yuv420p",
        "bmp" => "bgr24",
        _ => "rgb24",
    }
}

#[tokio::test]
async fn animated_and_still_gif() {
    let moving = media(ffmpeg("gif", PICTURE)).await;
    assert_eq!((moving.media_type, moving.summary.width), (MediaType::Image, Some(320)));
    assert_near("duration", moving.summary.duration, 2.0, 0.1);
    assert_near("frame rate", moving.summary.frame_rate, 25.0, 0.1);
    assert_still(&media(ffmpeg("gif", &format!("{PICTURE} -frames:v 1"))).await, "gif", "gif");
}

/// Writes the upper left of the display matrix into the header of an MP4's only track.
pub(crate) fn turned(mut file: Vec<u8>, matrix: [i32; 4]) -> Vec<u8> {
    let header = file.windows(4).position(|name| name == b"tkhd").expect("a track header") + 4;
    // ISO/IEC 14496-12, 8.3.2, version 0: the nine numbers a b u c d v x y w, of which a, b, c and d have 16 fractional bits.
    for (index, number) in [0, 1, 3, 4].into_iter().zip(matrix) {
        let at = header + 40 + index * 4;
        file[at..at + 4].copy_from_slice(&(number * 65536).to_be_bytes());
    }
    file
}

#[tokio::test]
async fn rotated_mp4() {
    let flat = ffmpeg("mp4", &format!("{PICTURE} -c:v libx264 -preset ultrafast"));
    let cases = [
        // The matrix of a phone held upright.
        ([0, 1, -1, 0], Some(90), (180, 320)),
        ([-1, 0, 0, -1], Some(180), (320, 180)),
        ([0, -1, 1, 0], Some(270), (180, 320)),
        ([1, 0, 0, 1], None, (320, 180)),
        // Flipped horizontally, and over the diagonal.
        ([-1, 0, 0, 1], None, (320, 180)),
        ([0, 1, 1, 0], Some(270), (180, 320)),
        // A degenerate matrix.
        ([0, 0, 0, 0], None, (320, 180)),
    ];
    for (matrix, clockwise, (width, height)) in cases {
        let summary = media(turned(flat.clone(), matrix)).await.summary;
        assert_eq!(summary.rotation, clockwise, "{matrix:?} {summary:?}");
        assert_eq!((summary.width, summary.height), (Some(width), Some(height)), "{matrix:?} {summary:?}");
    }
}

#[tokio::test]
async fn cover_art_is_not_video() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("cover.png"), ffmpeg("png", &format!("{PICTURE} -frames:v 1"))).unwrap();
    for (extension, codec) in [("flac", "flac"), ("mp3", "mp3")] {
        let arguments = format!("{SOUND} -i cover.png -map 0 -map 1 -c:v copy -disposition:v attached_pic");
        let media = media(ffmpeg_in(folder.path(), extension, &arguments)).await;
        assert_audio(&media, extension, codec);
        assert_eq!(media.full["streams"].as_array().unwrap().len(), 2, "the cover is there: {}", media.full);
    }
}

#[tokio::test]
async fn chapters() {
    let folder = TempDir::new().unwrap();
    let chapter = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One \"quoted\"\n";
    fs::write(folder.path().join("chapters.txt"), chapter).unwrap();
    let arguments = format!("{SOUND} -f ffmetadata -i chapters.txt -map_chapters 1 -map 0 -c:a aac");
    let media = media(ffmpeg_in(folder.path(), "m4a", &arguments)).await;
    assert_eq!(media.full["chapters"][0]["tags"]["title"], "One \"quoted\"");
}

#[tokio::test]
async fn two_probes_at_once() {
    let (sound, picture) = (ffmpeg("wav", SOUND), ffmpeg("png", &format!("{PICTURE} -frames:v 1")));
    let (sound, picture) = tokio::join!(media(sound), media(picture));
    assert_eq!((sound.media_type, picture.media_type), (MediaType::Audio, MediaType::Image));
}
