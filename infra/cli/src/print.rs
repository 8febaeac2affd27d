//! The output of the program: results on standard output, messages and progress on standard error.

use std::io::{self, Write};

use serde_json::Value;

use crate::failure::Failure;
use crate::json::Json;
use crate::plain::plain;
use crate::progress::Bars;

/// Prints results and messages.
pub(crate) struct Print {
    json: bool,
    quiet: bool,
    /// The progress bars.
    pub(crate) bars: Bars,
}

impl Print {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, bars: Bars::new(quiet) }
    }

    /// Prints a file in one line, and its error in another one.
    pub(crate) fn file(&self, file: &Json) -> Result<(), Failure> {
        self.file_line(file)?;
        let error = file["error"].as_str().map(str::to_owned);
        let probe = || file["ffprobe_error"].as_str().map(|error| format!("ffprobe: {error}"));
        match error.or_else(probe).filter(|_| !self.json) {
            Some(error) => self.line(&format!("    {}", plain(&error))),
            None => Ok(()),
        }
    }

    /// Prints a file in one line, without its error.
    pub(crate) fn file_line(&self, file: &Json) -> Result<(), Failure> {
        if self.json {
            return self.line(&file.compact());
        }
        let text = |name: &str| plain(file[name].as_str().unwrap_or("-"));
        let size = file["size"].as_u64().map_or_else(|| "-".to_owned(), size);
        let created = text("created_at");
        let created = created.get(..19).unwrap_or("-").replace('T', " ");
        let line = format!("{}  {:<7}  {size:>10}  {created}  {}", text("id"), text("status"), text("name"));
        self.line(&line)
    }

    /// Prints all fields of a file.
    pub(crate) fn whole(&self, file: &Json) -> Result<(), Failure> {
        self.line(&if self.json { file.compact() } else { file.pretty() })
    }

    /// Prints one webhook endpoint in one line.
    pub(crate) fn endpoint(&self, endpoint: &Value) -> Result<(), Failure> {
        if self.json {
            return self.line(&endpoint.to_string());
        }
        let text = |name: &str| plain(endpoint[name].as_str().unwrap_or("-"));
        let state = if endpoint["enabled"] == true { "enabled" } else { "disabled" };
        let events = endpoint["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let events = plain(&events.collect::<Vec<_>>().join(","));
        self.line(&format!("{:<36}  {state:<8}  {events}  {}", text("id"), text("url")))
    }

    /// Prints a presigned URL.
    pub(crate) fn link(&self, id: &str, link: &Value) -> Result<(), Failure> {
        if self.json {
            let (url, expires_at) = (&link["url"], &link["expires_at"]);
            return self
                .line(&serde_json::json!({"id": id, "url": url, "expires_at": expires_at}).to_string());
        }
        self.line(&plain(link["url"].as_str().unwrap_or_default()))
    }

    /// Prints a preview of an import.
    pub(crate) fn preview(&self, preview: &Json) -> Result<(), Failure> {
        if self.json {
            return self.line(&preview.compact());
        }
        let resumable = if preview["resumable"] == true { "resumable" } else { "not resumable" };
        let size = preview["size"].as_u64().map_or_else(|| "size unknown".to_owned(), size);
        let content_type = preview["content_type"].as_str().unwrap_or("-");
        let name = plain(preview["name"].as_str().unwrap_or("-"));
        self.line(&format!("{name}  {}  {size}  {resumable}", plain(content_type)))?;
        for fact in ["title", "uploader", "duration", "site", "upload_date", "page_url", "thumbnail_url"] {
            match &preview["origin"][fact] {
                Value::Null => {}
                Value::String(text) => self.line(&format!("    {fact:<13}  {}", plain(text)))?,
                other => self.line(&format!("    {fact:<13}  {other}"))?,
            }
        }
        for list in ["chapters", "subtitles"] {
            match preview["origin"][list].as_array().map_or(0, Vec::len) {
                0 => {}
                count => self.line(&format!("    {list:<13}  {count}"))?,
            }
        }
        preview["formats"]
            .as_array()
            .into_iter()
            .flatten()
            .try_for_each(|format| self.line(&format_line(format)))
    }

    /// Prints usage and limits, one limit a line.
    pub(crate) fn usage(&self, usage: &Json) -> Result<(), Failure> {
        if self.json {
            return self.line(&usage.compact());
        }
        let number = |name: &str, value: &Value| match value.as_u64() {
            Some(bytes) if name.ends_with("bytes") => size(bytes),
            Some(seconds) if name == "retention" => format!("{seconds} s"),
            Some(number) => number.to_string(),
            None => "-".to_owned(),
        };
        self.line(&format!("{:<20}  {:>12}  {:>12}", "", "used", "limit"))?;
        for (name, limit) in usage["limits"].as_object().into_iter().flatten() {
            let (used, limit) = (number(name, &usage["used"][name.as_str()]), number(name, limit));
            self.line(&format!("{:<20}  {used:>12}  {limit:>12}", plain(name)))?;
        }
        Ok(())
    }

    /// Prints the result of an action that returns no file, and the path of the local file if there is one.
    pub(crate) fn done(&self, id: &str, what: &str, path: Option<&str>) -> Result<(), Failure> {
        if self.json {
            let mut result = serde_json::json!({"id": id, "status": what});
            if let Some(path) = path {
                result["path"] = path.into();
            }
            return self.line(&result.to_string());
        }
        self.line(format!("{id}  {what}  {}", plain(path.unwrap_or_default())).trim_end())
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        self.say(&format!("files: {}", plain(&failure.to_string())));
    }

    pub(crate) fn warn(&self, text: &str) {
        self.say(&format!("files: warning: {}", plain(text)));
    }

    /// Prints a message, unless `--quiet` is set.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(&format!("files: {}", plain(text)));
        }
    }

    fn say(&self, text: &str) {
        let _ = self.bars.suspend(|| writeln!(io::stderr(), "{text}")); // an error cannot be reported anywhere else
    }

    fn line(&self, text: &str) -> Result<(), Failure> {
        let written = self.bars.suspend(|| writeln!(io::stdout(), "{text}"));
        written.map_err(|error| Failure::local("standard output", error))
    }
}

/// Formats a line for a format of a page's media. A star marks the one that an import would store.
fn format_line(format: &Value) -> String {
    let star = if format["chosen"] == true { "*" } else { " " };
    let text = |name: &str| format[name].as_str().map_or_else(|| "-".to_owned(), plain);
    let picture = match (&format["width"], &format["height"]) {
        (Value::Number(width), Value::Number(height)) => format!("{width}x{height}"),
        _ => "-".to_owned(),
    };
    let rate =
        format["bit_rate"].as_u64().map_or_else(|| "-".to_owned(), |rate| format!("{} kbit/s", rate / 1000));
    let (video, audio) = (text("video_codec"), text("audio_codec"));
    format!(
        "  {star} {:<5}  {picture:>9}  {rate:>12}  {video}, {audio}  {}",
        text("extension"),
        text("transport")
    )
}

fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
