//! What people and scripts see: results on standard output, all else on standard error.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::failure::Failure;

/// How to show things.
pub(crate) struct Print {
    json: bool,
    quiet: bool,
}

impl Print {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// One file in one line.
    pub(crate) fn file(&self, file: &Value) -> Result<(), Failure> {
        if self.json {
            return line(&file.to_string());
        }
        let text = |name: &str| file[name].as_str().unwrap_or("-").to_owned();
        let size = file["size"].as_u64().map_or_else(|| "-".to_owned(), size);
        let created = text("created_at");
        let created = created.get(..19).unwrap_or("-").replace('T', " ");
        line(&format!(
            "{}  {:<7}  {size:>10}  {created}  {}",
            text("id"),
            text("status"),
            plain(&text("name"))
        ))?;
        match file["error"].as_str().or(file["ffprobe_error"].as_str()) {
            Some(error) => line(&format!("    {}", plain(error))),
            None => Ok(()),
        }
    }

    /// All of a file.
    pub(crate) fn whole(&self, file: &Value) -> Result<(), Failure> {
        let text = if self.json { Ok(file.to_string()) } else { serde_json::to_string_pretty(file) };
        line(&text.unwrap_or_default())
    }

    /// What an import would bring.
    pub(crate) fn preview(&self, preview: &Value) -> Result<(), Failure> {
        if self.json {
            return line(&preview.to_string());
        }
        let resumable = if preview["resumable"] == true { "resumable" } else { "not resumable" };
        let size = preview["size"].as_u64().map_or_else(|| "size unknown".to_owned(), size);
        let content_type = preview["content_type"].as_str().unwrap_or("-");
        let name = plain(preview["name"].as_str().unwrap_or("-"));
        line(&format!("{name}  {}  {size}  {resumable}", plain(content_type)))?;
        for fact in ["title", "uploader", "duration", "site", "upload_date", "page_url", "thumbnail_url"] {
            match &preview["origin"][fact] {
                Value::Null => {}
                Value::String(text) => line(&format!("    {fact:<13}  {}", plain(text)))?,
                other => line(&format!("    {fact:<13}  {other}"))?,
            }
        }
        preview["formats"].as_array().into_iter().flatten().try_for_each(|format| line(&format_line(format)))
    }

    /// Something that was done and has no file to show.
    pub(crate) fn done(&self, id: &str, what: &str, more: &str) -> Result<(), Failure> {
        if self.json {
            return line(&serde_json::json!({"id": id, "status": what, "path": more}).to_string());
        }
        line(format!("{id}  {what}  {}", plain(more)).trim_end())
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        self.say(&format!("files: {}", plain(&failure.to_string())));
    }

    pub(crate) fn warn(&self, text: &str) {
        self.say(&format!("files: warning: {}", plain(text)));
    }

    /// Unless it is to be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(&format!("files: {}", plain(text)));
        }
    }

    fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}"); // nobody is left to tell if this fails
    }

    /// Bytes that come or go, on a terminal.
    pub(crate) fn progress(&self, name: &str, size: u64, already: u64) -> ProgressBar {
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(size), target).with_message(plain(name));
        let form = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
        bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_position(already);
        bar.reset_eta();
        bar
    }
}

/// One form of a page's media; the one that is imported has a star.
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

fn line(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(|error| Failure::local("standard output", error))
}

/// Text of others without what a terminal would take for an order.
fn plain(text: &str) -> String {
    let is_order = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_order(c) { '\u{fffd}' } else { c }).collect()
}

fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_a_terminal_no_orders() {
        assert_eq!(plain("a\u{1b}[31m\u{202e}b\nc ü🎬"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c ü🎬");
    }
}
