//! Lists the segments of a representation (ISO/IEC 23009-1, section 5.3.9).

use hls_stream::{MAX_SEGMENTS, SegmentPlan, SegmentRef};
use roxmltree::Node;
use safe_fetch::Url;

use crate::Refusal;
use crate::element::{child, children, number, range, text};
use crate::template::Template;
use crate::timeline::{At, Timing};

/// The maximum size of all URLs of a representation.
const MAX_URL_BYTES: usize = 8 * 1024 * 1024;

/// Where the media of a representation are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// In one file.
    File(Url),
    /// In segments, which become one stream.
    Segments(SegmentPlan),
}

/// A representation, and what applies to all of its segments.
pub(crate) struct Addressing<'a, 'i> {
    /// The representation, its adaptation set and its period: attributes of the former come first.
    pub(crate) levels: [Node<'a, 'i>; 3],
    pub(crate) base: Url,
    /// Whether a `BaseURL` leads away from the manifest.
    pub(crate) has_base: bool,
    pub(crate) id: &'a str,
    pub(crate) bandwidth: Option<u64>,
    /// The duration of the period in nanoseconds.
    pub(crate) period: Option<u128>,
    /// Whether segments need an initialisation section: not those of MPEG-TS.
    pub(crate) needs_initialisation: bool,
}

/// The elements of one name that describe the segments, the nearest first.
struct Inherited<'a, 'i>(Vec<Node<'a, 'i>>);

impl<'a, 'i> Inherited<'a, 'i> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|node| text(*node, name))
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        let nearest = self.0.iter().find(|node| node.has_attribute(name));
        nearest.map_or(Ok(None), |node| number(*node, name))
    }

    fn child(&self, name: &'static str) -> Option<Node<'a, 'i>> {
        self.0.iter().find_map(|node| child(*node, name))
    }
}

impl<'a, 'i> Addressing<'a, 'i> {
    /// Returns where the media are.
    ///
    /// # Errors
    /// The [`Refusal`] that applies, if they are nowhere or cannot be read.
    pub(crate) fn media(&self) -> Result<Media, Refusal> {
        for level in self.levels {
            let names = ["SegmentTemplate", "SegmentList", "SegmentBase"];
            let mut found = names.into_iter().filter(|name| child(level, name).is_some());
            let Some(name) = found.next() else { continue };
            if found.next().is_some() {
                return Err(Refusal::Attribute("SegmentTemplate"));
            }
            let inherited = Inherited(self.levels.iter().filter_map(|level| child(*level, name)).collect());
            return match name {
                "SegmentTemplate" => self.of_template(&inherited).map(Media::Segments),
                "SegmentList" => self.of_list(&inherited).map(Media::Segments),
                _ => self.file(),
            };
        }
        self.file()
    }

    fn file(&self) -> Result<Media, Refusal> {
        if self.has_base { Ok(Media::File(self.base.clone())) } else { Err(Refusal::NoMedia) }
    }

    fn of_template(&self, inherited: &Inherited<'a, 'i>) -> Result<SegmentPlan, Refusal> {
        let media = inherited.text("media").ok_or(Refusal::NoMedia)?;
        let template = Template::parse(media, self.id, self.bandwidth)?;
        let (all, may_lack_last) = self.times(inherited)?;
        if all.len() > 1 && !template.is_of_segments() {
            return Err(Refusal::SameSegments);
        }
        let mut size = 0;
        let mut segments = Vec::new();
        for At { number, time } in all {
            let uri = template.fill(number, time);
            size += uri.len();
            if size > MAX_URL_BYTES {
                return Err(Refusal::TooLong);
            }
            segments.push(SegmentRef { uri, range: None });
        }
        let initialisation = match inherited.text("initialization") {
            Some(text) => Some(self.initialisation_of_template(text)?),
            None => initialisation(inherited)?,
        };
        self.plan(initialisation, segments, may_lack_last)
    }

    fn initialisation_of_template(&self, text: &str) -> Result<SegmentRef, Refusal> {
        let template = Template::parse(text, self.id, self.bandwidth)?;
        if template.is_of_segments() {
            return Err(Refusal::Attribute("initialization"));
        }
        Ok(SegmentRef { uri: template.fill(0, 0), range: None })
    }

    /// Returns the numbers and times of the segments, and whether the last one may be missing.
    fn times(&self, inherited: &Inherited<'a, 'i>) -> Result<(Vec<At>, bool), Refusal> {
        let timing = Timing {
            timescale: inherited.number("timescale")?.unwrap_or(1),
            start_number: inherited.number("startNumber")?.unwrap_or(1),
            end_number: inherited.number("endNumber")?,
            presentation_time_offset: inherited.number("presentationTimeOffset")?.unwrap_or(0),
            period: self.period,
        };
        if timing.timescale == 0 {
            return Err(Refusal::Attribute("timescale"));
        }
        for node in &inherited.0 {
            if let Some(timeline) = child(*node, "SegmentTimeline") {
                return Ok((timing.of_timeline(timeline)?, false));
            }
            if let Some(duration) = number(*node, "duration")? {
                return timing.of_duration(duration);
            }
        }
        // Neither: there is one segment.
        Ok((vec![At { number: timing.start_number, time: timing.presentation_time_offset }], false))
    }

    fn of_list(&self, inherited: &Inherited<'a, 'i>) -> Result<SegmentPlan, Refusal> {
        let nearest = inherited.0.iter().find(|node| child(**node, "SegmentURL").is_some());
        let mut segments = Vec::new();
        for node in nearest.into_iter().flat_map(|list| children(*list, "SegmentURL")) {
            if segments.len() == MAX_SEGMENTS {
                return Err(Refusal::TooManySegments);
            }
            let uri = text(node, "media").unwrap_or_default().to_owned();
            segments.push(SegmentRef { uri, range: range(node, "mediaRange")? });
        }
        if segments.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Refusal::SameSegments);
        }
        self.plan(initialisation(inherited)?, segments, false)
    }

    fn plan(
        &self,
        initialisation: Option<SegmentRef>,
        segments: Vec<SegmentRef>,
        may_lack_last: bool,
    ) -> Result<SegmentPlan, Refusal> {
        // One segment may be a whole file.
        if initialisation.is_none() && self.needs_initialisation && segments.len() > 1 {
            return Err(Refusal::NoInitialisation);
        }
        let names_manifest = |one: &SegmentRef| one.uri.is_empty() && !self.has_base;
        if segments.is_empty() || segments.iter().chain(&initialisation).any(names_manifest) {
            return Err(Refusal::NoMedia);
        }
        let unresolvable = |one: &SegmentRef| self.base.join(&one.uri).is_err();
        if segments.iter().chain(&initialisation).any(unresolvable) {
            return Err(Refusal::Url);
        }
        Ok(SegmentPlan { base: self.base.clone(), initialisation, segments, may_lack_last })
    }
}

/// Returns the initialisation section of an `Initialization` element.
fn initialisation(inherited: &Inherited<'_, '_>) -> Result<Option<SegmentRef>, Refusal> {
    let Some(node) = inherited.child("Initialization") else { return Ok(None) };
    let uri = text(node, "sourceURL").unwrap_or_default().to_owned();
    Ok(Some(SegmentRef { uri, range: range(node, "range")? }))
}
