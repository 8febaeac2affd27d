//! Reads the primary item of HEIF (ISO/IEC 23008-12) and AVIF, its size and its transformations. ffprobe lists the tiles of a
//! grid as pictures, and does not report the transformations.

use super::Picture;
use crate::mp4::boxes::{child, children, number32, version_and_flags};
use crate::mp4::walk;
use crate::orientation::Orientation;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Length in bytes of the version and the flags at the beginning of a full box.
const FULL_BOX: u64 = 4;
/// Longest descriptions of items that are read, in bytes. Thousands of tiles take some hundred kilobytes.
const MAX_ITEMS: u64 = 1 << 20;
/// The boxes of `meta` that describe items. Another one, `idat`, may have their bytes.
const DESCRIBING: [&[u8; 4]; 4] = [b"pitm", b"iinf", b"iref", b"iprp"];

/// Reads the primary item of a file. If it is not described, or the descriptions are too long, a picture without a size.
pub(super) async fn read<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Picture>, ReadAborted> {
    let Some(meta) = walk::find(reader, 0..reader.size(), b"meta").await? else { return Ok(None) };
    let content = meta.start.saturating_add(FULL_BOX).min(meta.end)..meta.end;
    let mut items = vec![0; 4];
    for place in walk::children(reader, content).await? {
        let length = place.content.end - place.content.start;
        if DESCRIBING.contains(&&place.kind) && items.len() as u64 + length <= MAX_ITEMS {
            let size = u32::try_from(length + 8).unwrap_or(u32::MAX);
            items.extend([&size.to_be_bytes()[..], &place.kind].concat());
            items.extend(reader.bytes(place.content).await?);
        }
    }
    let unknown = || Picture { items: primary(&items[4..]).into_iter().collect(), ..Picture::default() };
    Ok(Some(picture(&items).unwrap_or_else(unknown)))
}

/// Returns the primary item described by the content of `meta`.
pub(super) fn picture(meta: &[u8]) -> Option<Picture> {
    let meta = meta.get(4..)?;
    let primary = primary(meta)?;
    let properties = child(meta, b"iprp")?;
    let all: Vec<_> = children(child(properties, b"ipco")?).collect();
    let items = [vec![primary], thumbnails(meta, primary).unwrap_or_default()].concat();
    let mut picture = Picture { codec: codec(meta, primary), items, ..Picture::default() };
    let mut orientation = Orientation::default();
    for index in children(properties)
        .filter(|(kind, _)| kind == b"ipma")
        .find_map(|(_, ipma)| of_item(ipma, primary))?
    {
        let Some((kind, content)) = index.checked_sub(1).and_then(|index| all.get(index)) else { continue };
        match kind {
            b"ispe" => picture.size = Some((number32(content, 4)?, number32(content, 8)?)),
            b"clap" => {
                picture.size = picture.size.and_then(|size| clean_aperture(content, size)).or(picture.size)
            }
            b"irot" => orientation = orientation.turned(3 * (content.first()? & 3)),
            // 0 flips vertically, 1 horizontally.
            b"imir" if content.first()? & 1 == 0 => orientation = orientation.mirrored().turned(2),
            b"imir" => orientation = orientation.mirrored(),
            _ => {}
        }
    }
    picture.orientation = Some(orientation);
    picture.size.is_some_and(|(width, height)| width > 0 && height > 0).then_some(picture)
}

fn primary(meta: &[u8]) -> Option<u32> {
    let content = child(meta, b"pitm")?;
    item_id(content, 4, version_and_flags(content)?.0 > 0).map(|(id, _)| id)
}

/// Reads an item id of two or four bytes, and returns it with the position after it.
fn item_id(content: &[u8], at: usize, is_wide: bool) -> Option<(u32, usize)> {
    if is_wide {
        return Some((number32(content, at)?, at + 4));
    }
    let bytes = content.get(at..at.checked_add(2)?)?;
    Some((u32::from(u16::from_be_bytes(bytes.try_into().ok()?)), at + 2))
}

/// Returns the thumbnails of an item.
fn thumbnails(meta: &[u8], item: u32) -> Option<Vec<u32>> {
    let references = child(meta, b"iref")?;
    let is_wide = version_and_flags(references)?.0 > 0;
    let thumbnail = |content: &[u8]| {
        // From one item, to a number of others.
        let (from, at) = item_id(content, 0, is_wide)?;
        let (to, _) = item_id(content, at.checked_add(2)?, is_wide)?;
        (to == item).then_some(from)
    };
    let of_kind = children(references.get(4..)?).filter(|(kind, _)| kind == b"thmb");
    Some(of_kind.filter_map(|(_, content)| thumbnail(content)).collect())
}

/// Returns the properties of an item in their order, as indexes from 1.
fn of_item(ipma: &[u8], item: u32) -> Option<Vec<usize>> {
    let (version, flags) = version_and_flags(ipma)?;
    let mut at = 8;
    for _ in 0..number32(ipma, 4)? {
        let (id, after) = item_id(ipma, at, version > 0)?;
        let count = usize::from(*ipma.get(after)?);
        let (first, each) = (after + 1, if flags & 1 == 0 { 1 } else { 2 });
        let numbers = ipma.get(first..first.checked_add(count * each)?)?;
        if id == item {
            // The highest bit marks an essential property.
            let number = |bytes: &[u8]| match bytes {
                [one] => usize::from(one & 0x7F),
                _ => usize::from(u16::from_be_bytes([bytes[0], bytes[1]]) & 0x7FFF),
            };
            return Some(numbers.chunks_exact(each).map(number).collect());
        }
        at = first + numbers.len();
    }
    None
}

/// Returns the size of the clean aperture; `None` if it exceeds the picture.
fn clean_aperture(content: &[u8], (width, height): (u32, u32)) -> Option<(u32, u32)> {
    let side = |at: usize, whole: u32| {
        let (above, below) = (number32(content, at)?, number32(content, at + 4)?);
        let side = above.checked_div(below)?;
        (1..=whole).contains(&side).then_some(side)
    };
    Some((side(0, width)?, side(8, height)?))
}

/// Returns ffprobe's name of the primary item's codec; for a grid, that of its tiles.
fn codec(meta: &[u8], primary: u32) -> Option<&'static str> {
    let entries = child(meta, b"iinf")?;
    let after = if version_and_flags(entries)?.0 == 0 { 6 } else { 8 };
    let items: Vec<(u32, &[u8])> = children(entries.get(after..)?)
        .filter(|(kind, _)| kind == b"infe")
        .filter_map(|(_, entry)| {
            let (id, end) = item_id(entry, 4, version_and_flags(entry)?.0 > 2)?;
            Some((id, entry.get(end + 2..end + 6)?))
        })
        .collect();
    let name = |kind: &[u8]| match kind {
        b"hvc1" | b"hev1" => Some("hevc"),
        b"av01" => Some("av1"),
        b"avc1" => Some("h264"),
        b"jpeg" => Some("mjpeg"),
        b"j2k1" => Some("jpeg2000"),
        _ => None,
    };
    let own = items.iter().find(|(id, _)| *id == primary).and_then(|(_, kind)| name(kind));
    own.or_else(|| items.iter().find_map(|(_, kind)| name(kind)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes(), &kind[..], content].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Returns a `meta` box with tiles (items 1 and 2), a grid of them (3), which is primary, and a thumbnail (4).
    pub(crate) fn tiled(more: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let entry =
            |id: u8, kind: &[u8; 4]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], &kind[..], &[0]].concat());
        let entries = [entry(1, b"hvc1"), entry(2, b"hvc1"), entry(3, b"grid"), entry(4, b"hvc1")].concat();
        let size = |width: u32, height: u32| boxed(b"ispe", &words(&[0, width, height]));
        let mut properties = [size(512, 512), size(4032, 3024), size(320, 240)].concat();
        properties.extend(more.iter().flat_map(|(kind, content)| boxed(kind, content)));
        let mut grid = vec![0, 3, u8::try_from(1 + more.len()).unwrap(), 0x80 | 2];
        grid.extend((0..more.len()).map(|index| 0x80 | u8::try_from(4 + index).unwrap()));
        let ipma = [&words(&[0, 4])[..], &[0, 1, 1, 1, 0, 2, 1, 1], &grid[..], &[0, 4, 1, 3]].concat();
        let iprp = [boxed(b"ipco", &properties), boxed(b"ipma", &ipma)].concat();
        let parts = [
            boxed(b"hdlr", &words(&[0, 0, u32::from_be_bytes(*b"pict"), 0, 0, 0])),
            boxed(b"pitm", &[0, 0, 0, 0, 0, 3]),
            boxed(b"iinf", &[&[0, 0, 0, 0, 0, 4][..], &entries].concat()),
            boxed(b"iref", &[&[0; 4][..], &boxed(b"thmb", &[0, 4, 0, 1, 0, 3])].concat()),
            boxed(b"iprp", &iprp),
        ];
        [&[0; 4][..], &parts.concat()].concat()
    }

    fn found(more: &[(&[u8; 4], Vec<u8>)]) -> (Option<(u32, u32)>, Option<Orientation>) {
        let picture = picture(&tiled(more)).unwrap();
        (picture.size, picture.orientation)
    }

    #[test]
    fn size_and_orientation_are_those_of_the_primary_item() {
        let exif = Orientation::of_exif;
        assert_eq!(found(&[]), (Some((4032, 3024)), exif(1)));
        assert_eq!(found(&[(b"irot", vec![3])]).1, exif(6));
        assert_eq!(found(&[(b"irot", vec![1])]).1, exif(8));
        assert_eq!(found(&[(b"imir", vec![1])]).1, exif(2));
        assert_eq!(found(&[(b"irot", vec![1]), (b"imir", vec![0])]).1, exif(5));
        let clap = |width: u32, height: u32| words(&[width, 1, height, 1, 0, 1, 0, 1]);
        assert_eq!(found(&[(b"clap", clap(4000, 3000)), (b"irot", vec![2])]), (Some((4000, 3000)), exif(3)));
        for odd in [clap(4033, 3000), clap(0, 3000), words(&[7, 0, 7, 0]), vec![]] {
            assert_eq!(found(&[(b"clap", odd)]).0, Some((4032, 3024)));
        }
        let picture = picture(&tiled(&[])).unwrap();
        assert_eq!(
            (picture.codec, picture.items),
            (Some("hevc"), vec![3, 4]),
            "the tiles do not show the picture"
        );
    }

    #[test]
    fn truncated_items_are_rejected() {
        let whole = tiled(&[(b"irot", vec![1])]);
        for length in 0..whole.len() - 40 {
            assert_eq!(picture(&whole[..length]), None, "{length}");
        }
    }
}
