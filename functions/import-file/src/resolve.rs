//! The first stage: resolves the URL to its media, in the way of a preview.

use media_source::{MediaSource, Request, Resolved};
use safe_fetch::FetchError;
use tokio::time::timeout;

use crate::error::ImportError;
use crate::time_budget::TimeBudget;

/// Resolves the URL within the time budget.
///
/// # Errors
/// [`ImportError::GivenUp`] if the time is over, otherwise the converted [`ResolveError`](media_source::ResolveError).
pub(crate) async fn resolve(
    budget: TimeBudget,
    sources: &MediaSource,
    request: &Request,
) -> Result<Resolved, ImportError> {
    let resolved = timeout(budget.left(), sources.resolve(request)).await;
    Ok(resolved.map_err(|_| ImportError::GivenUp(FetchError::Timeout))??)
}
