use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::Args;
use files_domain::{FileId, KeyId, OwnerId, Timestamp};
use serde_json::Value;

use crate::period::seconds;
use crate::place::PlaceOptions;

/// The files of the local cloud's data folder that hold what functions logged, oldest first.
const LOGS: [&str; 2] = ["functions.log.1", "functions.log"];

/// The lines of the audit to show.
#[derive(Debug, Args)]
pub(crate) struct AuditOptions {
    /// Only of this owner. A refused key counts for the owner that it names.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Only of this key or upload token, by its id.
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// Only of this file.
    #[arg(long, value_name = "ID")]
    file: Option<FileId>,
    /// Only since this time (RFC 3339), or this long ago, such as 90s, 15m, 1h or 30d.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Print the lines as the functions wrote them, JSON.
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::from(SystemTime::now());
    let ago = seconds(text).map(|seconds| Duration::from_secs(seconds).as_millis());
    let ago = ago.map(|ago| now.millis().saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX)));
    ago.map(Timestamp::from_millis)
        .or_else(|| Timestamp::parse(text))
        .ok_or_else(|| "give RFC 3339, or a number with s, m, h or d".to_owned())
}

impl AuditOptions {
    pub(crate) fn run(&self, place: &PlaceOptions, out: &mut impl Write) -> Result<()> {
        let folder = place.local_folder()?;
        for name in LOGS {
            self.read(&folder.join(name), out)?;
        }
        Ok(())
    }

    /// Writes the requested lines of a file. A file that does not exist has none.
    fn read(&self, path: &Path, out: &mut impl Write) -> Result<()> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        for line in BufReader::new(file).lines() {
            let line = line.with_context(|| format!("{} cannot be read", path.display()))?;
            // The last line may be incomplete after a crash.
            let Ok(entry) = serde_json::from_str::<Value>(&line) else { continue };
            if !self.asks_for(&entry) {
                continue;
            }
            let line = if self.json { line } else { readable(&entry) };
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn asks_for(&self, entry: &Value) -> bool {
        let span = &entry["span"];
        let is = |value: &Value, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| value.as_str() == Some(wanted))
        };
        let owner = self.owner.as_deref().map(|name| OwnerId::named(name).to_string());
        let (key, file) = (self.key.map(|id| id.to_string()), self.file.map(|id| id.to_string()));
        let time = entry["timestamp"].as_str().and_then(Timestamp::parse);
        entry["audit"].is_string()
            && is(&span["owner"], &owner)
            && is(&span["key"], &key)
            && (is(&entry["file"], &file) || is(&span["file"], &file))
            && self.since.is_none_or(|since| time.is_some_and(|time| time >= since))
    }
}

/// Returns an entry in one line.
fn readable(entry: &Value) -> String {
    let span = &entry["span"];
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    };
    let file = if entry["file"].is_null() { &span["file"] } else { &entry["file"] };
    let mut line = format!(
        "{}  {:<13}  {:>3}  {}  owner {}  key {}  file {}  from {}",
        text(&entry["timestamp"]),
        text(&entry["audit"]),
        text(&entry["status"]),
        text(&span["route"]),
        text(&span["owner"]),
        text(&span["key"]),
        text(file),
        text(&span["source"]),
    );
    for (name, value) in [("token", &span["token"]), ("reason", &entry["reason"])] {
        if !value.is_null() {
            line.push_str(&format!("  {name} {}", text(value)));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab";
    const KEY: &str = "9c1b2f6e0a4d7c35";

    fn options() -> AuditOptions {
        AuditOptions { owner: None, key: None, file: None, since: None, json: false }
    }

    fn change() -> Value {
        json!({
            "timestamp": "2026-11-26T10:00:00.000001Z", "level": "INFO", "message": "responded", "audit": "change", "status": 204,
            "span": {"route": "DELETE /v1/files/{id}", "owner": OwnerId::named("press").to_string(), "key": KEY,
                     "file": FILE, "source": "203.0.113.7", "name": "request", "request_id": "r"},
        })
    }

    #[test]
    fn entries_are_filtered_as_by_the_queries() {
        let entry = change();
        let at = |text| Timestamp::parse(text);
        for (options, asked) in [
            (options(), true),
            (AuditOptions { owner: Some("press".into()), ..options() }, true),
            (AuditOptions { owner: Some("other".into()), ..options() }, false),
            (AuditOptions { key: KEY.parse().ok(), ..options() }, true),
            (AuditOptions { key: "0000000000000000".parse().ok(), ..options() }, false),
            (AuditOptions { file: FILE.parse().ok(), ..options() }, true),
            (AuditOptions { file: FILE.replace("ab", "ac").parse().ok(), ..options() }, false),
            (AuditOptions { since: at("2026-11-26T10:00:00Z"), ..options() }, true),
            (AuditOptions { since: at("2026-11-26T10:00:01Z"), ..options() }, false),
        ] {
            assert_eq!(options.asks_for(&entry), asked, "{options:?}");
        }
        let mut item = change();
        item["span"]["file"] = Value::Null;
        item["file"] = json!(FILE);
        let of_file = AuditOptions { file: FILE.parse().ok(), ..options() };
        assert!(of_file.asks_for(&item), "one of several files");
        let mut read = change();
        read["audit"] = Value::Null;
        assert!(!options().asks_for(&read));
    }

    #[test]
    fn a_line_has_who_what_and_what_came_of_it() {
        let owner = OwnerId::named("press");
        assert_eq!(
            readable(&change()),
            format!(
                "2026-11-26T10:00:00.000001Z  change         204  DELETE /v1/files/{{id}}  owner {owner}  key {KEY}  \
                 file {FILE}  from 203.0.113.7"
            )
        );
    }

    #[test]
    fn a_time_is_absolute_or_relative() {
        assert_eq!(since("2026-11-26T10:00:00Z").ok(), Timestamp::parse("2026-11-26T10:00:00Z"));
        let (now, hour) = (Timestamp::from(SystemTime::now()).millis(), 3_600_000);
        let ago = now - since("1h").expect("a time").millis();
        assert!((hour - 60_000..=hour).contains(&ago), "{ago}");
        assert!(since("yesterday").is_err());
    }
}
