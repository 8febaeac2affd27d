//! The one command line that is run; only its three addresses and the container change.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use media_process::{Group, ProcessLimits};
use mux_protocol::{Container, MuxRefusal};
use tokio::process::Child;

/// The demuxers of the layer. None of them opens another address or file. layers/ffmpeg/layer.toml builds the same.
pub(crate) const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,aac,ac3,eac3,ogg,mp3,flac,wav";

/// The limits of ffmpeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space in bytes. The index of an MP4 takes about 100 bytes for each frame.
    pub address_space: u64,
    /// The largest single allocation in bytes.
    pub max_alloc: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { address_space: 512 * 1024 * 1024, max_alloc: 256 * 1024 * 1024 }
    }
}

/// What ffmpeg reads and writes.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) picture: String,
    pub(crate) sound: String,
    pub(crate) container: Container,
    pub(crate) output: String,
}

impl Job {
    /// The first picture of the first input and the first sound of the second, copied, without chapters.
    fn arguments(&self, limits: &Limits) -> Vec<String> {
        let max_alloc = limits.max_alloc.to_string();
        let mut arguments = vec!["-v", "error", "-hide_banner", "-nostdin", "-nostats", "-xerror"];
        arguments.extend(["-max_alloc", &max_alloc]);
        for input in [&self.picture, &self.sound] {
            arguments.extend(["-protocol_whitelist", "http,tcp", "-format_whitelist", FORMATS, "-i", input]);
        }
        arguments.extend(["-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-map_chapters", "-1"]);
        arguments.extend(["-f", muxer(self.container), "-flush_packets", "0"]);
        arguments.extend(["-protocol_whitelist", "ftp,tcp", "-ftp-write-seekable", "1", &self.output]);
        arguments.into_iter().map(str::to_owned).collect()
    }
}

fn muxer(container: Container) -> &'static str {
    match container {
        Container::Mp4 => "mp4",
        Container::Webm => "webm",
        Container::Matroska => "matroska",
    }
}

/// Starts ffmpeg within limits, with `time` as the limit of its processor time.
pub(crate) fn spawn(
    program: &Path,
    limits: &Limits,
    time: Duration,
    job: &Job,
) -> io::Result<(Child, Group)> {
    let arguments = job.arguments(limits);
    let limits = ProcessLimits { address_space: limits.address_space, cpu: time, threads: true };
    media_process::spawn(program, arguments, Stdio::null(), &limits)
}

/// Returns why ffmpeg failed, from how it ended and what it printed; `None` if it succeeded.
pub(crate) fn refusal(
    status: ExitStatus,
    errors: &str,
    limits: &Limits,
    time: Duration,
) -> Option<MuxRefusal> {
    let has = |words: &[&str]| words.iter().any(|word| errors.contains(word));
    if status.success() {
        return None;
    }
    Some(if media_process::exceeded_cpu(status) {
        MuxRefusal::Time { seconds: time.as_secs() }
    } else if has(&["Cannot allocate memory"]) {
        MuxRefusal::Memory { megabytes: limits.address_space / 1_000_000 }
    } else if has(&["'0:v:0' for option 'map'"]) {
        MuxRefusal::NoPicture
    } else if has(&["'1:a:0' for option 'map'"]) {
        MuxRefusal::NoSound
    } else if has(&[
        "codec not currently supported in container",
        "are supported for WebM",
        "Could not write header",
    ]) {
        MuxRefusal::Container
    } else {
        MuxRefusal::Unreadable
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn the_command_line_is_fixed() {
        let [picture, sound, output] = ["http://p", "http://s", "ftp://o"].map(str::to_owned);
        let job = Job { picture, sound, container: Container::Webm, output };
        let line = job.arguments(&Limits::default()).join(" ");
        assert!(line.contains("-i http://p -protocol_whitelist http,tcp"), "{line}");
        assert!(line.ends_with("-protocol_whitelist ftp,tcp -ftp-write-seekable 1 ftp://o"), "{line}");
        assert!(line.contains("-map 0:v:0 -map 1:a:0 -c copy") && line.contains("-f webm"), "{line}");
    }

    #[test]
    fn failures_have_their_reason() {
        let ended = |status, errors| {
            refusal(ExitStatus::from_raw(status), errors, &Limits::default(), Duration::from_secs(7))
        };
        for (errors, expected) in [
            ("Failed to set value '0:v:0' for option 'map': Invalid argument", MuxRefusal::NoPicture),
            ("Failed to set value '1:a:0' for option 'map': Invalid argument", MuxRefusal::NoSound),
            (
                "[mp4 @ 0x1] Could not find tag for codec x in stream #0, codec not currently supported in container",
                MuxRefusal::Container,
            ),
            ("x: Cannot allocate memory", MuxRefusal::Memory { megabytes: 536 }),
            ("Error opening input: Invalid data found when processing input", MuxRefusal::Unreadable),
            ("", MuxRefusal::Unreadable),
        ] {
            assert_eq!(ended(256, errors), Some(expected), "{errors}");
        }
        assert_eq!(ended(0, "a warning"), None);
        assert_eq!(ended(9, ""), Some(MuxRefusal::Unreadable));
        assert_eq!(ended(24, ""), Some(MuxRefusal::Time { seconds: 7 }), "SIGXCPU");
    }
}
