//! Checks logs for secrets: API keys, signatures, queries of URLs, and control characters. The log of every cloud is checked
//! when an owner's test ends, and when the cloud ends.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Part of every header that a test sends to a source.
pub const SOURCE_SECRET: &str = "a-secret-for-the-source";

/// The number of hex digits after `fm_` that identify a key: `fm_id://` and words have fewer.
const KEY_DIGITS: usize = 16;
/// Parts of signed requests. In a URL the check of queries finds them; they occur in headers too.
const SIGNED: [&str; 4] = ["x-amz-signature", "x-amz-credential", "x-amz-security-token", "signature="];

/// Reads the log of one cloud as it grows.
#[derive(Debug)]
pub(crate) struct LogWatch {
    log: PathBuf,
    read: Mutex<u64>,
}

impl LogWatch {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { log: folder.join("log"), read: Mutex::new(0) }
    }

    /// Returns the forbidden contents since the last call, each with its line.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(mut file) = std::fs::File::open(&self.log) else { return Vec::new() };
        let mut new = Vec::new();
        if file.seek(SeekFrom::Start(*read)).and_then(|_| file.read_to_end(&mut new)).is_err() {
            return Vec::new();
        }
        // The last line may be incomplete.
        let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        *read += whole as u64;
        let text = String::from_utf8_lossy(&new[..whole]);
        text.lines().filter_map(|line| fault(line).map(|fault| format!("{fault}: {line}"))).collect()
    }

    /// Fails the test if the log contains a secret, unless the test is failing already.
    pub(crate) fn assert_no_secrets(&self) {
        let found = self.found();
        assert!(found.is_empty() || std::thread::panicking(), "the log contains secrets: {found:#?}");
    }
}

/// Returns why a line is forbidden, if it is.
fn fault(line: &str) -> Option<&'static str> {
    // The local cloud prints the first key for its developer. Log lines start with a time.
    if !line.starts_with(|c: char| c.is_ascii_digit()) {
        return (!is_greeting(line)).then_some("not a log line");
    }
    if line.chars().any(|c| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Some("a control character");
    }
    let is_key = |rest: &str| rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= KEY_DIGITS;
    if line
        .match_indices("fm_")
        .chain(line.match_indices("fmu_"))
        .any(|(at, found)| is_key(&line[at + found.len()..]))
    {
        return Some("an API key");
    }
    if line.contains(SOURCE_SECRET) {
        return Some("a header for a source");
    }
    let lower = line.to_ascii_lowercase();
    if SIGNED.iter().any(|name| lower.contains(name)) {
        return Some("a signature");
    }
    let has_query = |rest: &str| rest.split([' ', '"', ')', '>']).next().is_some_and(|url| url.contains('?'));
    lower.match_indices("://").any(|(at, _)| has_query(&lower[at..])).then_some("a URL with its query")
}

/// Returns whether files-local prints this line before or after logging.
fn is_greeting(line: &str) -> bool {
    line.is_empty() || line.starts_with("  ") || line.starts_with("files-local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_found() {
        let key = format!("fm_{}", "0123456789abcdef".repeat(3));
        for (text, expected) in [
            ("responded duration_ms=1 status=200".to_owned(), None),
            ("reference fm_id://01a20a33-56b1-7350-a51a-b7827e0faa96".to_owned(), None),
            ("redirect to http://127.0.0.1:1/a b?c".to_owned(), None),
            (format!("refused cause=key {key} is unknown"), Some("an API key")),
            ("GET http://127.0.0.1:1/b/k?token=1 failed".to_owned(), Some("a URL with its query")),
            (format!("asked with {SOURCE_SECRET}=1"), Some("a header for a source")),
            ("header X-Amz-Signature: 00".to_owned(), Some("a signature")),
            ("a\u{1b}[2Jb".to_owned(), Some("a control character")),
            ("a\u{2028}b".to_owned(), Some("a control character")),
        ] {
            assert_eq!(fault(&format!("20:57:46.581Z INFO  get-file       {text}")), expected, "{text}");
        }
        assert_eq!(fault(&format!("  key   {key}")), None);
        assert_eq!(fault("forged"), Some("not a log line"));
    }

    #[test]
    fn a_log_is_read_once_and_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let (watch, log) = (LogWatch::new(folder.path()), folder.path().join("log"));
        assert!(watch.found().is_empty(), "the log does not exist yet");
        let line = "20:57:46.581Z INFO  x https://a.example/?b";
        std::fs::write(&log, line).unwrap();
        assert!(watch.found().is_empty(), "the line is incomplete");
        std::fs::write(&log, format!("{line}\n")).unwrap();
        assert_eq!(watch.found().len(), 1);
        assert!(watch.found().is_empty(), "each line is reported once");
    }
}
