//! Finds EXIF after the pixels of a large PNG.

use std::ops::Range;

use crate::mp4::boxes::number32;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Bytes at the end of the file that are searched. EXIF with a thumbnail takes less.
const SEARCHED: u64 = 64 * 1024;
/// Maximum number of candidates from which chunks are followed to the end.
const MAX_CANDIDATES: usize = 4;

/// Returns the place of the EXIF chunk's content among the last chunks of a file.
pub(super) async fn exif<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Range<u64>>, ReadAborted> {
    let start = reader.size().saturating_sub(SEARCHED);
    let tail = reader.bytes(start..reader.size()).await?;
    Ok(content(&tail).map(|place| start + place.start as u64..start + place.end as u64))
}

/// Returns the place of the content of the `eXIf` chunk from which chunks follow each other to the end.
fn content(tail: &[u8]) -> Option<Range<usize>> {
    let places = tail.windows(4).enumerate().filter(|(_, word)| word == b"eXIf").map(|(at, _)| at);
    let found =
        places.take(MAX_CANDIDATES).filter_map(|at| at.checked_sub(4)).find(|at| reaches_end(tail, *at))?;
    let length = usize::try_from(number32(tail, found)?).ok()?;
    Some(found + 8..found + 8 + length)
}

fn reaches_end(tail: &[u8], first: usize) -> bool {
    let mut at = first;
    // A chunk has a length, a kind, its content and a checksum.
    while let (Some(length), Some(kind)) = (number32(tail, at), tail.get(at + 4..at + 8)) {
        let Some(end) =
            usize::try_from(length).ok().and_then(|length| at.checked_add(12)?.checked_add(length))
        else {
            return false;
        };
        if kind == b"IEND" {
            return end == tail.len();
        }
        at = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], kind, content, &[0; 4]].concat()
    }

    #[test]
    fn exif_is_found_among_the_last_chunks() {
        let last = [chunk(b"eXIf", b"exif"), chunk(b"tEXt", b"words"), chunk(b"IEND", b"")].concat();
        let pixels = b"pixels eXIf pixels";
        let tail = [&pixels[..], &last].concat();
        assert_eq!(content(&tail).map(|place| &tail[place]), Some(&b"exif"[..]));
        assert_eq!(content(&tail[..tail.len() - 1]), None, "it does not end with the file");
        assert_eq!(content(&[&tail[..], b"x"].concat()), None);
        assert_eq!(content(&[&pixels[..], &chunk(b"IEND", b"")].concat()), None);
        assert_eq!(content(b"eXIf"), None);
    }
}
