//! Records functions' calls, for the proofs that the template allows exactly these and that AWS knows such calls.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Request;

/// A call of a service, for the recording.
pub(crate) struct Called<'a> {
    /// `dynamodb`, `s3`, `sqs` or `lambda`.
    pub(crate) service: &'a str,
    /// AWS's name of the operation.
    pub(crate) operation: &'a str,
    /// Computes its shape; called only if calls are recorded.
    pub(crate) shape: &'a (dyn Fn() -> Value + Sync),
}

/// A kind of call that a function made: one line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The function, by its binary's name.
    function: String,
    service: String,
    operation: String,
    /// The parameters without the values of the single call; null if no further call was made.
    shape: Value,
    /// The requests to IAM. Resources are reduced to the part that statements distinguish, see `kind`.
    requests: BTreeSet<Request>,
}

/// A kind of request that a function made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded {
    /// The function, by its binary's name.
    pub function: String,
    /// The request.
    pub request: Request,
}

/// A file of this process alone with one line of JSON for each kind of call. A line is written when the kind first occurs, so
/// that it remains however the process ends.
#[derive(Clone, Default)]
pub(super) struct Recording(Option<Arc<Mutex<Lines>>>);

struct Lines {
    file: File,
    written: BTreeSet<String>,
}

impl Recording {
    pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(format!("{}.jsonl", Uuid::now_v7()));
        let made = std::fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().create_new(true).append(true).open(&path));
        let file = made.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Some(Arc::new(Mutex::new(Lines { file, written: BTreeSet::new() })))))
    }

    pub(super) fn note(&self, function: &str, called: &Called<'_>, requests: &[Request]) {
        let Some(lines) = &self.0 else { return };
        let line = Line {
            function: function.to_owned(),
            service: called.service.to_owned(),
            operation: called.operation.to_owned(),
            shape: (called.shape)(),
            requests: requests.iter().map(kind).collect(),
        };
        let line = serde_json::to_string(&line).map(|line| line + "\n").unwrap_or_default();
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.written.contains(&line) {
            return;
        }
        match lines.file.write_all(line.as_bytes()) {
            Ok(()) => drop(lines.written.insert(line)),
            Err(error) => tracing::error!(%error, "cannot record a function's request"),
        }
    }
}

/// Reduces an object's key to its first folder, the part that statements distinguish.
pub(crate) fn folder_of(key: &str) -> String {
    key.split_once('/').map_or_else(|| key.to_owned(), |(folder, _)| format!("{folder}/*"))
}

/// Returns the kind of a request.
fn kind(request: &Request) -> Request {
    let resource = match request.resource.strip_prefix("arn:aws:s3:::").and_then(|rest| rest.split_once('/'))
    {
        Some((bucket, key)) => format!("arn:aws:s3:::{bucket}/{}", folder_of(key)),
        None => request.resource.clone(),
    };
    Request { action: request.action.clone(), resource }
}

/// Reads all recordings in a folder.
///
/// # Errors
/// The folder or a file cannot be read, or a line is not a recorded call.
pub(super) fn read(folder: &Path) -> anyhow::Result<BTreeSet<Recorded>> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
        let path = entry?.path();
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // A process that was killed while writing leaves a line without its end.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let read: Line =
                serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?;
            let Line { function, requests, .. } = read;
            all.extend(requests.into_iter().map(|request| Recorded { function: function.clone(), request }));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_written_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let on = |key: &str| Request::new("s3:GetObject", format!("arn:aws:s3:::b/{key}"));
        for _ in 0..2 {
            let recording = Recording::in_folder(folder.path()).unwrap();
            for key in ["files/o/1", "files/o/2", "probes/o/1"] {
                let called =
                    Called { service: "s3", operation: "GetObject", shape: &|| json!({"query": {}}) };
                recording.note("f", &called, &[on(key)]);
            }
            let called = Called { service: "dynamodb", operation: "BatchGetItem", shape: &|| json!({}) };
            let tables = ["t", "u"].map(|table| Request::new("dynamodb:BatchGetItem", table));
            recording.note("f", &called, &tables);
        }
        let called = Called { service: "s3", operation: "GetObject", shape: &|| Value::Null };
        Recording::default().note("f", &called, &[on("not recorded")]);
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read_to_string(&file).unwrap();
        assert_eq!(whole.lines().count(), 3);
        std::fs::write(&file, whole + "{\"function\":\"cut o").unwrap();
        let all = read(folder.path()).unwrap();
        let resources: Vec<_> = all.iter().map(|recorded| recorded.request.resource.as_str()).collect();
        assert_eq!(resources, ["t", "u", "arn:aws:s3:::b/files/*", "arn:aws:s3:::b/probes/*"]);
    }

    #[test]
    fn a_key_is_reduced_to_its_folder() {
        for (key, kind) in [("files/o/1", "files/*"), ("files/", "files/*"), ("file", "file"), ("", "")] {
            assert_eq!(folder_of(key), kind, "{key}");
        }
    }
}
