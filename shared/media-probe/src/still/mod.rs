//! Reads image properties that ffprobe does not report: orientation, the primary picture of several, the duration of animations.
//! Each takes few bytes of the file's headers, within the limits of a probe.

mod chunks;
mod first_frame;
#[cfg(test)]
mod fuzz;
mod headers;
mod heif;
mod icons;
mod tail;
mod targa;
mod tiff;

use media_facts::{DurationSource, MediaType, ProbeFacts, ProbeSummary};
use serde_json::{Value, json};

use crate::media::{Display, FirstFrame, Media};
use crate::mp4::walk;
use crate::number::{count, reduced};
use crate::orientation::Orientation;
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;
use crate::stream::is;

/// Length in bytes of the identifier at the beginning of a `uuid` box.
const UUID: u64 = 16;

/// The properties of a picture, by the file's own headers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Picture {
    /// Width and height in pixels, before rotation.
    size: Option<(u32, u32)>,
    orientation: Option<Orientation>,
    codec: Option<&'static str>,
    content_type: Option<&'static str>,
    is_raw: bool,
    animation: Option<Animation>,
    /// As [`Display::items`].
    items: Vec<u32>,
    /// As [`Display::first`].
    first: Option<FirstFrame>,
}

/// The number of frames and their total duration.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Animation {
    frames: u32,
    seconds: f64,
}

/// Corrects ffprobe's description of an image.
pub(crate) async fn correct<S: RangeSource>(
    reader: &Reader<S>,
    media: &mut Media,
) -> Result<(), ReadAborted> {
    if media.media_type != MediaType::Image {
        return Ok(());
    }
    let format = media.summary.format_name.split(',').next().unwrap_or_default();
    let picture = match format {
        "jpeg_pipe" => chunks::jpeg(reader).await?,
        "png_pipe" | "apng" => chunks::png(reader).await?,
        "webp_pipe" => chunks::webp(reader).await?,
        "tiff_pipe" => tiff::read(reader, 0..reader.size()).await?,
        "mov" if is_canon_raw(media) => canon_raw(reader).await?,
        "mov" => heif::read(reader).await?,
        "gif" => gif(media),
        _ => None,
    };
    if let Some(picture) = picture {
        if format == "mov" && picture.size.is_none() && has_tiles(media) {
            (media.summary.width, media.summary.height) = (None, None);
        }
        picture.describe(media, reader.size());
    }
    Ok(())
}

/// Returns whether ffprobe lists several still pictures, of which each may be a tile.
fn has_tiles(media: &Media) -> bool {
    let streams = media.full.get("streams").and_then(Value::as_array).into_iter().flatten();
    let stills = streams.filter(|stream| is(stream, "video") && count(stream.get("nb_frames")) <= Some(1));
    stills.count() > 1
}

fn is_canon_raw(media: &Media) -> bool {
    let brand = media.full.get("format").and_then(|format| format.get("tags")?.get("major_brand")?.as_str());
    brand.is_some_and(|brand| brand.trim() == "crx")
}

/// Reads a Canon raw file (CR3), which has EXIF's first directory in a separate box of the movie box.
async fn canon_raw<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Picture>, ReadAborted> {
    let mut picture = Picture { content_type: Some("image/x-canon-cr3"), is_raw: true, ..Picture::default() };
    let Some(movie) = walk::find(reader, 0..reader.size(), b"moov").await? else { return Ok(Some(picture)) };
    for place in walk::children(reader, movie).await?.into_iter().filter(|place| &place.kind == b"uuid") {
        let content = place.content.start.saturating_add(UUID).min(place.content.end)..place.content.end;
        if let Some(exif) = walk::find(reader, content, b"CMT1").await? {
            let found = tiff::read(reader, exif).await?;
            // The movie's tracks have the sensor's picture, with borders, and previews.
            if let Some(found) = found {
                (picture.size, picture.orientation) = (found.size, found.orientation);
            }
        }
    }
    Ok(Some(picture))
}

/// Reads the frames and the duration of a GIF from ffprobe's output, whose frame rate is that of the shortest frame.
fn gif(media: &Media) -> Option<Picture> {
    let frames = count(media.full.get("streams")?.get(0)?.get("nb_frames"))?;
    let animation = Animation::of(u32::try_from(frames).ok()?, media.summary.duration?);
    Some(Picture { animation, ..Picture::default() })
}

/// Describes an image that ffprobe could not read, by its headers.
pub(crate) async fn from_headers<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Media>, ReadAborted> {
    let size = reader.size();
    let head = reader.bytes(0..headers::LONGEST.min(size)).await?;
    let found = match &head[..] {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            heif::read(reader).await?.map(|picture| ("mov,mp4,m4a,3gp,3g2,mj2", picture))
        }
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => {
            tiff::read(reader, 0..size).await?.map(|picture| ("tiff_pipe", picture))
        }
        [b'i', b'c', b'n', b's', ..] => icons::read(reader).await?.map(|picture| ("icns", picture)),
        _ => match targa::read(reader, &head).await? {
            Some(picture) => Some(("tga", picture)),
            None => headers::find(&head),
        },
    };
    Ok(found
        .filter(|(_, picture)| picture.size.is_some())
        .map(|(format, picture)| picture.into_media(format, &head, size)))
}

impl Picture {
    /// Builds a description without ffprobe's output.
    fn into_media(self, format: &str, head: &[u8], size: u64) -> Media {
        let mut tags = json!({});
        if let Some(brand) = head.get(8..12).filter(|_| format.starts_with("mov")) {
            tags["major_brand"] = json!(String::from_utf8_lossy(brand));
        }
        let mut media = Media {
            summary: ProbeSummary { format_name: format.to_owned(), ..ProbeSummary::default() },
            media_type: MediaType::Image,
            facts: ProbeFacts::default(),
            full: json!({
                "format": {"format_name": format, "size": size.to_string(), "tags": tags},
                "streams": [],
                "chapters": [],
            }),
            partial: None,
            content_type: None,
            visible: None,
            display: Display::default(),
        };
        self.describe(&mut media, size);
        media
    }

    fn describe(self, media: &mut Media, size: u64) {
        let summary = &mut media.summary;
        let is_turned = |degrees: Option<i32>| matches!(degrees, Some(90 | 270));
        // Undoes the rotation that ffprobe reports.
        let stored = match (summary.width, summary.height) {
            (Some(width), Some(height)) if is_turned(summary.rotation) => Some((height, width)),
            (Some(width), Some(height)) => Some((width, height)),
            _ => None,
        };
        if let Some((width, height)) = self.size.or(stored) {
            let swaps_sides = self.orientation.map_or(is_turned(summary.rotation), Orientation::swaps_sides);
            let visible_size = if swaps_sides { (height, width) } else { (width, height) };
            (summary.width, summary.height) = (Some(visible_size.0), Some(visible_size.1));
        }
        if let Some(orientation) = self.orientation {
            summary.rotation = orientation.rotation();
        }
        if summary.video_codec.is_none() {
            summary.video_codec = self.codec.map(str::to_owned);
        }
        media.display = Display { orientation: self.orientation, items: self.items, first: self.first };
        if self.is_raw {
            (media.facts.color, media.facts.hdr) = (None, None); // ffprobe reports those of a thumbnail
        }
        media.content_type = self.content_type.or(media.content_type);
        if let Some(animation) = self.animation {
            animation.describe(media, size);
        }
    }
}

impl Animation {
    /// Returns an animation of more than one frame and a duration above zero, rounded to microseconds.
    fn of(frames: u32, seconds: f64) -> Option<Self> {
        let seconds = (seconds * 1e6).round() / 1e6;
        (frames > 1 && seconds > 0.0).then_some(Self { frames, seconds })
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "milliseconds and bits per second, above zero"
    )]
    fn describe(self, media: &mut Media, size: u64) {
        media.summary.duration = Some(self.seconds);
        media.summary.duration_source = Some(DurationSource::Stated);
        media.summary.frame_rate = Some(f64::from(self.frames) / self.seconds);
        media.summary.bit_rate = Some((size as f64 * 8.0 / self.seconds) as u64).filter(|rate| *rate > 0);
        let milliseconds = (self.seconds * 1000.0).round() as u64;
        media.facts.frame_rate_ratio = reduced(u64::from(self.frames) * 1000, milliseconds);
        if let Some(stream) = media.full.get_mut("streams").and_then(|streams| streams.get_mut(0))
            && stream.get("nb_frames").is_none()
        {
            stream["nb_frames"] = Value::from(self.frames.to_string());
        }
    }
}
