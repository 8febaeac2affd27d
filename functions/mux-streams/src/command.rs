//! The two command lines that are run: one shows the inputs, the other joins them. Only the addresses, the container and the alignment
//! change.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use media_process::{Group, ProcessLimits};
use mux_protocol::{Container, MuxRefusal};
use tokio::process::Child;

use crate::alignment::Alignment;

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
    /// Opens the inputs and the streams to copy, shows them, and ends before the first packet. The output is not used.
    pub(crate) fn describing(&self, limits: &Limits) -> Vec<String> {
        let mut arguments = self.inputs("verbose", limits, Alignment::default());
        arguments.extend(["-t", "0", "-f", "mpegts", "pipe:1"].map(str::to_owned));
        arguments
    }

    /// The first picture of the first input and the first sound of the second, copied, without chapters.
    pub(crate) fn joining(&self, limits: &Limits, alignment: Alignment) -> Vec<String> {
        let mut arguments = self.inputs("error", limits, alignment);
        let mut add = |more: &[&str]| arguments.extend(more.iter().copied().map(str::to_owned));
        add(&["-xerror", "-map_chapters", "-1"]);
        if self.container == Container::Mp4 {
            // Without it, the muxer omits the boxes of Dolby Vision and of spherical pictures.
            add(&["-strict", "unofficial"]);
            if alignment.is_plain_hevc {
                add(&["-tag:v", "hvc1"]); // Apple's players refuse `hev1`, the muxer's default
            }
        }
        add(&["-f", muxer(self.container), "-flush_packets", "0"]);
        add(&["-protocol_whitelist", "ftp,tcp", "-ftp-write-seekable", "1", &self.output]);
        arguments
    }

    fn inputs(&self, verbosity: &str, limits: &Limits, alignment: Alignment) -> Vec<String> {
        let max_alloc = limits.max_alloc.to_string();
        let mut arguments = vec!["-v", verbosity, "-hide_banner", "-nostdin", "-nostats"];
        arguments.extend(["-max_alloc", &max_alloc]);
        let delays =
            [alignment.picture_delay, alignment.sound_delay].map(|delay| format!("{}us", delay.as_micros()));
        for (input, delay) in [&self.picture, &self.sound].into_iter().zip(&delays) {
            arguments.extend(["-protocol_whitelist", "http,tcp", "-format_whitelist", FORMATS]);
            arguments.extend(["-itsoffset", delay, "-i", input]);
        }
        arguments.extend(["-map", "0:v:0", "-map", "1:a:0", "-c", "copy"]);
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
    arguments: Vec<String>,
) -> io::Result<(Child, Group)> {
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

    fn job(container: Container) -> Job {
        let [picture, sound, output] = ["http://p", "http://s", "ftp://o"].map(str::to_owned);
        Job { picture, sound, container, output }
    }

    #[test]
    fn the_command_lines_are_fixed() {
        let (job, limits) = (job(Container::Webm), Limits::default());
        let line = job.joining(&limits, Alignment::default()).join(" ");
        assert!(line.contains("-itsoffset 0us -i http://p -protocol_whitelist http,tcp"), "{line}");
        assert!(line.ends_with("-protocol_whitelist ftp,tcp -ftp-write-seekable 1 ftp://o"), "{line}");
        assert!(line.contains("-map 0:v:0 -map 1:a:0 -c copy") && line.contains("-f webm"), "{line}");
        let line = job.describing(&limits).join(" ");
        assert!(line.contains("-map 0:v:0 -map 1:a:0 -c copy -t 0") && !line.contains("ftp"), "{line}");
    }

    #[test]
    fn delays_and_tags_are_those_of_the_alignment() {
        let sound_delay = Duration::from_millis(1_500);
        let hevc = Alignment { sound_delay, is_plain_hevc: true, ..Alignment::default() };
        let line = |container, alignment| job(container).joining(&Limits::default(), alignment).join(" ");
        let mp4 = line(Container::Mp4, hevc);
        assert!(
            mp4.contains("-itsoffset 1500000us -i http://s") && mp4.contains("-tag:v hvc1 -f mp4"),
            "{mp4}"
        );
        assert!(!line(Container::Mp4, Alignment::default()).contains("-tag"));
        assert!(!line(Container::Matroska, hevc).contains("-tag"));
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
