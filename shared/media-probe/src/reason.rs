//! Why a file could not be read, in plain words. Nothing of the file's own text is in them.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::command::Printed;
use crate::parse;
use crate::reader::Spent;

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

/// FFmpeg's `AVERROR_INVALIDDATA`, `AVERROR_EOF`; then negative numbers of the system's errors.
const INVALID_DATA: i64 = -1_094_995_529;
const END_OF_FILE: i64 = -541_478_725;
const OUT_OF_MEMORY: i64 = -12;

/// Most of ffprobe's errors that one log line shows, in characters.
const LOGGED: usize = 4000;

/// For an ffprobe that ended by itself without describing the file.
pub(crate) fn of_end(printed: &Printed) -> &'static str {
    match printed.status.signal() {
        Some(signal) if signal == Signal::XCPU.as_raw() => return CPU_TIME,
        // The hard limit of processor time ends in SIGKILL, and so does the system's shortage of memory.
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

/// For a budget that ran out.
pub(crate) fn of_budget(spent: Spent) -> String {
    match spent {
        Spent::Bytes(bytes) => {
            format!("ffprobe would have to read more than {} MiB of the file", bytes.div_ceil(1024 * 1024))
        }
        Spent::Requests(requests) => {
            format!("ffprobe would have to read the file in more than {requests} places")
        }
    }
}

/// ffprobe's errors for the log: one line, control characters escaped, without the loopback address.
pub(crate) fn for_log(errors: &str, url: &str) -> String {
    let errors = errors.replace(url, "input");
    errors.trim().chars().flat_map(char::escape_debug).take(LOGGED).collect()
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn printed(raw_status: i32, output: &str, errors: &str) -> Printed {
        let status = ExitStatus::from_raw(raw_status);
        Printed { status, output: output.as_bytes().to_vec(), errors: errors.to_owned() }
    }

    #[test]
    fn every_end_has_its_words() {
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
    fn the_log_gets_one_harmless_line() {
        let url = "http://127.0.0.1:1/secret";
        let line = for_log("http://127.0.0.1:1/secret: \u{1b}[31mred\r\nnext \"x\"\u{202e}\n", url);
        assert_eq!(line, r#"input: \u{1b}[31mred\r\nnext \"x\"\u{202e}"#);
        assert!(for_log(&"\u{1}".repeat(100_000), url).len() <= LOGGED);
    }
}
