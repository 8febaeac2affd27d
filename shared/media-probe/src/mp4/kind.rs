//! What an ISO base media file is that ffprobe did not read.

use super::walk;
use crate::reader::{Ended, Reader};
use crate::reason::Kind;
use crate::source::RangeSource;

/// How much of a movie's description is searched for protection.
const SEARCHED: u64 = 1 << 20;

/// Tells by its first boxes; none for a movie, whole or not.
pub(crate) async fn kind<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Kind>, Ended> {
    let boxes = walk::children(reader, 0..reader.size()).await?;
    let has = |kind: &[u8; 4]| boxes.iter().any(|place| &place.kind == kind);
    if let Some(movie) = walk::of_kind(&boxes, b"moov") {
        let searched = movie.start..movie.end.min(movie.start.saturating_add(SEARCHED));
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
