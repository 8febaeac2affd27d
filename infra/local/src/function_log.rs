//! Keeps what functions log in the data folder, as CloudWatch Logs does: the readable log shows only a part of each line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Size of the file above which it becomes the earlier one, in the place of the one before.
const MAX_BYTES: u64 = 64 << 20;

/// The name of the file in the data folder.
pub const FUNCTION_LOG: &str = "functions.log";

/// A file with one JSON object per line: what a function logged, and `function`, its name.
pub struct FunctionLog {
    path: PathBuf,
    max_bytes: u64,
    file: Mutex<OpenFile>,
}

struct OpenFile {
    file: File,
    bytes: u64,
}

impl FunctionLog {
    /// Opens the file in a folder, or creates it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with_size(folder, MAX_BYTES)
    }

    fn with_size(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        let path = folder.join(FUNCTION_LOG);
        let file = Mutex::new(OpenFile::append_to(&path)?);
        Ok(Self { path, max_bytes, file })
    }

    /// Appends a line of a function: JSON as it is, other text as the `message` of an object.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn append(&self, function: &str, line: &str) -> io::Result<()> {
        let mut fields = serde_json::from_str::<Map<String, Value>>(line).unwrap_or_else(|_| text(line));
        fields.insert("function".to_owned(), function.into());
        let line = format!("{}\n", Value::Object(fields));
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes >= self.max_bytes {
            std::fs::rename(&self.path, self.path.with_added_extension("1"))?;
            *open = OpenFile::append_to(&self.path)?;
        }
        open.file.write_all(line.as_bytes())?;
        open.bytes += line.len() as u64;
        Ok(())
    }
}

impl OpenFile {
    fn append_to(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

/// Returns the fields of a line that is no JSON object.
fn text(line: &str) -> Map<String, Value> {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    Map::from_iter([("timestamp".to_owned(), now.into()), ("message".to_owned(), line.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_are_appended_and_the_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FUNCTION_LOG);
        for run in 0..2 {
            let log = FunctionLog::with_size(folder.path(), 1 << 20).unwrap();
            log.append("get", r#"{"level":"INFO","span":{"key":"k"}}"#).unwrap();
            log.append("get", "panicked\u{1b}[2J").unwrap();
            let kept = lines(&path);
            assert_eq!(kept.len(), 2 * (run + 1), "a restart keeps the lines");
            assert_eq!(
                kept[0],
                serde_json::json!({"level": "INFO", "span": {"key": "k"}, "function": "get"})
            );
            assert_eq!(kept[1]["message"], "panicked\u{1b}[2J");
        }
        let log = FunctionLog::with_size(folder.path(), 100).unwrap();
        for n in 0..10 {
            log.append("get", &format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(90))).unwrap();
        }
        let earlier = lines(&path.with_added_extension("1"));
        assert_eq!((lines(&path)[0]["n"].as_u64(), earlier[0]["n"].as_u64()), (Some(9), Some(8)));
    }
}
