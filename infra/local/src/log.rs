//! Writes the log lines of the local cloud and of its functions in a readable form.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::function_log::FunctionLog;

/// The output of log lines. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    color: bool,
    functions: Option<Arc<FunctionLog>>,
}

/// The severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A failure.
    Error,
    /// A possible failure.
    Warn,
    /// An event.
    Info,
    /// Details of an event.
    Debug,
}

impl Level {
    fn parse(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "ERROR" | "FATAL" => Self::Error,
            "WARN" | "WARNING" => Self::Warn,
            "DEBUG" | "TRACE" => Self::Debug,
            _ => Self::Info,
        }
    }

    fn label(self, color: bool) -> &'static str {
        match (self, color) {
            (Self::Error, false) => "ERROR",
            (Self::Warn, false) => "WARN ",
            (Self::Info, false) => "INFO ",
            (Self::Debug, false) => "DEBUG",
            (Self::Error, true) => "\u{1b}[31mERROR\u{1b}[0m",
            (Self::Warn, true) => "\u{1b}[33mWARN \u{1b}[0m",
            (Self::Info, true) => "\u{1b}[32mINFO \u{1b}[0m",
            (Self::Debug, true) => "\u{1b}[2mDEBUG\u{1b}[0m",
        }
    }
}

impl Log {
    /// Logs to standard output, in colour if that is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to(Box::new(std::io::stdout()), std::io::stdout().is_terminal())
    }

    /// Logs to any writer.
    #[must_use]
    pub fn to(out: Box<dyn Write + Send>, color: bool) -> Self {
        Self { out: Arc::new(Mutex::new(out)), color, functions: None }
    }

    /// Stores the complete lines of functions also in `functions`.
    #[must_use]
    pub fn keeping(&self, functions: FunctionLog) -> Self {
        Self { functions: Some(Arc::new(functions)), ..self.clone() }
    }

    /// Writes a line unchanged, without time or source.
    pub fn plain(&self, text: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed terminal must not end the cloud.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// Writes a line of `source`, with control characters escaped.
    pub fn line(&self, source: &str, level: Level, text: &str) {
        let time = OffsetDateTime::now_utc()
            .format(format_description!("[hour]:[minute]:[second].[subsecond digits:3]Z"))
            .unwrap_or_default();
        self.plain(&format!("{time} {} {source:<14} {}", level.label(self.color), printable(text)));
    }

    /// Writes a line that a function wrote: JSON in a readable form, anything else unchanged.
    pub fn function_line(&self, source: &str, line: &str) {
        if let Some(Err(error)) = self.functions.as_ref().map(|kept| kept.append(source, line)) {
            self.line(source, Level::Error, &format!("a line is not kept: {error}"));
        }
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(fields) => {
                let level = fields.get("level").and_then(Value::as_str).map_or(Level::Info, Level::parse);
                self.line(source, level, &readable(&fields));
            }
            Err(_) => self.line(source, Level::Info, line),
        }
    }
}

/// The fields of a span that a line shows: those of the API's functions, and that of the runtime.
const OF_SPAN: [&str; 3] = ["route", "request_id", "requestId"];

/// Renders a record: the message first, then its fields, then those of its span.
fn readable(line: &Map<String, Value>) -> String {
    let nested = line.get("fields").and_then(Value::as_object);
    let message = line.get("message").or_else(|| nested?.get("message"));
    let mut text = message.map(shown).unwrap_or_default();
    let known =
        ["timestamp", "level", "message", "fields", "target", "span", "spans", "threadId", "threadName"];
    let own = line.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let fields = nested.into_iter().flatten().filter(|(name, _)| *name != "message");
    for (name, value) in own.chain(fields) {
        text.push_str(&format!(" {name}={}", shown(value)));
    }
    let span = line.get("span").and_then(Value::as_object);
    for (name, value) in OF_SPAN.iter().filter_map(|name| Some((name, span?.get(*name)?))) {
        text.push_str(&format!(" {name}={}", shown(value)));
    }
    text.trim_start().to_owned()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Escapes control characters: a function's log line must not move the cursor or forge another line.
fn printable(text: &str) -> String {
    let breaks = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    let escape = |c: char| if breaks(c) { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(line: &str) -> String {
        let buffer = Buffer::default();
        Log::to(Box::new(buffer.clone()), false).function_line("get-item", line);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        text.split_once(' ').unwrap().1.to_owned()
    }

    #[test]
    fn json_becomes_readable() {
        let line = r#"{"timestamp":"t","level":"WARN","fields":{"message":"slow","ms":12},"target":"x","span":{"requestId":"r1","name":"n"}}"#;
        assert_eq!(written(line), "WARN  get-item       slow ms=12 requestId=r1\n");
        let line = r#"{"level":"INFO","fields":{"message":"done"},"span":{"request_id":"r2","route":"GET /v1/files","name":"request"}}"#;
        assert_eq!(written(line), "INFO  get-item       done route=GET /v1/files request_id=r2\n");
        assert_eq!(
            written(r#"{"level":"error","message":"gone","key":"k"}"#),
            "ERROR get-item       gone key=k\n"
        );
    }

    #[test]
    fn other_lines_pass_through_without_control_characters() {
        assert_eq!(written("hello \u{1b}[2Jx"), "INFO  get-item       hello \\u{1b}[2Jx\n");
        assert_eq!(written("a\u{2028}b"), "INFO  get-item       a\\u{2028}b\n");
        assert_eq!(written("[1, 2]"), "INFO  get-item       [1, 2]\n");
    }
}
