//! What a poster adds to a probe: time, reads and bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media_probe::Ffprobe;
use tokio::runtime::Runtime;

use crate::large::{self, Large, OnDisk};
use crate::{median_ms, support};

/// Most time that the poster of a file of 100 MB may add, in milliseconds.
const MAX_MS: f64 = 300.0;
/// Most bytes that the poster of an MP4 may add.
const MAX_BYTES: u64 = 4_000_000;
/// The kinds of video whose posters are measured, among the probed files.
const KINDS: [&str; 7] = [
    "MP4, index at the end",
    "MP4, index at the start",
    "MP4, fragmented, no index",
    "MPEG-TS",
    "Matroska",
    "WebM",
    "FLV, no index",
];

/// Prints a table. Returns the files that are not within their budgets.
pub(crate) fn table(folder: &Path, rounds: usize, runtime: &Runtime, files: &[Large]) -> Vec<String> {
    println!(
        "\n| file | without a poster, ms | with it, ms | added, ms | added, MB | added reads | +10 ms each, added ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let film = |file: &&Large| KINDS.contains(&file.name);
    let own = files.iter().filter(film).map(|file| (file.name.to_owned(), file.path.clone()));
    let large = [("end", ""), ("start", "-movflags +faststart")].map(|(place, options)| {
        let name = format!("gib-{place}.mp4");
        large::ffmpeg(folder, &format!("-stream_loop 106 -i clip.mp4 -c copy {options} {name}"));
        (format!("MP4 of 1 GiB, index at the {place}"), folder.join(name))
    });
    let rows = own.chain(large);
    rows.filter(|(name, path)| !row(rounds, runtime, name, path)).map(|(name, _)| name).collect()
}

fn row(rounds: usize, runtime: &Runtime, name: &str, path: &Path) -> bool {
    let ffprobe = support::ffprobe();
    let ffmpeg: PathBuf = ffprobe.path.with_file_name("ffmpeg");
    let with = Ffprobe { ffmpeg: Some(ffmpeg), ..ffprobe.clone() };
    let (mut times, mut used) = ([const { Vec::new() }; 4], [(0, 0); 2]);
    for _ in 0..rounds {
        for (index, (program, latency)) in [
            (&ffprobe, Duration::ZERO),
            (&with, Duration::ZERO),
            (&ffprobe, crate::LATENCY),
            (&with, crate::LATENCY),
        ]
        .into_iter()
        .enumerate()
        {
            let (time, totals) = probe(runtime, program, path, latency);
            times[index].push(time);
            used[index % 2] = totals;
        }
    }
    let [without, with, far_without, far] = times.map(median_ms);
    let [(reads, bytes), (all_reads, all_bytes)] = used;
    let (added, bytes) = (with - without, all_bytes - bytes);
    #[allow(clippy::cast_precision_loss, reason = "for a table")]
    let megabytes = bytes as f64 / 1e6;
    println!(
        "| {name} | {without:.1} | {with:.1} | {added:.1} | {megabytes:.2} | {} | {:.1} |",
        all_reads - reads,
        far - far_without
    );
    let is_small = bytes <= MAX_BYTES || !name.starts_with("MP4");
    // How far the server reads ahead of ffmpeg depends on the moment, so that few rounds say little of the bytes either.
    rounds < crate::ROUNDS || (is_small && added <= MAX_MS)
}

/// Probes a file, with a poster if the program makes them. Returns the time, and the reads and their bytes.
fn probe(runtime: &Runtime, program: &Ffprobe, path: &Path, latency: Duration) -> (Duration, (usize, u64)) {
    let source = Arc::new(OnDisk::open(path, latency));
    let started = Instant::now();
    let end = runtime.block_on(program.probe(Arc::clone(&source))).unwrap();
    let time = started.elapsed();
    assert_eq!(end.poster.is_some(), program.ffmpeg.is_some(), "{}", path.display());
    (time, source.totals())
}
