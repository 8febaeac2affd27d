//! Reads the elements of a manifest.

use roxmltree::{Document, Node, ParsingOptions};
use safe_fetch::Url;

use crate::choose::{Choice, Others, Preferences, choose, expand};
use crate::duration::duration;
use crate::element::{child, children, has_xlink, text};
use crate::representation::{Other, Representation};
use crate::segments::Addressing;
use crate::{MAX_MANIFEST_BYTES, Refusal};

/// The maximum number of elements and texts: enough for 20,000 segments of each of several representations.
const MAX_NODES: u32 = 400_000;
/// The maximum number of representations.
const MAX_REPRESENTATIONS: usize = 500;
/// The maximum size of a `BaseURL`, resolved.
const MAX_BASE_BYTES: usize = 8 * 1024;

/// Returns what may be imported from the manifest at `url`, the best first: the best picture with the best sound, and the best
/// representations with both, or of the only kind that there is. Lists their segments.
///
/// # Errors
/// The [`Refusal`] that applies, if there is nothing; that of the best one, if it and all others cannot be read.
pub fn choices(bytes: &[u8], url: &Url, preferences: Preferences) -> Result<Vec<Choice>, Refusal> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(Refusal::TooLong);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let xml = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
    // Without document types, there are no entities to expand.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml.trim_start(), options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => Refusal::TooLong,
        _ => Refusal::Malformed,
    })?;
    let manifest = Manifest::read(&document, url)?;
    let (found, others) = manifest.representations()?;
    let chosen = choose(&found, others, preferences)?;
    expand(chosen, |one| manifest.addressing(one)?.media())
}

/// The manifest's root and its only period.
struct Manifest<'d, 'i> {
    root: Node<'d, 'i>,
    period: Node<'d, 'i>,
    url: Url,
}

impl<'d, 'i> Manifest<'d, 'i> {
    fn read(document: &'d Document<'i>, url: &Url) -> Result<Self, Refusal> {
        let root = document.root_element();
        if root.tag_name().name() != "MPD" {
            return Err(Refusal::Malformed);
        }
        match text(root, "type") {
            None | Some("static") => {}
            Some("dynamic") => return Err(Refusal::Live),
            Some(_) => return Err(Refusal::Attribute("type")),
        }
        if root.descendants().any(has_xlink) {
            return Err(Refusal::Xlink);
        }
        let mut periods = children(root, "Period");
        let period = periods.next().ok_or(Refusal::Empty)?;
        if periods.next().is_some() {
            return Err(Refusal::Periods);
        }
        Ok(Self { root, period, url: url.clone() })
    }

    /// Returns the representations of picture and sound, and what the others are.
    fn representations(&self) -> Result<(Vec<Representation<'d, 'i>>, Others), Refusal> {
        let (mut found, mut others) = (Vec::new(), Others::default());
        for set in children(self.period, "AdaptationSet") {
            for node in children(set, "Representation") {
                match Representation::read(set, node)? {
                    Ok(representation) => found.push(representation),
                    Err(Other::Text) => others.text = true,
                    Err(Other::Seeking) => others.seeking = true,
                    Err(Other::Unknown) => others.unknown = true,
                }
                if found.len() > MAX_REPRESENTATIONS {
                    return Err(Refusal::TooLong);
                }
            }
        }
        Ok((found, others))
    }

    fn addressing<'a>(&self, one: &Representation<'a, 'i>) -> Result<Addressing<'a, 'i>, Refusal>
    where
        'd: 'a,
    {
        let levels = [one.node, one.set, self.period];
        let (mut base, mut has_base) = (self.url.clone(), false);
        for level in [self.root, self.period, one.set, one.node] {
            let Some(element) = child(level, "BaseURL") else { continue };
            if element.has_attribute("byteRange") {
                return Err(Refusal::Attribute("byteRange"));
            }
            let joined = base.join(element.text().unwrap_or_default().trim());
            base = joined.ok().filter(|url| url.as_str().len() <= MAX_BASE_BYTES).ok_or(Refusal::Url)?;
            has_base = base != self.url;
        }
        Ok(Addressing {
            levels,
            base,
            has_base,
            id: one.id,
            bandwidth: one.bandwidth,
            period: self.duration()?,
            needs_initialisation: !one.mime.eq_ignore_ascii_case("video/mp2t"),
        })
    }

    /// Returns the duration of the period in nanoseconds, or `None` if the manifest does not tell.
    fn duration(&self) -> Result<Option<u128>, Refusal> {
        let of = |node: Node<'_, '_>, name: &'static str| match text(node, name) {
            Some(text) => duration(text).map(Some).ok_or(Refusal::Duration(name)),
            None => Ok(None),
        };
        if let Some(own) = of(self.period, "duration")? {
            return Ok(Some(own));
        }
        let Some(whole) = of(self.root, "mediaPresentationDuration")? else { return Ok(None) };
        let start = of(self.period, "start")?.unwrap_or(0);
        whole.checked_sub(start).map(Some).ok_or(Refusal::Duration("start"))
    }
}
