//! Reads the directories of TIFF and BigTIFF, which EXIF and most cameras' raw files use too: the orientation, and which of
//! several pictures is the full one.

use std::ops::Range;

use super::Picture;
use crate::orientation::Orientation;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Maximum number of directories of a file, and entries of a directory, that are read.
const MAX_DIRECTORIES: usize = 24;
const MAX_ENTRIES: u64 = 512;
/// Longest name of a camera's maker that is read, in characters.
const MAX_MAKER: u64 = 64;

/// Tags (TIFF 6.0, DNG 1.6).
mod tag {
    pub(super) const SUBFILE: u16 = 254;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const MAKER: u16 = 271;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SUB_DIRECTORIES: u16 = 330;
    pub(super) const DNG_VERSION: u16 = 50706;
    pub(super) const CROP_SIZE: u16 = 50720;
}

/// Photometric interpretations of raw pictures: colour filter array and linear raw.
const RAW_PHOTOMETRICS: [u64; 2] = [32803, 34892];

/// The media types of cameras' raw files, by the maker's name.
const MAKERS: [(&str, &str); 11] = [
    ("NIKON", "image/x-nikon-nef"),
    ("Canon", "image/x-canon-cr2"),
    ("SONY", "image/x-sony-arw"),
    ("PENTAX", "image/x-pentax-pef"),
    ("RICOH", "image/x-pentax-pef"),
    ("SAMSUNG", "image/x-samsung-srw"),
    ("SEIKO EPSON", "image/x-epson-erf"),
    ("Hasselblad", "image/x-hasselblad-3fr"),
    ("EASTMAN KODAK", "image/x-kodak-dcr"),
    ("Kodak", "image/x-kodak-dcr"),
    ("Phase One", "image/x-phaseone-iiq"),
];

/// The byte order and the size of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    is_little: bool,
    is_big_tiff: bool,
}

impl Form {
    /// Reads the first bytes of a file. Returns the form and the position of the first directory.
    pub(super) fn of(header: &[u8]) -> Option<(Self, u64)> {
        let is_little = header.starts_with(b"II");
        if !is_little && !header.starts_with(b"MM") {
            return None;
        }
        let small = Self { is_little, is_big_tiff: false };
        match small.number(header.get(2..4)?) {
            42 => Some((small, small.number(header.get(4..8)?))),
            43 => Some((Self { is_big_tiff: true, ..small }, small.number(header.get(8..16)?))),
            _ => None,
        }
    }

    fn number(self, bytes: &[u8]) -> u64 {
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }

    /// Returns the length in bytes of a number of entries, and of the position of a directory.
    fn count_and_place(self) -> (u64, u64) {
        if self.is_big_tiff { (8, 8) } else { (2, 4) }
    }

    fn entry_length(self) -> u64 {
        if self.is_big_tiff { 20 } else { 12 }
    }
}

/// An entry, with its values or, if they do not fit, their position.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    tag: u16,
    values: Values,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    Here(Vec<u64>),
    Elsewhere { at: u64, count: u64, each: u64, is_ratio: bool },
}

/// Reads an entry of integers, ratios or text.
fn entry(form: Form, bytes: &[u8]) -> Option<Entry> {
    let (tag, kind) = (form.number(bytes.get(..2)?), form.number(bytes.get(2..4)?));
    let (count, field) = bytes.get(4..)?.split_at_checked(if form.is_big_tiff { 8 } else { 4 })?;
    let count = form.number(count);
    let each: u64 = match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 13 => 4,
        5 | 10 | 16 | 17 | 18 => 8,
        _ => return None,
    };
    let is_ratio = matches!(kind, 5 | 10);
    let length = count.checked_mul(each)?;
    let values = if length <= field.len() as u64 {
        let values = field.get(..usize::try_from(length).ok()?)?.chunks_exact(usize::try_from(each).ok()?);
        Values::Here(values.map(|value| value_of(form, value, is_ratio)).collect())
    } else {
        Values::Elsewhere { at: form.number(field), count, each, is_ratio }
    };
    Some(Entry { tag: u16::try_from(tag).ok()?, values })
}

fn value_of(form: Form, bytes: &[u8], is_ratio: bool) -> u64 {
    if !is_ratio {
        return form.number(bytes);
    }
    let (above, below) = bytes.split_at(bytes.len() / 2);
    form.number(above).checked_div(form.number(below)).unwrap_or(0)
}

/// A directory, which describes one picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Directory {
    size: Option<(u64, u64)>,
    crop: Option<(u64, u64)>,
    orientation: Option<Orientation>,
    is_reduced: bool,
    is_raw: bool,
    is_dng: bool,
    maker: Option<&'static str>,
    below: Vec<u64>,
    next: u64,
}

/// A TIFF structure within a file. Positions count from its beginning.
struct Tiff<'a, S> {
    reader: &'a Reader<S>,
    within: Range<u64>,
    form: Form,
}

impl<S: RangeSource> Tiff<'_, S> {
    /// Reads `length` bytes from `at`; fewer at the end of the structure.
    async fn bytes(&self, at: u64, length: u64) -> Result<Vec<u8>, ReadAborted> {
        let start = self.within.start.saturating_add(at).min(self.within.end);
        self.reader.bytes(start..start.saturating_add(length).min(self.within.end)).await
    }

    async fn values(&self, entry: &Entry, most: u64) -> Result<Vec<u64>, ReadAborted> {
        match &entry.values {
            Values::Here(values) => Ok(values.clone()),
            Values::Elsewhere { at, count, each, is_ratio } => {
                let bytes = self.bytes(*at, (*count).min(most) * each).await?;
                let values = bytes.chunks_exact(usize::try_from(*each).unwrap_or(1));
                Ok(values.map(|value| value_of(self.form, value, *is_ratio)).collect())
            }
        }
    }

    async fn directory(&self, at: u64) -> Result<Option<Directory>, ReadAborted> {
        let (counted, placed) = self.form.count_and_place();
        let count = self.bytes(at, counted).await?;
        let count = self.form.number(&count);
        if count == 0 || count > MAX_ENTRIES {
            return Ok(None);
        }
        let length = count * self.form.entry_length();
        let bytes = self.bytes(at.saturating_add(counted), length + placed).await?;
        let (entries, next) = bytes.split_at(bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX)));
        let mut directory = Directory { next: self.form.number(next), ..Directory::default() };
        let each = usize::try_from(self.form.entry_length()).unwrap_or(usize::MAX);
        for entry in entries.chunks_exact(each).filter_map(|bytes| entry(self.form, bytes)) {
            self.note(&mut directory, &entry).await?;
        }
        Ok(Some(directory))
    }

    async fn note(&self, directory: &mut Directory, entry: &Entry) -> Result<(), ReadAborted> {
        let is_known = matches!(entry.tag, 254..=274 | 330 | 50706 | 50720);
        if !is_known {
            return Ok(());
        }
        let values = self.values(entry, MAX_MAKER).await?;
        let first = values.first().copied().unwrap_or(0);
        match entry.tag {
            tag::SUBFILE => directory.is_reduced = first & 1 == 1,
            tag::WIDTH => directory.size = Some((first, directory.size.map_or(0, |(_, height)| height))),
            tag::HEIGHT => directory.size = Some((directory.size.map_or(0, |(width, _)| width), first)),
            tag::PHOTOMETRIC => directory.is_raw = RAW_PHOTOMETRICS.contains(&first),
            tag::MAKER => directory.maker = maker(&values),
            tag::ORIENTATION => directory.orientation = Orientation::of_exif(first),
            tag::SUB_DIRECTORIES => directory.below = values,
            tag::DNG_VERSION => directory.is_dng = true,
            tag::CROP_SIZE => directory.crop = values.get(1).map(|height| (first, *height)),
            _ => {}
        }
        Ok(())
    }
}

fn maker(text: &[u64]) -> Option<&'static str> {
    let text: String = text.iter().filter_map(|byte| u8::try_from(*byte).ok()).map(char::from).collect();
    MAKERS.iter().find(|(name, _)| text.starts_with(name)).map(|(_, found)| *found)
}

/// Reads the TIFF structure in this part of the file. EXIF has only an orientation, other structures also a picture.
pub(super) async fn read<S: RangeSource>(
    reader: &Reader<S>,
    within: Range<u64>,
) -> Result<Option<Picture>, ReadAborted> {
    let header = reader.bytes(within.start..within.start.saturating_add(16).min(within.end)).await?;
    let Some((form, first)) = Form::of(&header) else { return Ok(None) };
    let tiff = Tiff { reader, within, form };
    let (mut found, mut open, mut seen) = (Vec::new(), vec![first], Vec::new());
    while let Some(at) = open.pop()
        && seen.len() < MAX_DIRECTORIES
    {
        if at == 0 || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        if let Some(directory) = tiff.directory(at).await? {
            open.push(directory.next);
            open.extend(directory.below.iter().copied().take(MAX_DIRECTORIES));
            found.push(directory);
        }
    }
    Ok(picture(&found))
}

/// Returns the picture of a file by its directories: the first one; for a camera's raw file, the largest one.
fn picture(directories: &[Directory]) -> Option<Picture> {
    let first = directories.first()?;
    let is_raw = first.is_dng || directories.iter().any(|directory| directory.is_raw);
    let whole = |directory: &&Directory| !directory.is_reduced && directory.size.is_some();
    let largest = || directories.iter().filter(whole).max_by_key(|found| found.size.map_or(0, area));
    let chosen = if is_raw { largest().unwrap_or(first) } else { first };
    let size = chosen.crop.filter(|crop| Some(area(*crop)) <= chosen.size.map(area)).or(chosen.size);
    let kind = if first.is_dng { Some("image/x-adobe-dng") } else { first.maker };
    let side = |pixels: u64| u32::try_from(pixels).ok().filter(|pixels| *pixels > 0);
    Some(Picture {
        size: size.and_then(|(width, height)| Some((side(width)?, side(height)?))),
        orientation: first.orientation,
        content_type: kind.filter(|_| is_raw),
        is_raw,
        ..Picture::default()
    })
}

fn area((width, height): (u64, u64)) -> u64 {
    width.saturating_mul(height)
}
