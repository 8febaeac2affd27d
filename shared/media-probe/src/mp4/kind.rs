//! Classifies ISO base media files that ffprobe cannot read.

use super::walk;
use crate::reader::{ReadAborted, Reader};
use crate::reason::Kind;
use crate::source::RangeSource;

/// Maximum number of bytes of a movie box that are searched for protection boxes.
const MAX_SEARCHED: u64 = 1 << 20;

/// Returns the kind of a file by its first boxes; `None` for an unprotected movie.
pub(crate) async fn kind<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Kind>, ReadAborted> {
    let boxes = walk::children(reader, 0..reader.size()).await?;
    let has = |kind: &[u8; 4]| boxes.iter().any(|place| &place.kind == kind);
    if let Some(movie) = walk::of_kind(&boxes, b"moov") {
        let searched = movie.start..movie.end.min(movie.start.saturating_add(MAX_SEARCHED));
        let movie = reader.bytes(searched).await?;
        let is_protected = movie.windows(4).any(|word| word == b"sinf" || word == b"pssh");
        return Ok(is_protected.then_some(Kind::Encrypted));
    }
    Ok(if has(b"moof") || has(b"styp") || has(b"sidx") {
        Some(Kind::Segment)
    } else {
        has(b"meta").then_some(Kind::Picture)
    })
}
