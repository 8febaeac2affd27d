//! Tests of the bytes and reads that probes of large files take.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use media_facts::DurationSource;
use media_probe::{Media, Outcome, RangeSource};
use tempfile::TempDir;

use crate::large::{self, OnDisk};
use crate::support::{Counted, ffmpeg, ffmpeg_in, ffprobe};

const GIB: u64 = 1 << 30;

/// Returns two hours of video and audio: an index as large as a film's (over 4 MB), with little data.
fn long(extension: &str, options: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let clip = "-f lavfi -i color=size=32x32:rate=30:duration=60 -f lavfi -i sine=duration=60 \
        -c:v libx264 -preset ultrafast -c:a aac -b:a 16k";
    fs::write(folder.path().join("clip.mp4"), ffmpeg("mp4", clip)).unwrap();
    ffmpeg_in(folder.path(), extension, &format!("-stream_loop 119 -i clip.mp4 -c copy {options}"))
}

/// A few seconds of noise, which no codec compresses: the data rate of a large file.
const DENSE: &str = "-f lavfi -i testsrc2=size=640x360:rate=30:duration=6,noise=alls=60:allf=t -f lavfi -i sine=duration=6 \
    -c:v libx264 -preset ultrafast -crf 12 -c:a aac";

/// Returns an MP4 file whose media data has 1 GiB of zeros at its end. No offset in the index changes.
fn stretched(mut file: Vec<u8>) -> Arc<Counted> {
    let mut at = 0;
    while at < file.len() {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let end = at + usize::try_from(size).unwrap();
        if &file[at + 4..at + 8] == b"mdat" {
            let hole = u32::try_from(GIB).unwrap();
            file[at..at + 4].copy_from_slice(&(size + hole).to_be_bytes());
            let tail = file.split_off(end);
            return Counted::with_hole(file, GIB, tail);
        }
        at = end;
    }
    panic!("no mdat box");
}

async fn probe(source: &Arc<Counted>) -> Media {
    match ffprobe().probe(Arc::clone(source)).await.unwrap().outcome {
        Outcome::Media(media) => *media,
        Outcome::Unreadable(reason) => panic!("{reason}"),
    }
}

async fn assert_cheap(what: &str, source: Arc<Counted>, seconds: f64, most_reads: usize, most_bytes: u64) {
    let media = probe(&source).await;
    let (reads, bytes) = source.totals();
    println!("{what}: {reads} reads, {bytes} bytes {:?}", source.ranges());
    let duration = media.summary.duration.unwrap_or_default();
    assert!((duration - seconds).abs() < seconds / 200.0 + 0.2, "{what}: {duration} s");
    assert!(reads <= most_reads && bytes <= most_bytes, "{what}: {reads} reads, {bytes} bytes");
}

#[tokio::test]
async fn one_gib_mp4_with_its_index_at_the_end() {
    assert_cheap("long", stretched(long("mp4", "")), 7200.0, 8, 10_000_000).await;
    assert_cheap("dense", stretched(ffmpeg("mp4", DENSE)), 6.0, 8, 10_000_000).await;
}

#[tokio::test]
async fn one_gib_mp4_with_its_index_at_the_start() {
    let faststart = "-movflags +faststart";
    assert_cheap("long", stretched(long("mp4", faststart)), 7200.0, 8, 10_000_000).await;
    assert_cheap("dense", stretched(ffmpeg("mp4", &format!("{DENSE} {faststart}"))), 6.0, 8, 10_000_000)
        .await;
}

#[tokio::test]
async fn long_sound() {
    for extension in ["mp3", "wav", "flac", "m4a"] {
        let bytes = ffmpeg(extension, "-f lavfi -i sine=duration=600:sample_rate=44100");
        assert_cheap(extension, Counted::new(bytes), 600.0, 3, 500_000).await;
    }
}

#[tokio::test]
async fn matroska() {
    assert_cheap("mkv", Counted::new(long("mkv", "")), 7200.0, 4, 500_000).await;
}

#[tokio::test]
async fn no_byte_is_read_twice() {
    let source = Counted::new(long("mp4", ""));
    probe(&source).await;
    let mut ranges = source.ranges();
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{ranges:?}");
}

#[tokio::test]
async fn garbage_is_rejected_after_few_reads() {
    let source = Counted::with_hole(vec![0xA5; 300_000], GIB, Vec::new());
    let outcome = ffprobe().probe(Arc::clone(&source)).await.unwrap().outcome;
    assert!(matches!(outcome, Outcome::Unreadable(_)), "{outcome:?}");
    let (reads, bytes) = source.totals();
    assert!(reads <= 8 && bytes <= 10_000_000, "{reads} reads, {bytes} bytes");
}

/// The benchmark measures larger versions of the same files.
#[tokio::test]
async fn large_files_of_every_kind() {
    let folder = TempDir::new().unwrap();
    for large in large::make(folder.path(), 30, 3) {
        let source = Arc::new(OnDisk::open(&large.path, Duration::ZERO));
        let Outcome::Media(media) = ffprobe().probe(Arc::clone(&source)).await.unwrap().outcome else {
            panic!("{}: unreadable", large.name)
        };
        let (reads, bytes) = source.totals();
        println!("{}: {reads} reads, {bytes} bytes of {} {:?}", large.name, source.size(), source.ranges());
        let duration = media.summary.duration.unwrap_or_default();
        assert!(
            (duration / large.seconds - 1.0).abs() < 0.01,
            "{}: {duration} s, not {}",
            large.name,
            large.seconds
        );
        assert!(
            reads <= large.most_reads && bytes <= large.most_bytes,
            "{}: {reads} reads, {bytes} bytes",
            large.name
        );
        let derived = media.summary.duration_source == Some(DurationSource::Derived);
        assert_eq!(derived, large.name.contains("fragmented"), "{}: {:?}", large.name, media.summary);
        assert_eq!(media.full["format"]["size"], source.size().to_string(), "{}", large.name);
    }
}

#[tokio::test]
async fn the_derived_duration_of_a_fragmented_file_equals_that_of_ffprobe() {
    let arguments = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=21,noise=alls=60:allf=t -f lavfi -i sine=duration=22 \
        -c:v libx264 -preset ultrafast -g 25 -crf 18 -bf 2 -c:a aac";
    for flags in ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+separate_moof+skip_trailer"] {
        let bytes = ffmpeg("mp4", &format!("{arguments} -movflags {flags}"));
        assert!(bytes.len() > 9_000_000, "{} bytes", bytes.len());
        // An unknown box prevents the derivation: ffprobe visits every fragment.
        let visited = probe(&Counted::new([&bytes[..], b"\0\0\0\x10what????????"].concat())).await;
        assert_eq!(visited.summary.duration_source, Some(DurationSource::Stated), "{flags}");
        let source = Counted::new(bytes.clone());
        let derived = probe(&source).await;
        assert_eq!(derived.summary.duration_source, Some(DurationSource::Derived), "{flags}");
        let (one, other) = (visited.summary.duration.unwrap(), derived.summary.duration.unwrap());
        assert!((one - other).abs() < 0.1, "{flags}: {one} visited, {other} derived");
        assert_eq!((derived.summary.width, derived.summary.audio_codec.as_deref()), (Some(640), Some("aac")));
        for stream in [0, 1] {
            let of = |media: &Media| {
                media.full["streams"][stream]["duration"].as_str().unwrap().parse::<f64>().unwrap()
            };
            assert!((of(&visited) - of(&derived)).abs() < 0.1, "{flags}: {} {}", of(&visited), of(&derived));
        }
        // Recordings that were interrupted at any point.
        let cut = probe(&Counted::new(bytes[..bytes.len() - 200_000].to_vec())).await;
        assert!(cut.summary.duration.is_some_and(|seconds| seconds > 15.0), "{flags}: {:?}", cut.summary);
    }
}
