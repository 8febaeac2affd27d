//! Tests of ffprobe's arguments, environment and resource limits. The function's role limits its network and AWS access.

use media_probe::{Ffprobe, Limits, Outcome};

use crate::stand_in::Linked::{Dynamically, Statically};
use crate::stand_in::{StandIn, hex, outcome_of};
use crate::support::{Counted, ffmpeg, program};

/// Returns the content of the file at this path as the stand-in reads it, after its first read of the media file.
async fn content(path: &str) -> String {
    StandIn::new(Dynamically, &format!("read;cat {}", hex(path))).answer().await
}

#[tokio::test]
async fn the_environment_is_empty_and_the_folder_is_the_root() {
    assert_eq!(StandIn::new(Statically, "env").answer().await, "");
    // A relative path, which exists only from the root.
    assert!(content("proc/self/limits").await.contains("Max open files"));
}

#[tokio::test]
async fn the_arguments_are_fixed_but_for_port_token_and_depth() {
    let arguments = StandIn::new(Statically, "args").answer().await;
    let (fixed, url) = arguments.rsplit_once(' ').unwrap();
    assert!(
        fixed.starts_with("-v warning -hide_banner -protocol_whitelist http,tcp -format_whitelist mov,"),
        "{fixed}"
    );
    assert!(
        fixed.contains(" -max_alloc 134217728 -threads 1 -recv_buffer_size 16384 -probesize 230000 -formatprobesize 131072 "),
        "{fixed}"
    );
    assert!(fixed.ends_with(" -i"), "{fixed}");
    for refused in ["hls", "dash", "concat", "sdp", "image2", "lavfi", "srt", "svg_pipe"] {
        assert!(!fixed.split([' ', ',']).any(|format| format == refused), "{refused}");
    }
    let (port, token) = url.strip_prefix("http://127.0.0.1:").unwrap().split_once('/').unwrap();
    assert!(port.parse::<u16>().is_ok() && token.len() == 32 && !token.contains('.'), "{url}");
}

#[tokio::test]
async fn every_limit_applies_before_the_file_is_read() {
    let limits = content("/proc/self/limits").await;
    let soft_and_hard = |name: &str| -> Vec<String> {
        let line = limits.split('|').find(|line| line.starts_with(name)).unwrap_or_default();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect()
    };
    assert_eq!(soft_and_hard("Max address space"), ["805306368", "805306368"], "{limits}");
    assert_eq!(soft_and_hard("Max cpu time"), ["10", "11"], "{limits}");
    assert_eq!(soft_and_hard("Max open files"), ["64", "64"], "{limits}");
    for nothing in ["Max file size", "Max core file size", "Max processes"] {
        assert_eq!(soft_and_hard(nothing), ["0", "0"], "{limits}");
    }
}

#[tokio::test]
async fn a_later_run_has_less_processor_time() {
    // The warning of a low score causes runs at all depths. The result is that of the last one.
    let (warning, path) = (hex("detected only with low score"), hex("/proc/self/limits"));
    let script = format!("err {warning};read;cat {path}");
    let limits = StandIn::new(Statically, &script).answer().await;
    let line = limits.split('|').find(|line| line.starts_with("Max cpu time")).unwrap_or_default();
    let line: Vec<_> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(line, ["5", "6"], "{limits}");
}

#[tokio::test]
async fn a_file_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let file = hex([path.as_os_str().as_encoded_bytes(), b"\0"].concat());
    let create = format!("sys {} -100 &{file} {} 384", libc::SYS_openat, libc::O_WRONLY | libc::O_CREAT);
    let write = format!("sys {} $0 &00 1", libc::SYS_write);
    let outcome = outcome_of(&["read", &create, &write].join(";")).await;
    // SIGXFSZ ended the process.
    assert_eq!(outcome, Outcome::Unreadable("ffprobe crashed while reading the file".to_owned()));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn ffprobe_leads_its_own_process_group() {
    let stat = content("/proc/self/stat").await;
    let process = stat.split_once(' ').unwrap().0;
    let group = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap();
    assert_eq!(process, group, "{stat}");
}

#[tokio::test]
async fn the_system_s_ffprobe_works_too() {
    let ffprobe = Ffprobe { path: program("ffprobe"), limits: Limits::default(), ffmpeg: None };
    let clip = ffmpeg("mp4", "-f lavfi -i testsrc2=size=64x36:duration=1 -c:v libx264 -preset ultrafast");
    let outcome = ffprobe.probe(Counted::new(clip)).await.unwrap().outcome;
    let Outcome::Media(media) = outcome else { panic!("{outcome:?}") };
    assert_eq!((media.summary.width, media.summary.video_codec.as_deref()), (Some(64), Some("h264")));
}
