//! Reasons why a file could not be read, in plain words. They contain no text of the file.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::command::ProcessOutput;
use crate::parse;
use crate::reader::ExceededBudget;

pub(crate) const EMPTY: &str = "the file is empty";
pub(crate) const TOO_SLOW: &str = "reading the file took ffprobe longer than allowed";
pub(crate) const TOO_LONG: &str = "what ffprobe tells about the file is longer than allowed";
pub(crate) const NOT_MEDIA: &str = "not a media file that ffprobe can read";
const NOT_ALLOWED: &str = "not a media file: playlists, scripts and subtitles are not probed";
const NO_INDEX: &str = "the file ends too early or is damaged: its index (moov) is missing";
const ENDS_EARLY: &str = "the file ends too early";
const MEMORY: &str = "reading the file takes ffprobe more memory than allowed";
const CPU_TIME: &str = "reading the file takes ffprobe more processor time than allowed";
const CRASHED: &str = "ffprobe crashed while reading the file";
pub(crate) const UNKNOWN: &str = "ffprobe could not read the file";

const PLAYLIST: &str = "not a media file: a playlist, which is not probed";
const SUBTITLES: &str = "not a media file: subtitles";
const VECTORS: &str = "not a media file: a vector graphic (SVG)";
const NOTES: &str = "not a media file: notes (MIDI), not sound";
const FLASH: &str = "a Flash file without video or sound that ffprobe can read";
const SEGMENT: &str = "a segment of a fragmented MP4 (CMAF): its index (moov) is in another file";
const PICTURE: &str = "a picture (HEIF or AVIF) that ffprobe cannot read";
const ENCRYPTED: &str = "an encrypted MP4 (DRM) that ffprobe cannot read";

/// FFmpeg's `AVERROR_INVALIDDATA` and `AVERROR_EOF`, and a negative `errno`.
const INVALID_DATA: i64 = -1_094_995_529;
const END_OF_FILE: i64 = -541_478_725;
const OUT_OF_MEMORY: i64 = -12;

/// Maximum number of characters of ffprobe's errors in a log line.
const LOGGED: usize = 4000;

/// Returns the reason for an ffprobe that ended without describing the file.
pub(crate) fn of_end(printed: &ProcessOutput) -> &'static str {
    match printed.status.signal() {
        Some(_) if media_process::exceeded_cpu(printed.status) => return CPU_TIME,
        // The kernel sends SIGKILL at the hard limit of processor time, and when memory is exhausted.
        Some(signal) if signal == Signal::KILL.as_raw() => {
            return "ffprobe was stopped: it used more memory or processor time than allowed";
        }
        Some(_) => return CRASHED,
        None => {}
    }
    let says = |text: &str| printed.errors.contains(text);
    match parse::error_code(&printed.output) {
        _ if says("Format not on whitelist") => NOT_ALLOWED,
        Some(INVALID_DATA) if says("moov atom not found") => NO_INDEX,
        Some(INVALID_DATA) => NOT_MEDIA,
        Some(END_OF_FILE) => ENDS_EARLY,
        Some(OUT_OF_MEMORY) => MEMORY,
        _ => UNKNOWN,
    }
}

/// Returns whether ffprobe itself reported the reason, rather than being stopped.
pub(crate) fn is_open(reason: &str) -> bool {
    [NOT_MEDIA, NOT_ALLOWED, NO_INDEX, ENDS_EARLY, UNKNOWN].contains(&reason)
}

/// Returns a more specific reason by the kind of the file. A file that is not a container does not end too early.
pub(crate) fn by_kind(reason: &str, kind: Option<Kind>) -> &str {
    match kind {
        _ if !is_open(reason) => reason,
        Some(Kind::Segment) => SEGMENT,
        Some(Kind::Picture) => PICTURE,
        Some(Kind::Encrypted) => ENCRYPTED,
        Some(Kind::Container("swf")) => FLASH,
        Some(Kind::Type("image/svg+xml")) => VECTORS,
        Some(Kind::Type("audio/midi")) => NOTES,
        Some(Kind::Type(
            "application/vnd.apple.mpegurl"
            | "application/dash+xml"
            | "application/xspf+xml"
            | "application/smil+xml"
            | "application/vnd.ms-sstr+xml"
            | "application/x-scpls"
            | "application/x-ms-asx",
        )) => PLAYLIST,
        Some(Kind::Type(
            "application/x-subrip"
            | "text/vtt"
            | "text/x-ssa"
            | "text/x-microdvd"
            | "text/x-sbv"
            | "text/x-scc"
            | "application/x-ebu-stl"
            | "application/x-vobsub"
            | "application/x-sami"
            | "application/ttml+xml",
        )) => SUBTITLES,
        Some(Kind::Container(_)) => reason,
        Some(Kind::Type(_)) | None if reason == ENDS_EARLY => NOT_MEDIA,
        Some(Kind::Type(_)) | None => reason,
    }
}

/// The kind of a file that ffprobe did not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A container of ffprobe's, by its name.
    Container(&'static str),
    /// Another format, by its media type.
    Type(&'static str),
    /// MP4 fragments without a movie box.
    Segment,
    /// Items of an ISO base media file without a movie box.
    Picture,
    /// A movie with protected samples.
    Encrypted,
}

/// Returns the reason for an exceeded budget.
pub(crate) fn of_budget(exceeded: ExceededBudget) -> String {
    match exceeded {
        ExceededBudget::Bytes(bytes) => {
            format!("ffprobe would have to read more than {} MiB of the file", bytes.div_ceil(1024 * 1024))
        }
        ExceededBudget::Requests(requests) => {
            format!("ffprobe would have to read the file in more than {requests} places")
        }
    }
}

/// Returns the reason why only the container of an encrypted movie was read.
pub(crate) fn of_encryption(scheme: &str) -> String {
    format!("the media is encrypted ({scheme}): only its container was read")
}

/// Returns ffprobe's errors for the log: one line, control characters escaped, without the loopback URL.
pub(crate) fn for_log(errors: &str, url: &str) -> String {
    let errors = errors.replace(url, "input");
    errors.trim().chars().flat_map(char::escape_debug).take(LOGGED).collect()
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn printed(raw_status: i32, output: &str, errors: &str) -> ProcessOutput {
        let status = ExitStatus::from_raw(raw_status);
        ProcessOutput { status, output: output.as_bytes().to_vec(), errors: errors.to_owned() }
    }

    #[test]
    fn every_end_has_a_reason() {
        let code = |code: i64| format!(r#"{{"error":{{"code":{code},"string":"x"}}}}"#);
        let failed = 1 << 8;
        let cases = [
            (printed(failed, &code(INVALID_DATA), ""), NOT_MEDIA),
            (printed(failed, &code(INVALID_DATA), "[mov @ 0x1] moov atom not found\n"), NO_INDEX),
            (printed(failed, &code(-22), "[hls @ 0x1] Format not on whitelist 'mov'"), NOT_ALLOWED),
            (printed(failed, &code(END_OF_FILE), ""), ENDS_EARLY),
            (printed(failed, &code(OUT_OF_MEMORY), ""), MEMORY),
            (printed(failed, &code(-5), ""), UNKNOWN),
            (printed(failed, "", ""), UNKNOWN),
            (printed(Signal::SEGV.as_raw(), "", ""), CRASHED),
            (printed(Signal::XCPU.as_raw(), "", ""), CPU_TIME),
        ];
        for (end, expected) in cases {
            assert_eq!(of_end(&end), expected, "{} {}", end.status, end.errors);
        }
    }

    #[test]
    fn complete_files_of_other_kinds_do_not_end_too_early() {
        for (reason, kind, expected) in [
            (ENDS_EARLY, None, NOT_MEDIA),
            (ENDS_EARLY, Some(Kind::Type("application/pdf")), NOT_MEDIA),
            (ENDS_EARLY, Some(Kind::Container("flac")), ENDS_EARLY),
            (ENDS_EARLY, Some(Kind::Container("swf")), FLASH),
            (NOT_MEDIA, Some(Kind::Type("audio/midi")), NOTES),
            (NOT_ALLOWED, Some(Kind::Type("application/dash+xml")), PLAYLIST),
            (NOT_MEDIA, Some(Kind::Type("text/vtt")), SUBTITLES),
            (NO_INDEX, Some(Kind::Segment), SEGMENT),
            (NO_INDEX, Some(Kind::Container("mov")), NO_INDEX),
            (CRASHED, Some(Kind::Segment), CRASHED),
        ] {
            assert_eq!(by_kind(reason, kind), expected, "{reason} {kind:?}");
        }
    }

    #[test]
    fn logged_errors_are_one_escaped_line() {
        let url = "http://127.0.0.1:1/secret";
        let line = for_log("http://127.0.0.1:1/secret: \u{1b}[31mred\r\nnext \"x\"\u{202e}\n", url);
        assert_eq!(line, r#"input: \u{1b}[31mred\r\nnext \"x\"\u{202e}"#);
        assert!(for_log(&"\u{1}".repeat(100_000), url).len() <= LOGGED);
    }
}
