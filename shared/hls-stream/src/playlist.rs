//! Parses playlists into variants, renditions and segments.
//!
//! Unknown tags are ignored, as RFC 8216 requires. A malformed tag that determines which bytes are stored is refused by name, and
//! so is a URI that belongs to no tag.

use safe_fetch::Url;

use crate::Refusal;
use crate::grammar::{Attributes, Line, byte_range, lines, number};
use crate::variables::Variables;

/// A parsed playlist of either type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Playlist {
    Master(Master),
    Media(Media),
}

/// A multivariant playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Master {
    pub(crate) variants: Vec<Variant>,
    pub(crate) renditions: Vec<Rendition>,
    /// Whether the playlist has variants for seeking (`EXT-X-I-FRAME-STREAM-INF`).
    pub(crate) has_i_frames: bool,
    /// The variables that the playlists of the variants can import.
    pub(crate) variables: Variables,
}

/// A variant: `EXT-X-STREAM-INF` and its URI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) uri: String,
    pub(crate) bandwidth: u64,
    /// The height in pixels, or 0 if unknown.
    pub(crate) height: u64,
    pub(crate) has_resolution: bool,
    pub(crate) codecs: Option<String>,
    pub(crate) audio: Option<String>,
    pub(crate) video: Option<String>,
}

/// An audio or video rendition: `EXT-X-MEDIA`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rendition {
    pub(crate) is_audio: bool,
    pub(crate) group: String,
    /// Without a URI, the rendition is part of the variant's own stream.
    pub(crate) uri: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) is_default: bool,
    /// Whether players choose the rendition by the language of their user.
    pub(crate) is_autoselect: bool,
    /// The number of audio channels, or 0 if unknown.
    pub(crate) channels: u64,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) segments: Vec<Segment>,
    /// Whether the playlist has `EXT-X-ENDLIST`.
    pub(crate) has_ended: bool,
    /// Whether its type is VOD: no segments are added, even without `EXT-X-ENDLIST`.
    pub(crate) is_vod: bool,
    pub(crate) i_frames_only: bool,
}

/// A media segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) uri: String,
    pub(crate) range: Option<Range>,
    pub(crate) map: Option<Map>,
    pub(crate) encryption: Option<Encryption>,
    /// Whether the segment is missing (`EXT-X-GAP`).
    pub(crate) is_gap: bool,
}

/// A byte range: `<length>[@<offset>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) length: u64,
    pub(crate) offset: Option<u64>,
}

/// An initialisation section: `EXT-X-MAP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) uri: String,
    pub(crate) range: Option<Range>,
}

/// The way in which segments are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// AES with a key that can be fetched without a licence (`KEYFORMAT` is `identity`).
    Identity,
    /// A key that needs a licence, or a method other than AES over whole segments.
    Drm,
}

/// Parses the playlist at the URL `from`. `imported` are the variables of the multivariant playlist that refers to it.
///
/// # Errors
/// [`Refusal::Malformed`], [`Refusal::StrayLine`], or [`Refusal::Tag`] with the name of the malformed tag.
pub(crate) fn read(text: &str, from: &Url, imported: &Variables) -> Result<Playlist, Refusal> {
    let mut all = lines(text);
    let first = all.next();
    if !matches!(first, Some(Line::Tag { name, .. }) if is_header(name)) {
        return Err(Refusal::Malformed);
    }
    let mut reader = Reader::new(from, imported);
    for line in all {
        match line {
            Line::Tag { name, value } => reader.tag(name, value).ok_or_else(|| unreadable(name))?,
            Line::Uri(uri) => reader.uri(uri)?,
        }
    }
    reader.finish()
}

fn unreadable(tag: &str) -> Refusal {
    Refusal::Tag(tag.trim_start_matches('#').chars().filter(char::is_ascii_graphic).take(40).collect())
}

struct Reader<'a> {
    from: &'a Url,
    imported: &'a Variables,
    variables: Variables,
    master: Master,
    media: Media,
    is_master: bool,
    /// Whether a tag of RFC 8216 has been read. Lists of players for local files (M3U) have none.
    is_hls: bool,
    /// An `EXT-X-STREAM-INF` whose URI has not been read yet.
    variant: Option<Variant>,
    // These apply to the next segment only.
    has_duration: bool,
    range: Option<Range>,
    is_gap: bool,
    // These apply to all following segments.
    map: Option<Map>,
    keys: Vec<Encryption>,
    /// Whether `EXT-X-PART` tags have been read whose segment has not.
    has_pending_parts: bool,
}

impl<'a> Reader<'a> {
    fn new(from: &'a Url, imported: &'a Variables) -> Self {
        Self {
            from,
            imported,
            variables: Variables::default(),
            master: Master::default(),
            media: Media::default(),
            is_master: false,
            is_hls: false,
            variant: None,
            has_duration: false,
            range: None,
            is_gap: false,
            map: None,
            keys: Vec::new(),
            has_pending_parts: false,
        }
    }

    /// Processes a tag. Returns `None` if it is a known tag that is malformed.
    fn tag(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "#EXT-X-STREAM-INF" | "#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF" => {
                self.is_master = true;
                self.master.has_i_frames |= name == "#EXT-X-I-FRAME-STREAM-INF";
                self.master_tag(name, value)
            }
            "#EXT-X-DEFINE" => self.define(value),
            _ => self.media_tag(name, value),
        }
    }

    fn define(&mut self, value: &str) -> Option<()> {
        let attributes = self.attributes(value)?;
        self.variables.define(&attributes, self.from, self.imported)
    }

    fn master_tag(&mut self, name: &str, value: &str) -> Option<()> {
        let attributes = self.attributes(value)?;
        match name {
            "#EXT-X-STREAM-INF" => {
                let before = self.variant.replace(variant(&attributes)?);
                before.is_none().then_some(()) // otherwise the previous one has no URI
            }
            "#EXT-X-MEDIA" => {
                self.master.renditions.extend(rendition(&attributes)?);
                Some(())
            }
            _ => Some(()),
        }
    }

    fn media_tag(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "#EXTM3U" => {}
            // A second EXTINF means that the first one has no URI.
            "#EXTINF" => self.has_duration = (is_duration(value) && !self.has_duration).then_some(true)?,
            "#EXT-X-BYTERANGE" => self.range = Some(range(value)?),
            "#EXT-X-MAP" => self.map = Some(self.read_map(value)?),
            "#EXT-X-KEY" => self.key(value)?,
            "#EXT-X-GAP" => self.is_gap = true,
            "#EXT-X-ENDLIST" => self.media.has_ended = true,
            "#EXT-X-PLAYLIST-TYPE" => {
                let is_vod = value.trim_matches('"').trim().eq_ignore_ascii_case("VOD");
                self.media.is_vod |= is_vod;
            }
            "#EXT-X-I-FRAMES-ONLY" => self.media.i_frames_only = true,
            "#EXT-X-PART" => self.has_pending_parts = true,
            "#EXT-X-SKIP" => return None, // the skipped segments are only in an earlier version of the playlist
            _ => {}                       // unknown, or without effect on the stored bytes
        }
        self.is_hls |= name.starts_with("#EXT-X-");
        Some(())
    }

    fn read_map(&self, value: &str) -> Option<Map> {
        let attributes = self.attributes(value)?;
        let uri = attributes.get("URI").filter(|uri| !uri.is_empty())?.to_owned();
        let range = attributes.get("BYTERANGE").map(range);
        Some(Map { uri, range: range.map_or(Some(None), |range| range.map(Some))? })
    }

    fn key(&mut self, value: &str) -> Option<()> {
        let attributes = self.attributes(value)?;
        let method = attributes.get("METHOD")?;
        if method.eq_ignore_ascii_case("NONE") {
            self.keys.clear();
            return Some(());
        }
        let is_open =
            attributes.get("KEYFORMAT").is_none_or(|format| format.eq_ignore_ascii_case("identity"));
        let is_aes = matches!(method.to_ascii_uppercase().as_str(), "AES-128" | "AES-256" | "AES-256-GCM");
        self.keys.push(if is_open && is_aes { Encryption::Identity } else { Encryption::Drm });
        Some(())
    }

    fn uri(&mut self, uri: &str) -> Result<(), Refusal> {
        let uri = self.variables.substitute(uri).ok_or(Refusal::Variable)?;
        if let Some(variant) = self.variant.take() {
            self.master.variants.push(Variant { uri, ..variant });
            return Ok(());
        }
        if !self.has_duration {
            return Err(Refusal::StrayLine);
        }
        self.media.segments.push(Segment {
            uri,
            range: self.range.take(),
            map: self.map.clone(),
            encryption: self
                .keys
                .iter()
                .copied()
                .find(|key| *key == Encryption::Identity)
                .or(self.keys.first().copied()),
            is_gap: std::mem::take(&mut self.is_gap),
        });
        (self.has_duration, self.has_pending_parts) = (false, false);
        Ok(())
    }

    fn finish(self) -> Result<Playlist, Refusal> {
        if self.is_master && !self.media.segments.is_empty() {
            return Err(Refusal::Mixed);
        }
        if !self.is_master && !self.is_hls && !self.media.segments.is_empty() {
            return Err(Refusal::FileList);
        }
        if self.variant.is_some() {
            return Err(unreadable("EXT-X-STREAM-INF"));
        }
        if self.has_duration {
            return Err(unreadable("EXTINF")); // its URI is missing
        }
        if self.has_pending_parts {
            return Err(unreadable("EXT-X-PART"));
        }
        if self.is_master {
            return Ok(Playlist::Master(Master { variables: self.variables, ..self.master }));
        }
        Ok(Playlist::Media(self.media))
    }

    /// Parses an attribute list and substitutes its variables.
    fn attributes(&self, value: &str) -> Option<Attributes> {
        let mut attributes = Attributes::parse(value)?;
        for value in attributes.values_mut() {
            if value.contains("{$") {
                *value = self.variables.substitute(value)?;
            }
        }
        Some(attributes)
    }
}

/// Returns whether a tag is `EXTM3U`. Lists of channels add attributes to it.
fn is_header(name: &str) -> bool {
    name.split_ascii_whitespace().next() == Some("#EXTM3U")
}

/// Returns whether the value of `EXTINF` begins with a number, or has no duration. The text after the first comma is the title.
fn is_duration(value: &str) -> bool {
    let duration = value.split(',').next().unwrap_or_default().trim();
    duration.is_empty()
        || value
            .strip_prefix(['-', '+'])
            .unwrap_or(value)
            .starts_with(|c: char| c.is_ascii_digit() || c == '.')
}

fn range(value: &str) -> Option<Range> {
    byte_range(value).map(|(length, offset)| Range { length, offset })
}

fn variant(attributes: &Attributes) -> Option<Variant> {
    let owned = |name: &str| attributes.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let resolution = attributes.get("RESOLUTION");
    let height =
        resolution.and_then(|size| size.split_once(['x', 'X'])).and_then(|(_, height)| number(height));
    let bandwidth = attributes.get("BANDWIDTH").or_else(|| attributes.get("AVERAGE-BANDWIDTH"));
    Some(Variant {
        uri: String::new(),
        // Some packagers write decimals.
        bandwidth: match bandwidth.and_then(|value| value.split('.').next()) {
            Some(value) => number(value)?,
            None => 0,
        },
        height: height.unwrap_or(0),
        has_resolution: resolution.is_some(),
        codecs: owned("CODECS"),
        audio: owned("AUDIO"),
        video: owned("VIDEO"),
    })
}

/// Parses `EXT-X-MEDIA`. Returns `Some(None)` for subtitles and closed captions, `None` if malformed.
fn rendition(attributes: &Attributes) -> Option<Option<Rendition>> {
    let kind = attributes.get("TYPE")?.trim().to_ascii_uppercase();
    let is_audio = match kind.as_str() {
        "AUDIO" => true,
        "VIDEO" => false,
        "SUBTITLES" | "CLOSED-CAPTIONS" => return Some(None),
        _ => return None,
    };
    let owned = |name: &str| attributes.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let is_set =
        |name: &str| attributes.get(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("YES"));
    let channels = attributes.get("CHANNELS").and_then(|value| value.split('/').next()).and_then(number);
    Some(Some(Rendition {
        is_audio,
        group: attributes.get("GROUP-ID")?.to_owned(),
        uri: owned("URI"),
        language: owned("LANGUAGE").map(|language| language.to_ascii_lowercase()),
        is_default: is_set("DEFAULT"),
        is_autoselect: is_set("AUTOSELECT"),
        channels: channels.unwrap_or(0),
    }))
}

#[cfg(test)]
#[path = "playlist_tests.rs"]
pub(crate) mod tests;
