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
use crate::plan::{MAX_RESTARTS, Plan, Transfer, plan, resume};
use crate::resolve::resolve;
use crate::transfer_ranges::transfer_ranges;
use crate::transfer_stream::transfer_stream;
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
        lease.abort_upload().await.map_err(ImportError::Ours)?;
    }
}

/// Creates the client and the request of this run. The client reuses its connections during the run.
fn prepare(lease: &Lease<'_>, message: &ImportMessage) -> Result<(MediaSource, Request), ImportError> {
    let import = lease.import;
    let refused = |why: String| ImportError::Refused(why);
    let url =
        SourceUrl::parse(&message.file_url, &import.allowed).map_err(|error| refused(error.to_string()))?;
    let request = Request::new(url, &message.headers).map_err(|error| refused(error.to_string()))?;
    let client = import.client.for_transfer(concurrency::MAX)?;
    Ok((MediaSource { client, allowed: import.allowed.clone(), pages: import.pages.clone() }, request))
}

/// Resumes the transfer of an earlier run, or fetches from the beginning, in [`MAX_ATTEMPTS`] at most.
async fn fetch(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
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
/// The error of the first variant or format, if none succeeds.
async fn fetch_best(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    let mut request = request.clone();
    let mut failed = None;
    loop {
        lease.abort_upload().await.map_err(ImportError::Ours)?;
        let resolved = match resolve(lease.budget, sources, &request).await {
            Ok(resolved) => resolved,
            Err(error) => return Err(failed.unwrap_or(error)),
        };
        if let Content::File(source) = &resolved.content
            && request.avoided.is_empty()
        {
            lease.check_same_file(source)?;
        }
        let choice = resolved.choice.clone();
        let plan = plan(lease, &sources.client, resolved, restarts).await?;
        match (transfer(lease, plan).await, choice) {
            (Err(error), Some(choice))
                if error.may_be_of_variant() && request.avoided.len() < MAX_AVOIDED =>
            {
                info!(file = %lease.file.id, ?error, "the transfer of a variant or format failed, trying the next one");
                request.avoided.push(choice);
                failed.get_or_insert(error);
            }
            (Err(error), _) => return Err(failed.unwrap_or(error)),
            (fetched, _) => return fetched,
        }
    }
}

async fn transfer(lease: &mut Lease<'_>, plan: Plan) -> Result<(Fetched, SourceMetadata), ImportError> {
    let Plan { metadata, transfer } = plan;
    let fetched = match transfer {
        Transfer::Ranges(ranges) => transfer_ranges(lease, *ranges).await?,
        Transfer::Stream(stream) => transfer_stream(lease, *stream, &metadata).await?,
    };
    Ok((fetched, metadata))
}
