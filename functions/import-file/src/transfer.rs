//! The third stage: transfers the bytes as planned.

use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::lease::Lease;
use crate::plan::{Plan, Transfer};
use crate::transfer_ranges::transfer_ranges;
use crate::transfer_stream::transfer_stream;

/// Transfers the bytes of a source.
///
/// # Errors
/// Those of [`transfer_ranges`] and [`transfer_stream`].
pub(crate) async fn transfer(
    lease: &mut Lease<'_>,
    plan: Plan,
) -> Result<(Fetched, SourceMetadata), ImportError> {
    let Plan { metadata, transfer } = plan;
    let fetched = match transfer {
        Transfer::Ranges(ranges) => transfer_ranges(lease, *ranges).await?,
        Transfer::Stream(stream) => transfer_stream(lease, *stream, &metadata).await?,
    };
    Ok((fetched, metadata))
}
