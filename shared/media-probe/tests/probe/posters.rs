//! Posters that the layer's ffmpeg makes, compared with what Debian's ffmpeg shows.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use media_probe::{Ffprobe, Outcome, ProbeEnd};
use tempfile::TempDir;

use crate::formats::turned;
use crate::support::{Counted, ffmpeg, ffmpeg_in, ffprobe, program};

/// The layer's ffmpeg, which the build puts beside its ffprobe.
fn with_posters() -> Ffprobe {
    let ffprobe = ffprobe();
    let path = ffprobe.path.with_file_name("ffmpeg");
    assert!(path.is_file(), "no {}: `make build` makes it", path.display());
    Ffprobe { ffmpeg: Some(path), ..ffprobe }
}

pub(crate) async fn end(bytes: Vec<u8>) -> ProbeEnd {
    with_posters().probe(Counted::new(bytes)).await.expect("a probe of bytes in memory needs no retry")
}

pub(crate) async fn poster(bytes: Vec<u8>) -> Option<Vec<u8>> {
    end(bytes).await.poster
}

/// Pixels as Debian's ffmpeg decodes them.
pub(crate) struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    /// Decodes the picture of `bytes` that `filters` choose.
    pub(crate) fn of(bytes: &[u8], filters: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("in");
        std::fs::write(&path, bytes).unwrap();
        let output = Command::new(program("ffmpeg"))
            .args(["-v", "error", "-i"])
            .arg(&path)
            .args([
                "-vf",
                filters,
                "-frames:v",
                "1",
                "-f",
                "image2pipe",
                "-c:v",
                "ppm",
                "-pix_fmt",
                "rgb24",
                "pipe:1",
            ])
            .output()
            .unwrap();
        let ppm = output.stdout;
        let mut lines = ppm.splitn(4, |byte| *byte == b'\n');
        assert_eq!(lines.next(), Some(&b"P6"[..]), "{}", String::from_utf8_lossy(&output.stderr));
        let size = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
        let (width, height) = size.split_once(' ').unwrap();
        lines.next();
        let rgb = lines.next().unwrap().to_vec();
        Self { width: width.parse().unwrap(), height: height.parse().unwrap(), rgb }
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn mean(&self) -> f64 {
        self.rgb.iter().map(|byte| f64::from(*byte)).sum::<f64>() / self.rgb.len() as f64
    }

    /// Peak signal-to-noise ratio in decibels.
    pub(crate) fn psnr(&self, other: &Self) -> f64 {
        assert_eq!(self.size(), other.size());
        let differences = self.rgb.iter().zip(&other.rgb);
        let squares = differences.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>();
        10.0 * (255.0_f64.powi(2) / (squares / self.rgb.len() as f64)).log10()
    }
}

#[tokio::test]
async fn a_films_poster_is_the_key_frame_at_a_tenth_of_it() {
    for (extension, codec) in [
        ("mp4", "-c:v libx264 -pix_fmt yuv420p"),
        ("mp4", "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none"),
        ("webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
        ("mkv", "-c:v mpeg4 -q:v 2"),
        ("ts", "-c:v mpeg2video -q:v 2"),
        ("mov", "-c:v prores"),
    ] {
        let film = format!("-f lavfi -i testsrc2=size=960x540:rate=10:duration=4 -g 1 {codec}");
        let film = ffmpeg(extension, &film);
        let poster = poster(film.clone()).await.unwrap_or_else(|| panic!("{codec}: no poster"));
        let shown = Pixels::of(&poster, "null");
        assert_eq!(shown.size(), (640, 360), "{codec}");
        let exact = (3..=4).map(|frame| {
            let filters = format!("select=eq(n\\,{frame}),scale=640:360");
            shown.psnr(&Pixels::of(&film, &filters))
        });
        let best = exact.fold(0.0, f64::max);
        assert!(best > 28.0, "{codec}: {best:.1} dB");
    }
}

#[tokio::test]
async fn black_frames_are_skipped() {
    let film = ffmpeg(
        "mp4",
        "-f lavfi -i color=black:size=320x180:rate=10:duration=3 -f lavfi -i testsrc2=size=320x180:rate=10:duration=5 \
         -filter_complex [0:v][1:v]concat -g 10 -pix_fmt yuv420p",
    );
    let shown = Pixels::of(&poster(film).await.expect("a poster"), "null");
    assert!(shown.size() == (320, 180) && shown.mean() > 60.0, "{:?}, mean {}", shown.size(), shown.mean());
    let black = ffmpeg("mp4", "-f lavfi -i color=black:size=320x180:rate=10:duration=3 -pix_fmt yuv420p");
    let end = end(black).await;
    assert_eq!((end.poster, end.killed), (None, false));
    assert!(matches!(end.outcome, Outcome::Media(_)));
}

#[tokio::test]
async fn a_poster_is_turned_and_shaped_as_displayed() {
    let flat = ffmpeg("mp4", "-f lavfi -i testsrc2=size=1280x720:rate=5:duration=1 -pix_fmt yuv420p");
    let turned = turned(flat, [0, 1, -1, 0]);
    let shown = Pixels::of(&poster(turned.clone()).await.expect("a poster"), "null");
    assert_eq!(shown.size(), (360, 640));
    let exact = shown.psnr(&Pixels::of(&turned, "scale=360:640"));
    assert!(exact > 28.0, "{exact:.1} dB");
    let wide = ffmpeg(
        "mp4",
        "-f lavfi -i testsrc2=size=720x576:rate=5:duration=1 -vf setsar=64/45 -pix_fmt yuv420p",
    );
    assert_eq!(Pixels::of(&poster(wide).await.expect("a poster"), "null").size(), (640, 360));
}

#[tokio::test]
async fn pictures_and_covers_have_posters() {
    let picture =
        |size: &str, options: &str| format!("-f lavfi -i color=orange:size={size} -frames:v 1 {options}");
    for (extension, size, options, expected) in [
        ("png", "8x8", "-vf scale=1:1", (1, 1)),
        ("png", "20000x100", "", (640, 3)),
        ("jpg", "800x1200", "-q:v 2", (427, 640)),
        ("webp", "300x200", "-c:v libwebp", (300, 200)),
        ("gif", "640x480", "", (640, 480)),
        ("tiff", "1000x500", "", (640, 320)),
        ("bmp", "64x48", "", (64, 48)),
    ] {
        let shown = poster(ffmpeg(extension, &picture(size, options))).await;
        let shown = Pixels::of(&shown.unwrap_or_else(|| panic!("{extension}: no poster")), "null");
        assert_eq!(shown.size(), expected, "{extension}");
    }
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("cover.jpg"), ffmpeg("jpg", &picture("500x500", ""))).unwrap();
    for (extension, codec) in [("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac")] {
        let song = format!(
            "-f lavfi -i sine=duration=1 -i cover.jpg -map 0 -map 1 -c:a {codec} -c:v mjpeg -disposition:v attached_pic"
        );
        let end = end(ffmpeg_in(folder.path(), extension, &song)).await;
        let cover = end.poster.unwrap_or_else(|| panic!("{extension}: no poster, {:?}", end.outcome));
        assert_eq!(Pixels::of(&cover, "null").size(), (500, 500), "{extension}");
    }
}

#[tokio::test]
async fn what_has_no_picture_has_no_poster() {
    assert_eq!(poster(ffmpeg("wav", "-f lavfi -i sine=duration=1")).await, None);
    assert_eq!(poster(b"just a text\n".to_vec()).await, None);
    assert_eq!(poster(Vec::new()).await, None);
}

#[tokio::test]
async fn a_poster_of_a_large_film_reads_little_more() {
    let film = "-f lavfi -i testsrc2=size=640x480:rate=25:duration=40 -c:v mjpeg -q:v 1 -pix_fmt yuvj444p";
    let film = ffmpeg("mov", film);
    assert!(film.len() > 40_000_000, "{} bytes", film.len());
    let (without, with) = (Counted::new(film.clone()), Counted::new(film));
    ffprobe().probe(Arc::clone(&without)).await.unwrap();
    assert!(with_posters().probe(Arc::clone(&with)).await.unwrap().poster.is_some());
    let ((_, without), (_, with)) = (without.totals(), with.totals());
    assert!(with - without <= 4 * 1024 * 1024, "{without} bytes without a poster, {with} with it");
}

/// Returns a film that is red in its first half second and blue in the other twelve.
fn red_and_blue(folder: &Path, extension: &str, options: &str) -> Vec<u8> {
    if !folder.join("clip.mp4").is_file() {
        let part = |colour: &str, seconds: &str| {
            format!("-f lavfi -i color={colour}:size=640x360:rate=10:duration={seconds}")
        };
        let joined = "-filter_complex [0:v][1:v]concat,noise=alls=60:allf=t";
        let codec = "-c:v libx264 -preset ultrafast -g 5 -b:v 10M -pix_fmt yuv420p";
        let clip = format!("{} {} {joined} {codec}", part("red", "0.5"), part("blue", "12"));
        std::fs::write(folder.join("clip.mp4"), ffmpeg("mp4", &clip)).unwrap();
    }
    let film = ffmpeg_in(folder, extension, &format!("-i clip.mp4 -c copy {options}"));
    assert!(film.len() > 9_000_000, "{extension} {options}: {} bytes", film.len());
    film
}

/// Returns a Matroska file whose index has an unknown name.
fn without_cues(mut film: Vec<u8>) -> Vec<u8> {
    let places: Vec<_> = film
        .windows(4)
        .enumerate()
        .filter(|(_, word)| word == b"\x1c\x53\xbb\x6b")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(places.len(), 2, "in the list of elements, and the index");
    places.iter().for_each(|at| film[at + 3] += 1);
    film
}

#[tokio::test]
async fn a_film_without_an_index_is_searched_from_its_beginning() {
    let folder = TempDir::new().unwrap();
    let of = |extension: &str, options: &str| red_and_blue(folder.path(), extension, options);
    for (name, film, is_sought) in [
        ("MP4", of("mp4", ""), true),
        ("MP4, fragmented", of("mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof"), false),
        ("Matroska", of("mkv", ""), true),
        ("Matroska without an index", without_cues(of("mkv", "")), false),
        ("FLV", of("flv", "-flvflags add_keyframe_index"), true),
        ("FLV without an index", of("flv", ""), false),
        ("MPEG-TS", of("ts", ""), true),
        ("H.264", of("h264", ""), false),
    ] {
        let end = end(film).await;
        let shown = Pixels::of(&end.poster.unwrap_or_else(|| panic!("{name}: no poster")), "scale=1:1");
        assert_eq!(shown.rgb[2] > shown.rgb[0], is_sought, "{name}: {:?}", shown.rgb);
        assert!(!end.killed, "{name}");
    }
}

#[tokio::test]
async fn the_beginning_of_a_fragmented_film_may_be_black() {
    let film = ffmpeg(
        "mp4",
        "-f lavfi -i color=black:size=640x360:rate=10:duration=3 -f lavfi -i testsrc2=size=640x360:rate=10:duration=12,noise=alls=60:allf=t \
         -filter_complex [0:v][1:v]concat -g 10 -c:v libx264 -preset ultrafast -b:v 12M -pix_fmt yuv420p \
         -movflags +frag_keyframe+empty_moov+default_base_moof",
    );
    assert!(film.len() > 9_000_000, "{} bytes", film.len());
    let shown = Pixels::of(&poster(film).await.expect("a poster"), "null");
    assert!(shown.mean() > 60.0, "mean {}", shown.mean());
}

/// A program that stands in for ffmpeg.
fn stand_in(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("ffmpeg");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn an_ffmpeg_that_fails_leaves_the_facts() {
    let folder = TempDir::new().unwrap();
    let picture = ffmpeg("png", "-f lavfi -i color=orange:size=64x48 -frames:v 1");
    let facts = ffprobe().probe(Counted::new(picture.clone())).await.unwrap().outcome;
    for (script, killed) in [
        ("exit 1", false),
        ("exit 0", false),
        ("kill -SEGV $$", true),
        ("while :; do printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'; done", true),
    ] {
        let ffmpeg = Some(stand_in(folder.path(), script));
        let end = Ffprobe { ffmpeg, ..ffprobe() }.probe(Counted::new(picture.clone())).await.unwrap();
        assert_eq!((&end.outcome, end.killed, end.poster), (&facts, killed, None), "{script}");
    }
    let missing = Ffprobe { ffmpeg: Some("/nonexistent/ffmpeg".into()), ..ffprobe() };
    assert_eq!(missing.probe(Counted::new(picture)).await.unwrap().poster, None);
}
