//! What functions asked for, kept for the proof that the template allows that and no more.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Request;

/// A kind of request that a function made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recorded {
    /// The function, by its binary's name.
    pub function: String,
    /// What it asked for, of resources and values only what statements can tell apart: see `kind`.
    #[serde(flatten)]
    pub request: Request,
}

/// A file of this process alone, in which each kind of request stands once, as a line of JSON. A line is written when
/// the kind first occurs, so that it stays whatever ends the process.
#[derive(Clone, Default)]
pub(super) struct Recording(Option<Arc<Mutex<Lines>>>);

struct Lines {
    file: File,
    written: BTreeSet<Recorded>,
}

impl Recording {
    pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(format!("{}.jsonl", Uuid::now_v7()));
        let made = std::fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().create_new(true).append(true).open(&path));
        let file = made.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Some(Arc::new(Mutex::new(Lines { file, written: BTreeSet::new() })))))
    }

    pub(super) fn note(&self, function: &str, request: &Request) {
        let Some(lines) = &self.0 else { return };
        let recorded = Recorded { function: function.to_owned(), request: kind(request) };
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.written.contains(&recorded) {
            return;
        }
        let line = serde_json::to_string(&recorded).map(|line| line + "\n").unwrap_or_default();
        match lines.file.write_all(line.as_bytes()) {
            Ok(()) => drop(lines.written.insert(recorded)),
            Err(error) => tracing::error!(%error, "what functions ask for cannot be written down"),
        }
    }
}

/// What a request is one of many of: an object's key without what follows its first folder.
fn kind(request: &Request) -> Request {
    let resource = match request.resource.strip_prefix("arn:aws:s3:::").map(|rest| rest.splitn(3, '/')) {
        Some(mut parts) => match (parts.next(), parts.next(), parts.next()) {
            (Some(bucket), Some(folder), Some(_)) => format!("arn:aws:s3:::{bucket}/{folder}/*"),
            _ => request.resource.clone(),
        },
        None => request.resource.clone(),
    };
    Request { action: request.action.clone(), resource }
}

/// All that was written down in a folder.
///
/// # Errors
/// The folder or a file cannot be read, or a line is none of these.
pub(super) fn read(folder: &Path) -> anyhow::Result<BTreeSet<Recorded>> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
        let path = entry?.path();
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // A line without an end is one that its process did not get to write.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let read = serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?;
            all.insert(read);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_written_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let recording = Recording::in_folder(folder.path()).unwrap();
            for key in ["files/o/1", "files/o/2", "probes/o/1"] {
                recording.note("f", &Request::new("s3:GetObject", format!("arn:aws:s3:::b/{key}")));
            }
            recording.note("f", &Request::new("dynamodb:BatchGetItem", "t"));
        }
        Recording::default().note("f", &Request::new("s3:GetObject", "not recorded"));
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read_to_string(&file).unwrap();
        assert_eq!(whole.lines().count(), 3);
        std::fs::write(&file, whole + "{\"function\":\"cut o").unwrap();
        let all = read(folder.path()).unwrap();
        let resources: Vec<_> = all.iter().map(|recorded| recorded.request.resource.as_str()).collect();
        assert_eq!(resources, ["t", "arn:aws:s3:::b/files/*", "arn:aws:s3:::b/probes/*"]);
    }
}
