//! Picture and sound of a joined file are as far apart as in the film from which they were taken, and the file starts at 0.

mod bucket;
mod support;

use mux_protocol::Container;
use support::{Test, ffmpeg, shown};

/// Half a frame.
const EXACT: f64 = 0.02;
const SPLIT: &str = "-c copy -muxdelay 0 -muxpreload 0 -avoid_negative_ts disabled";
const FRAGMENTS: &str = "-c copy -movflags frag_keyframe+empty_moov+default_base_moof";

impl Test {
    /// A test with `source.mp4`, a picture with B-frames and a sound of 6 s.
    async fn with_film() -> Self {
        let test = Self::new().await;
        test.make(
            "-f lavfi -i testsrc2=size=320x180:rate=25:duration=6 -f lavfi -i sine=duration=6 -c:v libx264 -preset ultrafast -g 25 -bf 2 \
             -pix_fmt yuv420p -c:a aac source.mp4",
        );
        test
    }

    /// Makes `film.ts`, whose picture and sound start later by some seconds, and takes `picture.ts` and `sound.ts` out of it.
    fn split(&self, source: &str, [picture, sound]: [u32; 2], more: &str) {
        self.make(&format!(
            "-itsoffset {picture} -i {source} -itsoffset {sound} -i {source} -map 0:v -map 1:a -c copy{more} film.ts"
        ));
        self.make(&format!("-copyts -i film.ts -map 0:v {SPLIT} picture.ts"));
        self.make(&format!("-copyts -i film.ts -map 0:a {SPLIT} sound.ts"));
    }

    /// Returns the times of all packets of the first picture or sound of a file in seconds.
    fn times(&self, file: &str, kind: &str) -> Vec<f64> {
        let entries = format!("packet=pts_time -select_streams {kind}:0");
        let lines = shown(self.path(), &entries, file);
        let times = lines.iter().filter_map(|line| line.split(',').next().filter(|text| !text.is_empty()));
        times.map(|text| text.parse().expect("a time")).collect()
    }

    fn start(&self, kind: &str) -> f64 {
        self.times("joined", kind).into_iter().fold(f64::INFINITY, f64::min)
    }

    /// Every packet of `joined` is later or earlier by the same time as in the sources of its picture and of its sound.
    fn assert_in_sync(&self, [picture, sound]: [&str; 2], what: &str) {
        let mut moved = Vec::new();
        for (file, kind) in [(picture, "v"), (sound, "a")] {
            let (before, now) = (self.times(file, kind), self.times("joined", kind));
            assert!(before.len() == now.len() && now.len() > 100, "{what}: {} packets", now.len());
            moved.extend(before.iter().zip(now).map(|(before, now)| now - before));
        }
        let (least, most) =
            moved.iter().fold((f64::MAX, f64::MIN), |(least, most), by| (least.min(*by), most.max(*by)));
        assert!(most - least < EXACT, "{what}: moved by {least} to {most}");
        self.assert_starts_at_zero(what);
    }

    fn assert_starts_at_zero(&self, what: &str) {
        let start: f64 = shown(self.path(), "format=start_time", "joined")[0].parse().expect("a time");
        assert!(start.abs() < EXACT, "{what}: starts at {start}");
    }

    /// Returns when the black picture and the silence end.
    fn flash_and_beep(&self, file: &str) -> [f64; 2] {
        let printed = ffmpeg(
            self.path(),
            &format!(
                "-i {file} -map 0:v:0 -map 0:a:0 -vf blackdetect=d=0.5,metadata=print:file=- \
                 -af silencedetect=d=0.5,ametadata=print:file=- -f null -"
            ),
        );
        ["lavfi.black_end=", "lavfi.silence_end="].map(|key| {
            let value = printed.lines().find_map(|line| line.strip_prefix(key));
            value.unwrap_or_else(|| panic!("{file}: {key}: {printed}")).parse().expect("a time")
        })
    }
}

#[tokio::test]
async fn transport_streams_keep_their_distance() {
    let test = Test::with_film().await;
    for (what, starts, more) in [
        ("together", [0, 0], ""),
        ("a late picture", [3, 0], ""),
        ("a late sound", [0, 3], ""),
        // The timestamps of 33 bits start again after 95,443.7 s: in the film, and between the starts.
        ("wrapping", [0, 0], " -output_ts_offset 95439"),
        ("wrapping apart", [3, 0], " -output_ts_offset 95441"),
    ] {
        test.split("source.mp4", starts, more);
        test.join_samples("picture.ts", "sound.ts", Container::Mp4).await;
        test.assert_in_sync(["film.ts", "film.ts"], what);
    }
}

#[tokio::test]
async fn a_flash_and_a_beep_stay_together() {
    let test = Test::new().await;
    test.make(
        "-f lavfi -i color=black:size=160x90:rate=25:duration=4,drawbox=color=white:t=fill:enable='gte(t,2)' \
         -f lavfi -i sine=duration=4,volume=0:enable='lt(t,2)' -c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p -c:a aac flash.mp4",
    );
    for starts in [[0, 0], [3, 0], [0, 3]] {
        test.split("flash.mp4", starts, "");
        test.join_samples("picture.ts", "sound.ts", Container::Mp4).await;
        let ([flash, beep], [found_flash, found_beep]) =
            (test.flash_and_beep("film.ts"), test.flash_and_beep("joined"));
        let (before, now) = (flash - beep, found_flash - found_beep);
        assert!((before - now).abs() < 0.04, "{starts:?}: {before} s apart before, {now} s after");
    }
}

/// Adds seconds to the decode times of all fragments of an MP4.
fn delay_fragments(test: &Test, name: &str, seconds: u64, timescale: u64) {
    let path = test.path().join(name);
    let mut bytes = std::fs::read(&path).expect("a sample");
    let found: Vec<_> =
        (0..bytes.len() - 16).filter(|at| bytes[*at..].starts_with(b"tfdt\x01\0\0\0")).collect();
    assert!(!found.is_empty(), "{name} has no fragments");
    for at in found {
        let time: &mut [u8; 8] = (&mut bytes[at + 8..at + 16]).try_into().expect("8 bytes");
        *time = (u64::from_be_bytes(*time) + seconds * timescale).to_be_bytes();
    }
    std::fs::write(path, bytes).expect("a file");
}

#[tokio::test]
async fn fragments_and_webm_keep_their_distance() {
    let test = Test::with_film().await;
    for [picture, sound] in [[0, 0], [1000, 1000], [1002, 1000], [1000, 1003]] {
        test.make(&format!("-i source.mp4 -map 0:v {FRAGMENTS} -video_track_timescale 12800 picture.mp4"));
        test.make(&format!("-i source.mp4 -map 0:a {FRAGMENTS} sound.mp4"));
        delay_fragments(&test, "picture.mp4", picture, 12_800);
        delay_fragments(&test, "sound.mp4", sound, 44_100);
        test.join_samples("picture.mp4", "sound.mp4", Container::Mp4).await;
        test.assert_in_sync(["picture.mp4", "sound.mp4"], &format!("{picture} and {sound}"));
    }
    test.make("-i source.mp4 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus source.webm");
    test.make("-itsoffset 2 -i source.webm -i source.webm -map 0:v -map 1:a -c copy film.webm");
    test.make("-copyts -i film.webm -map 0:v -c copy picture.webm");
    test.make("-copyts -i film.webm -map 0:a -c copy sound.webm");
    for container in [Container::Webm, Container::Mp4] {
        test.join_samples("picture.webm", "sound.webm", container).await;
        test.assert_in_sync(["film.webm", "film.webm"], container.extension());
    }
}

#[tokio::test]
async fn packed_audio_starts_at_its_timestamp() {
    let test = Test::with_film().await;
    for starts in [[0, 0], [3, 0], [0, 3]] {
        test.split("source.mp4", starts, "");
        test.make("-i film.ts -map 0:a -c copy sound.aac");
        let sound = std::fs::read(test.path().join("sound.aac")).expect("a sample");
        let packed = bucket::packed::tagged(&sound, test.times("film.ts", "a")[0]);
        std::fs::write(test.path().join("packed.aac"), packed).expect("a file");
        test.join_samples("picture.ts", "packed.aac", Container::Mp4).await;
        test.assert_in_sync(["film.ts", "film.ts"], &format!("{starts:?}"));
    }
}

#[tokio::test]
async fn unrelated_clocks_start_together() {
    let test = Test::with_film().await;
    test.split("source.mp4", [0, 3], "");
    test.make("-i film.ts -map 0:a -c copy sound.aac");
    test.join_samples("picture.ts", "sound.aac", Container::Mp4).await;
    assert!((test.start("v") - test.start("a")).abs() < EXACT);
    test.split("source.mp4", [15, 0], "");
    test.join_samples("picture.ts", "sound.ts", Container::Mp4).await;
    assert!((test.start("v") - test.start("a")).abs() < EXACT);
    test.assert_starts_at_zero("far apart");
}

/// ffmpeg takes the start of the file for that of the picture, unless another stream starts first.
#[tokio::test]
async fn a_picture_beside_another_sound_keeps_its_distance() {
    let test = Test::with_film().await;
    test.split("source.mp4", [2, 0], "");
    test.join_samples("film.ts", "sound.ts", Container::Mp4).await;
    test.assert_in_sync(["film.ts", "film.ts"], "a picture beside another sound");
}
