//! Typical large files, made quickly: a short clip of noise, which no codec compresses, repeated.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use media_probe::{RangeSource, ReadError};

use crate::support::program;

/// A large file, and the budget of its probe.
pub(crate) struct Large {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// Duration, exact to a hundredth.
    pub(crate) seconds: f64,
    pub(crate) most_bytes: u64,
    pub(crate) most_reads: usize,
}

const MB: u64 = 1_000_000;

/// Name, file, ffmpeg's arguments, most bytes, most reads. CLIP is 10 s at 8 Mbit/s, SOUND a minute at 320 kbit/s.
const FILES: [(&str, &str, &str, u64, usize); 11] = [
    ("MP4, index at the end", "end.mp4", "CLIP", 10 * MB, 8),
    ("MP4, index at the start", "start.mp4", "CLIP -movflags +faststart", 10 * MB, 8),
    (
        "MP4, fragmented, no index",
        "parts.mp4",
        "CLIP -movflags +frag_keyframe+empty_moov+default_base_moof+skip_trailer",
        40 * MB,
        30,
    ),
    ("MPEG-TS", "a.ts", "CLIP", 2 * MB, 8),
    ("Matroska", "a.mkv", "CLIP", MB / 2, 8),
    ("WebM", "a.webm", "WEB", MB / 2, 8),
    ("MP3 with header", "a.mp3", "SOUND", MB / 2, 8),
    ("FLAC", "a.flac", "NOISE", MB / 2, 8),
    ("WAV", "a.wav", "NOISE", MB / 2, 8),
    ("AVI", "a.avi", "CLIP", 2 * MB, 8),
    ("FLV, no index", "a.flv", "CLIP", 2 * MB, 8),
];

/// Makes the files in the folder: `seconds` of video at 1 MB per second, and `parts` times that for the fragmented one.
pub(crate) fn make(folder: &Path, seconds: u32, parts: u32) -> Vec<Large> {
    let pictures = "-f lavfi -i testsrc2=size=640x360:rate=30:duration=10,noise=alls=60:allf=t -f lavfi -i sine=duration=10";
    let rate = "-b:v 8M -maxrate 8M -bufsize 4M -pix_fmt yuv420p";
    ffmpeg(folder, &format!("{pictures} -c:v libx264 -preset ultrafast -g 60 {rate} -c:a aac clip.mp4"));
    ffmpeg(
        folder,
        &format!("{pictures} -c:v libvpx -deadline realtime -cpu-used 16 {rate} -c:a libopus clip.webm"),
    );
    ffmpeg(folder, "-f lavfi -i anoisesrc=duration=60 -b:a 320k sound.mp3");
    FILES.into_iter().map(|(name, file, arguments, most_bytes, most_reads)| {
        let seconds = if file == "parts.mp4" { seconds * parts } else { seconds };
        let again = |clip: &str, of: u32| format!("-stream_loop {} -i {clip} -c copy", seconds.div_ceil(of) - 1);
        // The audio file has as many bytes.
        let (minutes, noise) = (seconds.div_ceil(3) * 75, seconds * 6);
        let (first, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let (input, length) = match first {
            "CLIP" => (again("clip.mp4", 10), seconds.div_ceil(10) * 10),
            "WEB" => (again("clip.webm", 10), seconds.div_ceil(10) * 10),
            "SOUND" => {
                let times = minutes.div_ceil(60);
                (format!("-stream_loop {} -i sound.mp3 -c copy", times - 1), times * 60)
            }
            _ => (format!("-f lavfi -i anoisesrc=sample_rate=44100:duration={noise},aformat=channel_layouts=stereo"), noise),
        };
        ffmpeg(folder, &format!("{input} {rest} {file}"));
        Large { name, path: folder.join(file), seconds: f64::from(length), most_bytes, most_reads }
    }).collect()
}

pub(crate) fn ffmpeg(folder: &Path, arguments: &str) {
    let output = Command::new(program("ffmpeg"))
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A file that counts its reads and delays each one.
pub(crate) struct OnDisk {
    file: File,
    delay: Duration,
    reads: Mutex<Vec<(u64, u64)>>,
}

impl OnDisk {
    pub(crate) fn open(path: &Path, delay: Duration) -> Self {
        Self { file: File::open(path).unwrap(), delay, reads: Mutex::default() }
    }

    /// Returns the number of reads and their bytes.
    pub(crate) fn totals(&self) -> (usize, u64) {
        let reads = self.reads.lock().unwrap();
        (reads.len(), reads.iter().map(|(start, end)| end - start).sum())
    }

    pub(crate) fn ranges(&self) -> Vec<(u64, u64)> {
        self.reads.lock().unwrap().clone()
    }
}

impl RangeSource for OnDisk {
    fn size(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        self.reads.lock().unwrap().push((start, end));
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(end - start).unwrap());
        let mut file = &self.file; // seek and read are atomic, since nothing is awaited between them
        file.seek(SeekFrom::Start(start)).map_err(ReadError::new)?;
        file.take(end - start).read_to_end(&mut bytes).map_err(ReadError::new)?;
        Ok(bytes.into())
    }
}
