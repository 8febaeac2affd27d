//! One run of an import, stage by stage: resolve, plan, transfer, commit.

use files_domain::limits;
use files_queues::ImportMessage;
use media_source::{MediaSource, Request};
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

/// Tries of a source that cannot be resumed, in one run.
const MAX_TRIES: u32 = 3;
/// Most variants and formats that give way to the next one, in one try.
const MAX_AVOIDED: usize = 3;

/// Brings an import to its end, or as far as one run of the function goes.
pub(crate) async fn run(mut lease: Lease<'_>, message: &ImportMessage) -> Result<(), BoxError> {
    let outcome = import(&mut lease, message).await;
    lease.conclude(message, outcome).await
}

/// Fetches all that is missing, and commits it. A source that changes is fetched from the beginning: bytes of two versions are
/// never mixed.
async fn import(lease: &mut Lease<'_>, message: &ImportMessage) -> Result<(), ImportError> {
    if lease.file.generation > limits::MAX_IMPORT_RUNS {
        return Err(ImportError::Refused("the source took too long".to_owned()));
    }
    let (sources, request) = prepare(lease, message)?;
    let mut restarts = lease.file.state.resume.as_ref().map_or(0, |resume| resume.restarts);
    loop {
        restarts = match fetch(lease, &sources, &request, restarts).await {
            // A source that sends other ranges than asked for is read in order from now on.
            Err(ImportError::Source(FetchError::WrongRange)) if restarts < MAX_RESTARTS => MAX_RESTARTS,
            Err(ImportError::Source(FetchError::Changed)) if restarts < MAX_RESTARTS => restarts + 1,
            fetched => {
                let (fetched, metadata) = fetched?;
                return commit(lease, fetched, &metadata).await;
            }
        };
        info!(file = %lease.file.id, restarts, "the source changed, or sent other bytes: the import restarts");
        lease.abort_upload().await.map_err(ImportError::Ours)?;
    }
}

/// Reads the message. The client keeps its connections for the time of this run.
fn prepare(lease: &Lease<'_>, message: &ImportMessage) -> Result<(MediaSource, Request), ImportError> {
    let import = lease.import;
    let refused = |why: String| ImportError::Refused(why);
    let url =
        SourceUrl::parse(&message.file_url, &import.allowed).map_err(|error| refused(error.to_string()))?;
    let request = Request::new(url, &message.headers).map_err(|error| refused(error.to_string()))?;
    let client = import.client.for_transfer(concurrency::MAX)?;
    Ok((MediaSource { client, allowed: import.allowed.clone(), pages: import.pages.clone() }, request))
}

/// Resumes what an earlier run began, or fetches from the beginning, several times if the source fails.
async fn fetch(
    lease: &mut Lease<'_>,
    sources: &MediaSource,
    request: &Request,
    restarts: u32,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    if let Some(plan) = resume(lease, sources, request, restarts).await? {
        return transfer(lease, plan).await;
    }
    let mut tries = 0;
    loop {
        let error = match fetch_best(lease, sources, request, restarts).await {
            Err(ImportError::Source(error)) if error.is_retryable() => error,
            other => return other,
        };
        tries += 1;
        warn!(file = %lease.file.id, tries, %error, "the source failed");
        let pause = error.retry_after().unwrap_or_else(|| backoff::pause(tries + 1));
        if tries == MAX_TRIES || pause > backoff::LONGEST || !lease.budget.allows(pause) {
            return Err(ImportError::GivenUp(error));
        }
        tokio::time::sleep(pause).await; // back-off between two tries, not a wait for an event
    }
}

/// Fetches the best of what the URL leads to. Where a variant of a playlist, or a format of a web page, fails during its
/// transfer, the next one is fetched from its beginning. If none succeeds, returns the first error.
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
        let choice = resolved.choice.clone();
        let plan = plan(lease, &sources.client, resolved, restarts).await?;
        match (transfer(lease, plan).await, choice) {
            (Err(error), Some(choice)) if error.is_of_choice() && request.avoided.len() < MAX_AVOIDED => {
                info!(file = %lease.file.id, ?error, "a variant or format failed");
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
