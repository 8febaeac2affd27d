//! The first stage: from the URL to its media, as a preview resolves it.

use media_source::{MediaSource, Request, Resolved};
use safe_fetch::FetchError;
use tokio::time::timeout;

use crate::error::ImportError;
use crate::time_budget::TimeBudget;

/// Resolves the URL in the time that is left.
pub(crate) async fn resolve(
    budget: TimeBudget,
    sources: &MediaSource,
    request: &Request,
) -> Result<Resolved, ImportError> {
    let resolved = timeout(budget.left(), sources.resolve(request)).await;
    Ok(resolved.map_err(|_| ImportError::GivenUp(FetchError::Timeout))??)
}
