//! Finds boxes in a file by reading only their headers.

use std::ops::Range;

use super::boxes::{self, MAX_HEADER};
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Maximum number of boxes visited in a box.
const MAX_CHILDREN: usize = 256;

/// A box in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: [u8; 4],
    /// Range of its content.
    pub(crate) content: Range<u64>,
}

/// Finds the boxes in a part of the file, up to the first malformed one and at most [`MAX_CHILDREN`].
pub(crate) async fn children<S: RangeSource>(
    reader: &Reader<S>,
    within: Range<u64>,
) -> Result<Vec<Place>, ReadAborted> {
    until(reader, within, None).await
}

/// Finds the first box of this kind in a part of the file, and reads nothing after it.
pub(crate) async fn find<S: RangeSource>(
    reader: &Reader<S>,
    within: Range<u64>,
    kind: &[u8; 4],
) -> Result<Option<Range<u64>>, ReadAborted> {
    Ok(of_kind(&until(reader, within, Some(kind)).await?, kind))
}

async fn until<S: RangeSource>(
    reader: &Reader<S>,
    within: Range<u64>,
    last: Option<&[u8; 4]>,
) -> Result<Vec<Place>, ReadAborted> {
    let mut found = Vec::new();
    let mut at = within.start;
    while at < within.end && found.len() < MAX_CHILDREN {
        let bytes = reader.bytes(at..at.saturating_add(MAX_HEADER).min(within.end)).await?;
        let Some(header) = boxes::header(&bytes, within.end - at) else { break };
        found.push(Place { kind: header.kind, content: at + header.length..at + header.size });
        at += header.size;
        if last == Some(&header.kind) {
            break;
        }
    }
    Ok(found)
}

/// Returns the range of the content of the first box of this kind.
pub(crate) fn of_kind(places: &[Place], kind: &[u8; 4]) -> Option<Range<u64>> {
    places.iter().find(|place| &place.kind == kind).map(|place| place.content.clone())
}
