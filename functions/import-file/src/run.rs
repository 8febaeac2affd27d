//! One run of an import through its stages: resolve, plan, transfer, commit.

use files_domain::limits;
use files_queues::ImportMessage;
use media_source::{Content, MediaSource, Request};
use safe_fetch::{FetchError, SourceUrl};
use tracing::{info, warn};

use crate::commit::commit;
use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::lease::Lease;
use crate::plan::{MAX_RESTARTS, plan, resume};
use crate::resolve::resolve;
use crate::streams;
use crate::transfer::transfer;
use crate::{BoxError, backoff, concurrency};

/// The maximum number of attempts per run for a source that cannot be resumed.
const MAX_ATTEMPTS: u32 = 3;
/// The maximum number of variants and formats that are replaced by the next one in one attempt.
const MAX_AVOIDED: usize = 3;

/// Runs the stages of an import, and ends the lease according to the outcome.
///
/// # Errors
/// The errors of [`Lease::conclude`].
pub(crate) async fn run(mut lease: Lease<'_>, message: &ImportMessage) -> Result<(), BoxError> {
    let outcome = import(&mut lease, message).await;
    lease.conclude(message, outcome).await
}

/// Fetches all missing bytes and commits the object. Restarts from the beginning if the source changes, so that bytes of two
/// versions are never mixed.
async fn import(lease: &mut Lease<'_>, message: &ImportMessage) -> Result<(), ImportError> {
    if lease.file.generation > limits::MAX_IMPORT_RUNS {
        return Err(ImportError::Refused("the source took too long".to_owned()));
    }
    let (sources, request) = prepare(lease, message)?;
    let mut restarts = lease.file.state.resume.as_ref().map_or(0, |resume| resume.restarts);
    loop {
        restarts = match fetch(lease, &sources, &request, restarts).await {
            // A source that sends other ranges than requested is read in order from now on.
            Err(ImportError::Source(FetchError::WrongRange)) if restarts < MAX_RESTARTS => MAX_RESTARTS,
            Err(ImportError::Source(FetchError::Changed)) if restarts < MAX_RESTARTS => restarts + 1,
            fetched => {
                let (fetched, metadata) = fetched?;
                return commit(lease, fetched, &metadata).await;
            }
        };
        info!(file = %lease.file.id, restarts, "the source changed or sent another range, restarting the import");
        lease.start_over().await.map_err(ImportError::Ours)?;
    }
}

/// Creates the client and the request of this run. The client reuses its connections during the run.
fn prepare(lease: &Lease<'_>, message: &ImportMessage) -> Result<(MediaSource, Request), ImportError> {
    let import = lease.import;
    let refused = |why: String| ImportError::Refused(why);
    let url =
        SourceUrl::parse(&message.file_url, &import.allowed).map_err(|error| refused(error.to_string()))?;
    let request = Request::new(url, &message.headers).map_err(|error| refused(error.to_string()))?;
    // Joined bytes are new ones, which cannot have a SHA-256 that was announced.
    let joins = import.muxer.is_some() && lease.file.announced_sha256.is_none();
    let request = Request { joins, ..request };
    let client = import.client.for_transfer(concurrency::MAX)?;
    let (allowed, pages) = (import.allowed.clone(), import.pages.clone());
    Ok((MediaSource { client, allowed, pages, max_joined_height: import.max_joined_height }, request))
}

/// Resumes the transfer of an earlier run, or fetches from the beginning, in [`MAX_ATTEMPTS`] at most.
async fn fetch(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    if lease.file.state.streams.is_some() {
        return streams::resume_streams(lease, sources, request, restarts).await;
    }
    if let Some(plan) = resume(lease, sources, request, restarts).await? {
        return transfer(lease, plan).await;
    }
    let mut attempts = 0;
    loop {
        let error = match fetch_best(lease, sources, request, restarts).await {
            Err(ImportError::Source(error)) if error.is_retryable() => error,
            other => return other,
        };
        attempts += 1;
        warn!(file = %lease.file.id, attempts, %error, "the source failed");
        let delay = error.retry_after().unwrap_or_else(|| backoff::delay(attempts + 1));
        if attempts == MAX_ATTEMPTS || delay > backoff::MAX_BACKOFF || !lease.budget.allows(delay) {
            return Err(ImportError::GivenUp(error));
        }
        tokio::time::sleep(delay).await; // a backoff, not a wait for an event
    }
}

/// Fetches the best variant or format of the media. If its transfer fails, fetches the next one from the beginning.
///
/// # Errors
/// The error of the first variant or format, if none succeeds; see [`decisive`].
async fn fetch_best(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    let mut request = request.clone();
    let mut failed = None;
    loop {
        lease.start_over().await.map_err(ImportError::Ours)?;
        let mut resolved = match resolve(lease.budget, sources, &request).await {
            Ok(resolved) => resolved,
            Err(error) => return Err(decisive(failed, error)),
        };
        if let Content::File(source) = &resolved.content
            && request.avoided.is_empty()
        {
            lease.check_same_file(source)?;
        }
        let choice = resolved.choice.clone();
        let fetched = match resolved.sound.take() {
            Some(sound) => Box::pin(streams::fetch_streams(lease, sources, resolved, sound, restarts)).await,
            None => {
                let plan = plan(lease, &sources.client, resolved, restarts).await?;
                transfer(lease, plan).await
            }
        };
        match (fetched, choice) {
            (Err(error), Some(choice))
                if error.may_be_of_variant() && request.avoided.len() < MAX_AVOIDED =>
            {
                info!(file = %lease.file.id, ?error, "the transfer of a variant or format failed, trying the next one");
                request.avoided.push(choice);
                failed.get_or_insert(error);
            }
            (Err(error), _) => return Err(decisive(failed, error)),
            (fetched, _) => return fetched,
        }
    }
}

/// Returns the error of the first variant or format that failed, unless the last error is not of the media: then a later run may succeed.
fn decisive(first: Option<ImportError>, last: ImportError) -> ImportError {
    let is_of_media = last.may_be_of_variant() || matches!(last, ImportError::Refused(_));
    first.filter(|_| is_of_media).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_not_of_the_media_decides() {
        let first = || Some(ImportError::Unusable("first".to_owned()));
        let is_first = |last| matches!(decisive(first(), last), ImportError::Unusable(why) if why == "first");
        assert!(is_first(ImportError::Source(FetchError::Timeout)));
        assert!(is_first(ImportError::Refused("too large".to_owned())));
        assert!(!is_first(ImportError::Ours("Lambda".into())));
        assert!(!is_first(ImportError::OutOfTime) && !is_first(ImportError::Lost));
        assert!(matches!(decisive(None, ImportError::Lost), ImportError::Lost));
    }
}
