//! Reads what distinguishes representations: tracks, quality, role, and why they cannot be imported.

use hls_stream::{is_audio_codec, is_text_codec};
use roxmltree::Node;

use crate::Refusal;
use crate::element::{child, children, number, text};

/// The scheme of roles (ISO/IEC 23009-1, section 5.8.5.5).
const ROLES: &str = "urn:mpeg:dash:role:2011";
/// The schemes of representations for seeking (DASH-IF, "Guidelines for Implementation: DASH-IF Interoperability Points", sections
/// 3.2.9 and 6.2.6).
const SEEKING: [&str; 4] = [
    "http://dashif.org/guidelines/trickmode",
    "http://dashif.org/guidelines/thumbnail_tile",
    "http://dashif.org/thumbnail_tile",
    "urn:mpeg:dash:trickmode",
];
/// The prefix of properties of colours and channels (ISO/IEC 23001-8), which a reader of the stream need not know.
const CODING: &str = "urn:mpeg:mpegB:cicp:";

/// The tracks of a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracks {
    Picture,
    Sound,
    Both,
}

/// A representation of picture, sound or both.
#[derive(Clone, Debug)]
pub(crate) struct Representation<'a, 'i> {
    pub(crate) node: Node<'a, 'i>,
    pub(crate) set: Node<'a, 'i>,
    pub(crate) tracks: Tracks,
    pub(crate) id: &'a str,
    pub(crate) mime: &'a str,
    pub(crate) language: &'a str,
    pub(crate) height: u64,
    pub(crate) bandwidth: Option<u64>,
    /// 2 for the main one, 0 for an alternative, 1 without a role.
    pub(crate) role: u8,
    pub(crate) priority: u64,
    /// The reason why the representation cannot be imported.
    pub(crate) unusable: Option<Refusal>,
}

/// What a representation has, if that is neither picture nor sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    Text,
    Seeking,
    Unknown,
}

impl<'a, 'i> Representation<'a, 'i> {
    /// Reads a representation.
    ///
    /// # Errors
    /// [`Refusal::Attribute`] or [`Refusal::Overflow`] if a number is malformed.
    pub(crate) fn read(set: Node<'a, 'i>, node: Node<'a, 'i>) -> Result<Result<Self, Other>, Refusal> {
        let of = |name: &str| text(node, name).or_else(|| text(set, name)).unwrap_or_default();
        if is_for_seeking(set, node) {
            return Ok(Err(Other::Seeking));
        }
        let tracks = match tracks(set, of("mimeType"), of("codecs")) {
            Ok(tracks) => tracks,
            Err(other) => return Ok(Err(other)),
        };
        let height = match number(node, "height")? {
            Some(height) => height,
            None => number(set, "height")?.unwrap_or(0),
        };
        Ok(Ok(Self {
            node,
            set,
            tracks,
            id: of("id"),
            mime: of("mimeType"),
            language: text(set, "lang").unwrap_or_default(),
            height,
            bandwidth: number(node, "bandwidth")?,
            role: role(set),
            priority: number(set, "selectionPriority")?.unwrap_or(1),
            unusable: unusable(set, node),
        }))
    }
}

fn tracks(set: Node<'_, '_>, mime: &str, codecs: &str) -> Result<Tracks, Other> {
    let content = text(set, "contentType").unwrap_or_default();
    let kinds: Vec<_> =
        children(set, "ContentComponent").filter_map(|one| text(one, "contentType")).collect();
    if content == "image" || mime.starts_with("image/") {
        return Err(Other::Seeking);
    }
    let codecs: Vec<_> = codecs.split(',').map(str::trim).filter(|codec| !codec.is_empty()).collect();
    let has_sound = codecs.iter().any(|codec| is_audio_codec(codec)) || kinds.contains(&"audio");
    let has_picture = codecs.iter().any(|codec| !is_audio_codec(codec) && !is_text_codec(codec))
        || kinds.contains(&"video")
        || (codecs.is_empty() && (mime.starts_with("video/") || content == "video"));
    let has_sound = has_sound
        || (codecs.is_empty() && !has_picture && (mime.starts_with("audio/") || content == "audio"));
    let is_text = content == "text"
        || mime.starts_with("text/")
        || mime == "application/ttml+xml"
        || (!codecs.is_empty() && codecs.iter().all(|codec| is_text_codec(codec)));
    match (has_picture, has_sound) {
        _ if is_text => Err(Other::Text),
        (true, true) => Ok(Tracks::Both),
        (true, false) => Ok(Tracks::Picture),
        (false, true) => Ok(Tracks::Sound),
        (false, false) => Err(Other::Unknown),
    }
}

fn schemes<'a>(node: Node<'a, '_>, name: &'static str) -> impl Iterator<Item = &'a str> {
    children(node, name).map(|property| text(property, "schemeIdUri").unwrap_or_default())
}

fn is_for_seeking(set: Node<'_, '_>, node: Node<'_, '_>) -> bool {
    let is_seeking = |scheme: &str| SEEKING.contains(&scheme);
    [set, node].into_iter().any(|level| {
        schemes(level, "EssentialProperty").chain(schemes(level, "SupplementalProperty")).any(is_seeking)
    })
}

fn role(set: Node<'_, '_>) -> u8 {
    let mut values = children(set, "Role")
        .filter(|role| text(*role, "schemeIdUri") == Some(ROLES))
        .filter_map(|role| text(role, "value"))
        .peekable();
    if values.peek().is_none() {
        return 1;
    }
    if values.any(|value| value == "main") { 2 } else { 0 }
}

/// Returns why a representation cannot be imported.
fn unusable(set: Node<'_, '_>, node: Node<'_, '_>) -> Option<Refusal> {
    // Also those of all representations (ISO/IEC 23009-1:2022, section 5.8.4.1).
    if node.ancestors().any(|level| child(level, "ContentProtection").is_some()) {
        return Some(Refusal::Drm);
    }
    // A property that is not known makes its element unusable (section 5.8.4.8).
    let is_unknown =
        |level: Node<'_, '_>| schemes(level, "EssentialProperty").any(|scheme| !scheme.starts_with(CODING));
    let depends = node.has_attribute("dependencyId");
    (depends || is_unknown(set) || is_unknown(node)).then_some(Refusal::Unsupported)
}
