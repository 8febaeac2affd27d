//! Reads the size of Apple icons.

use super::Picture;
use crate::mp4::boxes::number32;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Length in bytes of the header of the file and of each element.
const HEADER: u64 = 8;
/// Maximum number of elements that are visited. An icon has one or two of each size.
const MAX_ELEMENTS: usize = 32;

/// Reads the size of the largest picture by the kinds of the elements, each of which has one size.
pub(super) async fn read<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Picture>, ReadAborted> {
    let mut at = HEADER;
    let mut largest = None;
    for _ in 0..MAX_ELEMENTS {
        let start = at.min(reader.size());
        let header = reader.bytes(start..start.saturating_add(HEADER).min(reader.size())).await?;
        let (Some(kind), Some(length)) = (header.get(..4), number32(&header, 4)) else { break };
        largest = largest.max(side(kind));
        if u64::from(length) < HEADER {
            break;
        }
        at += u64::from(length);
    }
    Ok(largest.map(|side| Picture { size: Some((side, side)), ..Picture::default() }))
}

fn side(kind: &[u8]) -> Option<u32> {
    Some(match kind {
        b"ICON" | b"ICN#" | b"icl4" | b"icl8" | b"il32" | b"ic11" | b"icp5" => 32,
        b"ics#" | b"ics4" | b"ics8" | b"is32" | b"icp4" => 16,
        b"ich#" | b"ich4" | b"ich8" | b"ih32" => 48,
        b"ic12" | b"icp6" => 64,
        b"it32" | b"ic07" => 128,
        b"ic08" | b"ic13" => 256,
        b"ic09" | b"ic14" => 512,
        b"ic10" => 1024,
        _ => return None,
    })
}
