//! Uploads files directly to storage: small ones with a single PUT, larger ones as multipart uploads.

mod parts;
mod signer;
mod single;

use std::cell::RefCell;
use std::time::Duration;

use reqwest::Response;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::arguments::Upload;
use crate::each::each;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::json::Json;
use crate::local_file::LocalFile;
use crate::paths::{Found, is_standard_input, open_all};
use crate::print::Print;
use crate::simple::{add_options, finished, show_created};

/// The maximum size of a single-PUT upload. A multipart upload of this size would have one part, and only a single PUT stores a
/// SHA-256.
const MAX_SINGLE_PUT: u64 = 8 << 20;
/// The minimum number of bytes per second of an attempt. A slower attempt times out.
const MIN_BYTES_PER_SECOND: u64 = 8 * 1024;

/// Uploads all files, several concurrently. Opens all paths before it sends the first byte. Keeps the journal entries of finished
/// files until all are finished, so that the same command skips them after an interruption or a failure.
pub(crate) async fn upload(api: &Api, options: &Upload, print: &Print) -> Result<(), Failure> {
    let files = checked(options, print)?;
    if files.len() > 1 {
        print.bars.add_total(files.len(), files.iter().map(|file| file.size).sum());
    }
    let upload = async |local: &LocalFile| one(api, local, options, print).await;
    let finished = RefCell::new(Vec::new());
    let show = |_: &LocalFile, (file, journal): (Json, Journal)| {
        finished.borrow_mut().push(journal);
        show_created(&file, &options.create, print)
    };
    each(&files, usize::from(options.files), print, upload, show).await?;
    finished.borrow().iter().for_each(Journal::remove);
    Ok(())
}

/// Opens the files. Fails if any of them cannot be opened, or the options do not fit them.
fn checked(options: &Upload, print: &Print) -> Result<Vec<LocalFile>, Failure> {
    if options.create.name.is_none() && options.paths.iter().any(|path| is_standard_input(path)) {
        return Err(Failure::Usage("- (standard input) requires --name".to_owned()));
    }
    let Found { files, mut failures, notes } = open_all(&options.paths);
    notes.iter().for_each(|note| print.note(note));
    match (failures.len(), &options.create.name, files.len()) {
        (0, Some(_), 2..) => Err(Failure::Usage("--name can be used only with one file".to_owned())),
        (0, ..) => Ok(files),
        (1, ..) => Err(failures.remove(0)),
        (failed, ..) => {
            failures.iter().for_each(|failure| print.failure(failure));
            Err(Failure::Several { failed, all: failed + files.len(), code: failures[0].exit_code() })
        }
    }
}

async fn one(
    api: &Api,
    local: &LocalFile,
    options: &Upload,
    print: &Print,
) -> Result<(Json, Journal), Failure> {
    let (file, journal) =
        send(api, local, request(local, options), usize::from(options.parallel), print).await?;
    let file = finished(api, file, &options.create, print).await?;
    if file["status"] == "failed" {
        journal.remove(); // the next run uploads it again
    }
    Ok((file, journal))
}

/// Uploads a file. Returns it with its journal entry, which the caller must remove when there is nothing to resume.
pub(crate) async fn send(
    api: &Api,
    local: &LocalFile,
    mut body: Map<String, Value>,
    parallel: usize,
    print: &Print,
) -> Result<(Json, Journal), Failure> {
    body.insert("size".to_owned(), json!(local.size));
    let is_small = local.size <= MAX_SINGLE_PUT;
    if is_small {
        body.insert("checksum_sha256".to_owned(), json!(local.sha256().await?));
    } else {
        body.insert("multipart".to_owned(), json!(true));
    }
    let body = Value::Object(body);
    let state = format!("{} {}", local.size, local.modified);
    let journal = Journal::of(&[&local.path.to_string_lossy(), &state, api.base(), &body.to_string()]);
    let file = if is_small {
        single::send(api, local, &body, &journal, print).await?
    } else {
        parts::send(api, local, &body, &journal, parallel, print).await?
    };
    Ok((file, journal))
}

/// Returns the request body that creates the file.
fn request(local: &LocalFile, options: &Upload) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(local.name()));
    if let Some(content_type) = &options.content_type {
        body.insert("content_type".to_owned(), json!(content_type));
    }
    add_options(&mut body, &options.create);
    body
}

/// Reports a file that an earlier run has uploaded, and counts it as sent.
fn skip(local: &LocalFile, print: &Print) {
    print.note(&format!("{local} is there already: an earlier run uploaded it"));
    print.bars.skip(local.size);
}

/// Returns the timeout for a PUT of so many bytes.
fn put_timeout(bytes: u64) -> Duration {
    Duration::from_secs(60 + bytes / MIN_BYTES_PER_SECOND)
}

/// The next step after a PUT that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Send the request again.
    Retry,
    /// The URL may have expired: sign it again, then send the request again.
    SignAndRetry,
    /// The failure is permanent.
    GiveUp,
}

/// Classifies the response of the storage to a PUT.
async fn classify(outcome: Result<Response, reqwest::Error>) -> Result<(), (Next, Failure)> {
    let failure = match outcome {
        Ok(response) if response.status().is_success() => return Ok(()),
        Ok(response) => crate::api::storage_refusal(response).await,
        Err(error) => crate::api::unreachable(&error),
    };
    let next = match &failure {
        Failure::Refused { status, reason, .. } => after(*status, reason),
        // The storage may close the connection if it refuses an expired URL before all bytes are sent.
        _ => Next::SignAndRetry,
    };
    Err((next, failure))
}

fn after(status: u16, code: &str) -> Next {
    match (status, code) {
        (403, _) | (400, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => Next::SignAndRetry,
        (408 | 429 | 500.., _) | (400, "RequestTimeout" | "IncompleteBody") => Next::Retry,
        (409, "ConditionalRequestConflict" | "OperationAborted") => Next::Retry,
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_failures_are_retried() {
        for (status, code, next) in [
            (403, "AccessDenied", Next::SignAndRetry),
            (400, "ExpiredToken", Next::SignAndRetry),
            (503, "SlowDown", Next::Retry),
            (500, "", Next::Retry),
            (400, "RequestTimeout", Next::Retry),
            (400, "BadDigest", Next::GiveUp),
            (404, "NoSuchUpload", Next::GiveUp),
            (412, "PreconditionFailed", Next::GiveUp),
        ] {
            assert_eq!(after(status, code), next, "{status} {code}");
        }
    }
}
