//! Media created by ffmpeg, once per test run.

use std::process::Command;
use std::sync::LazyLock;

use bytes::Bytes;

/// H.264 and AAC in MP4: 320 × 180, 25 frames per second, 2 s, with its index at the end.
pub static MP4: LazyLock<Bytes> = LazyLock::new(|| {
    ffmpeg(
        "mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -f lavfi -i sine=frequency=440:duration=2 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
    )
});

/// VP9 in WebM: 160 × 120, 10 frames per second, 1 s.
pub static WEBM: LazyLock<Bytes> = LazyLock::new(|| {
    ffmpeg(
        "webm",
        "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1 -c:v libvpx-vp9 -deadline realtime -cpu-used 8",
    )
});

/// MP3: 1 s.
pub static MP3: LazyLock<Bytes> =
    LazyLock::new(|| ffmpeg("mp3", "-f lavfi -i sine=frequency=440:duration=1 -c:a libmp3lame"));

/// WAV: 1 s.
pub static WAV: LazyLock<Bytes> =
    LazyLock::new(|| ffmpeg("wav", "-f lavfi -i sine=frequency=440:duration=1:sample_rate=48000"));

/// PNG: 64 × 48.
pub static PNG: LazyLock<Bytes> =
    LazyLock::new(|| ffmpeg("png", "-f lavfi -i testsrc2=size=64x48 -frames:v 1"));

/// AV1 in MP4: 160 × 120, 10 frames per second, 1 s.
pub static AV1: LazyLock<Bytes> = LazyLock::new(|| {
    ffmpeg("mp4", "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1 -c:v libaom-av1 -cpu-used 8")
});

/// AVIF: 64 × 48.
pub static AVIF: LazyLock<Bytes> = LazyLock::new(|| {
    ffmpeg("avif", "-f lavfi -i testsrc2=size=64x48 -frames:v 1 -c:v libaom-av1 -cpu-used 8 -still-picture 1")
});

/// Returns an MP4 that is cut before its index.
#[must_use]
pub fn truncated_mp4() -> Bytes {
    MP4.slice(..MP4.len() / 2)
}

/// Creates FLAC in Matroska, 1 s, with a comment of this many characters that hardly compress.
#[must_use]
pub fn commented(characters: usize) -> Bytes {
    let folder = tempfile::tempdir().expect("a folder");
    let tags = folder.path().join("tags");
    let comment = hex::encode(noise(characters / 2, 1));
    std::fs::write(&tags, format!(";FFMETADATA1\ncomment={comment}\n")).expect("a file");
    let arguments = "-f lavfi -i sine=duration=1 -f ffmetadata -i TAGS -map 0 -map_metadata 1 -c:a flac";
    ffmpeg("mka", &arguments.replace("TAGS", tags.to_str().expect("a readable path")))
}

/// Returns pseudo-random bytes that are no media.
#[must_use]
pub fn noise(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// Returns the SHA-256 in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

/// Returns size and checksum of each packet of a stream, such as `0:v:0`.
#[must_use]
pub fn packets(bytes: &[u8], stream: &str) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("a file");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i"]).arg(file.path());
    command.args(["-map", stream, "-c", "copy", "-f", "framemd5", "-"]);
    let printed = String::from_utf8(command.output().expect("ffmpeg runs").stdout).expect("text");
    let lines = printed.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(',').skip(4).take(2).collect::<String>()).collect()
}

/// Creates media with these arguments of ffmpeg. The same arguments create the same bytes.
///
/// # Panics
/// ffmpeg fails.
#[must_use]
pub fn ffmpeg(extension: &str, arguments: &str) -> Bytes {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("out.{extension}"));
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-threads", "1"])
        .args(arguments.split_whitespace())
        .args(["-bitexact", "-flags", "+bitexact"])
        .arg(&path)
        .output()
        .expect("ffmpeg (Debian's package ffmpeg)");
    assert!(output.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(path).expect("what ffmpeg wrote").into()
}

/// Returns silence as an MP3 with this many tags of different names. ffprobe compares each tag with all others.
#[must_use]
pub fn tagged_mp3(tags: usize) -> Vec<u8> {
    let syncsafe = |size: usize| [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f).to_le_bytes()[0]);
    let frame = |number: usize| {
        let content = format!("\x03{number}\0v");
        [&b"TXXX"[..], &syncsafe(content.len()), &[0, 0], content.as_bytes()].concat()
    };
    let frames: Vec<u8> = (0..tags).flat_map(frame).collect();
    let sound = [&b"\xff\xfb\x90\x64"[..], &[0; 413]].concat().repeat(100);
    [&b"ID3\x04\0\0"[..], &syncsafe(frames.len()), &frames, &sound].concat()
}
