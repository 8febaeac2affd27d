//! Small files in many formats, made by ffmpeg.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

const PICTURE: &str = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=0.5";
const SOUND: &str = "-f lavfi -i sine=sample_rate=8000:duration=0.5";
const STILL: &str = "-f lavfi -i testsrc2=size=32x24 -frames:v 1";

/// Returns ffmpeg's arguments and the name of the file, for each sample.
fn recipes() -> Vec<(String, &'static str)> {
    let both = |codecs: &str| format!("{PICTURE} {SOUND} {codecs}");
    let sound = |codec: &str| format!("{SOUND} {codec}");
    let still = |codec: &str| format!("{STILL} {codec}");
    let h264 = "-c:v libx264 -preset ultrafast -c:a aac";
    vec![
        (both(h264), "end.mp4"),
        (both(&format!("{h264} -movflags +faststart")), "start.mp4"),
        (both(&format!("{h264} -movflags frag_keyframe+empty_moov")), "fragments.mp4"),
        (both("-c:v mpeg4 -c:a pcm_s16be -metadata title=x -timecode 00:00:00:00"), "timecode.mov"),
        (both(h264), "h264.mkv"),
        (both("-c:v libvpx -c:a libvorbis -deadline realtime"), "vp8.webm"),
        (both("-c:v mpeg4 -c:a libmp3lame -ar 22050"), "mpeg4.avi"),
        (both("-c:v flv -c:a libmp3lame -ar 22050"), "flv.flv"),
        (both(h264), "h264.ts"),
        (both("-r 25 -c:v mpeg2video -c:a mp2 -ar 44100"), "mpeg2.mpg"),
        (both("-r 25 -c:v mpeg2video -c:a pcm_s16le -ar 48000"), "mpeg2.mxf"),
        (both("-c:v wmv2 -c:a wmav2 -ar 44100"), "wmv.asf"),
        (both("-c:v libtheora -c:a libvorbis"), "theora.ogg"),
        (sound("-c:a libmp3lame -ar 22050 -metadata title=x"), "tone.mp3"),
        (sound("-c:a flac"), "tone.flac"),
        (sound("-c:a pcm_s16le"), "tone.wav"),
        (sound("-c:a aac"), "tone.aac"),
        (sound("-c:a ac3 -ar 44100"), "tone.ac3"),
        (sound("-c:a wavpack"), "tone.wv"),
        (sound("-c:a libopus -ar 48000"), "tone.opus"),
        (sound("-c:a alac"), "tone.m4a"),
        (sound("-c:a pcm_s16be"), "tone.aiff"),
        (sound("-c:a pcm_s16be"), "tone.caf"),
        (still("-c:v png"), "still.png"),
        (still("-c:v mjpeg -pix_fmt yuvj420p"), "still.jpg"),
        (still("-c:v libwebp"), "still.webp"),
        (still("-c:v tiff"), "still.tiff"),
        (still("-c:v bmp"), "still.bmp"),
        (format!("{PICTURE} -c:v gif"), "moving.gif"),
        (format!("{PICTURE} -c:v apng -f apng"), "moving.png"),
        (format!("{PICTURE} -c:v libx264 -preset ultrafast"), "raw.h264"),
    ]
}

/// Samples that ffmpeg cannot make.
const FIXTURES: [(&str, &[u8]); 4] = [
    ("grid.avif", include_bytes!("../probe/fixtures/grid.avif")),
    ("clap.avif", include_bytes!("../probe/fixtures/clap.avif")),
    ("plain.heic", include_bytes!("../probe/fixtures/plain.heic")),
    ("moving.webp", include_bytes!("../probe/fixtures/moving.webp")),
];

/// Returns the names and bytes of all samples.
pub(crate) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let folder = TempDir::new().unwrap();
    let make = |(arguments, name): (String, &'static str)| {
        let path = folder.path().join(name);
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-threads", "1", "-bitexact"])
            .args(arguments.split_whitespace())
            .arg(&path)
            .output()
            .expect("ffmpeg (Debian's package `ffmpeg`)");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        (name, fs::read(path).unwrap())
    };
    let fixtures = FIXTURES.map(|(name, bytes)| (name, bytes.to_vec()));
    recipes().into_iter().map(make).chain(fixtures).collect()
}
