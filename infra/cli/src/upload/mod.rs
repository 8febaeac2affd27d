//! Uploads straight to the storage: a small file by one PUT, a larger one by parts.

mod journal;
mod parts;
mod signer;
mod single;

use std::path::Path;
use std::time::Duration;

use reqwest::Response;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::arguments::Upload;
use crate::failure::{Failure, each};
use crate::local_file::LocalFile;
use crate::print::Print;
use crate::simple::{add_options, created};

/// What is no larger goes by one PUT: it would be one part, and so it gets a SHA-256.
const ONE_PUT: u64 = 8 << 20;
/// Slower than this, in bytes a second, nothing is sent any more, and the try has failed.
const SLOWEST: u64 = 8 * 1024;

pub(crate) async fn upload(api: &Api, options: &Upload, print: &Print) -> Result<(), Failure> {
    if options.create.name.is_some() && options.paths.len() > 1 {
        return Err(Failure::Settings("--name is for one file".to_owned()));
    }
    each(&options.paths, print, async |path: &std::path::PathBuf| one(api, path, options, print).await).await
}

async fn one(api: &Api, path: &Path, options: &Upload, print: &Print) -> Result<(), Failure> {
    let local = LocalFile::open(path)?;
    let file = if local.size <= ONE_PUT {
        single::send(api, &local, request(&local, options), print).await?
    } else {
        parts::send(api, &local, request(&local, options), usize::from(options.parallel), print).await?
    };
    created(api, file, &options.create, print).await
}

/// What is announced of a file.
fn request(local: &LocalFile, options: &Upload) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(local.name()));
    body.insert("size".to_owned(), json!(local.size));
    if let Some(content_type) = &options.content_type {
        body.insert("content_type".to_owned(), json!(content_type));
    }
    add_options(&mut body, &options.create);
    body
}

/// How long sending so many bytes may take.
fn longest(bytes: u64) -> Duration {
    Duration::from_secs(60 + bytes / SLOWEST)
}

/// What to do after a PUT that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Try again.
    Again,
    /// The URL is no longer good: have it signed afresh, and try again.
    SignAgain,
    /// It will never be taken.
    GiveUp,
}

/// What the storage's answer to a PUT means.
async fn judge(outcome: Result<Response, reqwest::Error>) -> Result<(), (Next, Failure)> {
    let failure = match outcome {
        Ok(response) if response.status().is_success() => return Ok(()),
        Ok(response) => crate::api::storage_refusal(response).await,
        Err(error) => crate::api::unreachable(&error),
    };
    let next = match &failure {
        Failure::Refused { status, reason, .. } => after(*status, reason),
        // A connection that is cut may be how a refusal of an old URL looks to one who is still sending.
        _ => Next::SignAgain,
    };
    Err((next, failure))
}

fn after(status: u16, code: &str) -> Next {
    match (status, code) {
        (403, _) | (400, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => Next::SignAgain,
        (408 | 429 | 500.., _) | (400, "RequestTimeout" | "IncompleteBody") => Next::Again,
        (409, "ConditionalRequestConflict" | "OperationAborted") => Next::Again,
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, code, next) in [
            (403, "AccessDenied", Next::SignAgain),
            (400, "ExpiredToken", Next::SignAgain),
            (503, "SlowDown", Next::Again),
            (500, "", Next::Again),
            (400, "RequestTimeout", Next::Again),
            (400, "BadDigest", Next::GiveUp),
            (404, "NoSuchUpload", Next::GiveUp),
            (412, "PreconditionFailed", Next::GiveUp),
        ] {
            assert_eq!(after(status, code), next, "{status} {code}");
        }
    }
}
