//! Lists the numbers and times of segments (ISO/IEC 23009-1, sections 5.3.9.2.1 and 5.3.9.6).

use hls_stream::MAX_SEGMENTS;
use roxmltree::Node;

use crate::Refusal;
use crate::duration::NANOS;
use crate::element::{children, number, text};

/// The longest last segment that a rounded duration may add: segments of sound end up to two frames after those of the picture.
const ROUNDING_NANOS: u128 = NANOS / 10;

/// The number and the time of a segment, in units of the timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) number: u64,
    pub(crate) time: u64,
}

/// The attributes that apply to all segments of a representation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Units per second, at least 1.
    pub(crate) timescale: u64,
    pub(crate) start_number: u64,
    pub(crate) end_number: Option<u64>,
    pub(crate) presentation_time_offset: u64,
    /// The duration of the period in nanoseconds.
    pub(crate) period: Option<u128>,
}

impl Timing {
    fn period(&self) -> Result<u128, Refusal> {
        self.period.filter(|period| *period > 0).ok_or(Refusal::Duration("duration"))
    }

    /// Returns the number of segments until `endNumber`.
    fn until_end(&self) -> Result<Option<u64>, Refusal> {
        let Some(end) = self.end_number else { return Ok(None) };
        let count = end.checked_sub(self.start_number).ok_or(Refusal::Attribute("endNumber"))?;
        count.checked_add(1).map(Some).ok_or(Refusal::Overflow)
    }

    /// Lists segments of the same duration. Also returns whether the last one may be missing, because it is due to rounding.
    ///
    /// # Errors
    /// [`Refusal::Duration`] if the duration of the segments or of the period is zero or missing, [`Refusal::TooManySegments`],
    /// [`Refusal::Overflow`], [`Refusal::Attribute`] if `endNumber` is less than `startNumber`.
    pub(crate) fn of_duration(&self, duration: u64) -> Result<(Vec<At>, bool), Refusal> {
        if duration == 0 {
            return Err(Refusal::Duration("duration of segments"));
        }
        let (count, may_lack_last) = match self.until_end()? {
            Some(count) => (u128::from(count), false),
            None => {
                let whole = self.period()? * u128::from(self.timescale);
                let one = u128::from(duration) * NANOS;
                let rest = whole % one;
                let is_rounding = rest > 0 && rest <= ROUNDING_NANOS * u128::from(self.timescale);
                (whole.div_ceil(one), is_rounding)
            }
        };
        let count = u64::try_from(count).ok().filter(|count| *count <= MAX_SEGMENTS as u64);
        let mut all = Vec::new();
        for index in 0..count.ok_or(Refusal::TooManySegments)? {
            let time =
                index.checked_mul(duration).and_then(|time| time.checked_add(self.presentation_time_offset));
            all.push(At {
                number: self.start_number.checked_add(index).ok_or(Refusal::Overflow)?,
                time: time.ok_or(Refusal::Overflow)?,
            });
        }
        Ok((all, may_lack_last))
    }

    /// Lists the segments of a `SegmentTimeline`.
    ///
    /// # Errors
    /// [`Refusal::Attribute`] if an attribute is malformed or a time is before that of the segment before it,
    /// [`Refusal::Duration`], [`Refusal::TooManySegments`], [`Refusal::Overflow`], [`Refusal::Empty`].
    pub(crate) fn of_timeline(&self, timeline: Node<'_, '_>) -> Result<Vec<At>, Refusal> {
        let mut all: Vec<At> = Vec::new();
        let mut next = At { number: self.start_number, time: 0 };
        let mut entries = children(timeline, "S").peekable();
        while let Some(entry) = entries.next() {
            next.time = number(entry, "t")?.unwrap_or(next.time);
            next.number = number(entry, "n")?.unwrap_or(next.number);
            let follows = all.last().is_none_or(|last| next.time > last.time && next.number > last.number);
            let one = number(entry, "k")?.is_none_or(|count| count == 1);
            if !follows || !one {
                return Err(Refusal::Attribute(if follows { "k" } else { "t" }));
            }
            let duration = number(entry, "d")?.filter(|duration| *duration > 0);
            let duration = duration.ok_or(Refusal::Duration("duration of segments"))?;
            let count = self.count(entry, duration, next.time, entries.peek().copied())?;
            if count > (MAX_SEGMENTS - all.len()) as u64 {
                return Err(Refusal::TooManySegments);
            }
            for _ in 0..count {
                all.push(next);
                let (number, time) = (next.number.checked_add(1), next.time.checked_add(duration));
                next = At { number: number.ok_or(Refusal::Overflow)?, time: time.ok_or(Refusal::Overflow)? };
            }
        }
        if let Some(count) = self.until_end()? {
            all.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
        if all.is_empty() { Err(Refusal::Empty) } else { Ok(all) }
    }

    /// Returns the number of segments of an entry.
    fn count(
        &self,
        entry: Node<'_, '_>,
        duration: u64,
        time: u64,
        next: Option<Node<'_, '_>>,
    ) -> Result<u64, Refusal> {
        let is_open = text(entry, "r").is_some_and(|repeat| repeat == "-1");
        if !is_open {
            return number(entry, "r")?.unwrap_or(0).checked_add(1).ok_or(Refusal::Overflow);
        }
        let end = match next {
            Some(next) => u128::from(number(next, "t")?.ok_or(Refusal::Attribute("r"))?),
            None => {
                let length = (self.period()? * u128::from(self.timescale)).div_ceil(NANOS);
                u128::from(self.presentation_time_offset) + length
            }
        };
        let left =
            end.checked_sub(u128::from(time)).filter(|left| *left > 0).ok_or(Refusal::Attribute("r"))?;
        u64::try_from(left.div_ceil(u128::from(duration))).map_err(|_| Refusal::TooManySegments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        timescale: 10,
        start_number: 1,
        end_number: None,
        presentation_time_offset: 0,
        period: Some(10 * NANOS),
    };

    fn timeline(timing: &Timing, entries: &str) -> Result<Vec<(u64, u64)>, Refusal> {
        let xml = format!("<SegmentTimeline>{entries}</SegmentTimeline>");
        let document = roxmltree::Document::parse(&xml).unwrap();
        let all = timing.of_timeline(document.root_element())?;
        Ok(all.into_iter().map(|at| (at.number, at.time)).collect())
    }

    #[test]
    fn timelines_are_listed() {
        let offset = Timing { presentation_time_offset: 50, ..TIMING };
        let few = Timing { start_number: 5, end_number: Some(6), ..TIMING };
        for (timing, entries, expected) in [
            (TIMING, "<S d='5'/>", vec![(1, 0)]),
            (TIMING, "<S t='7' d='5' r='2'/><S d='3'/>", vec![(1, 7), (2, 12), (3, 17), (4, 22)]),
            (TIMING, "<S d='40' r='-1'/>", vec![(1, 0), (2, 40), (3, 80)]),
            (TIMING, "<S d='40' r='-1'/><S t='60' d='1'/>", vec![(1, 0), (2, 40), (3, 60)]),
            (offset, "<S t='50' d='60' r='-1'/>", vec![(1, 50), (2, 110)]),
            (TIMING, "<S t='0' d='5'/><S t='20' d='5'/>", vec![(1, 0), (2, 20)]),
            (TIMING, "<S d='5'/><S n='9' d='5'/>", vec![(1, 0), (9, 5)]),
            (few, "<S d='5' r='9'/>", vec![(5, 0), (6, 5)]),
        ] {
            assert_eq!(timeline(&timing, entries), Ok(expected), "{entries}");
        }
    }

    #[test]
    fn bad_timelines_are_refused() {
        let no_period = Timing { period: None, ..TIMING };
        let late = Timing { start_number: u64::MAX, ..TIMING };
        for (timing, entries, refusal) in [
            (TIMING, "", Refusal::Empty),
            (TIMING, "<S/>", Refusal::Duration("duration of segments")),
            (TIMING, "<S d='0'/>", Refusal::Duration("duration of segments")),
            (TIMING, "<S d='1' r='2147483648'/>", Refusal::TooManySegments),
            (TIMING, "<S d='1' r='18446744073709551615'/>", Refusal::Overflow),
            (TIMING, "<S d='1' r='19999'/><S d='1'/>", Refusal::TooManySegments),
            (TIMING, "<S d='1' r='-2'/>", Refusal::Attribute("r")),
            (TIMING, "<S d='1' r='1e9'/>", Refusal::Attribute("r")),
            (TIMING, "<S t='200' d='1' r='-1'/>", Refusal::Attribute("r")),
            (TIMING, "<S d='1' r='-1'/><S d='1'/>", Refusal::Attribute("r")),
            (TIMING, "<S t='5' d='1'/><S t='4' d='1'/>", Refusal::Attribute("t")),
            (TIMING, "<S d='1' k='3'/>", Refusal::Attribute("k")),
            (TIMING, "<S d='99999999999999999999'/>", Refusal::Overflow),
            (TIMING, "<S t='18446744073709551615' d='1'/>", Refusal::Overflow),
            (late, "<S d='1'/>", Refusal::Overflow),
            (no_period, "<S d='1' r='-1'/>", Refusal::Duration("duration")),
        ] {
            assert_eq!(timeline(&timing, entries), Err(refusal), "{entries}");
        }
    }

    #[test]
    fn segments_of_one_duration_are_counted() {
        let of = |timing: Timing, duration| {
            let (all, may_lack_last) = timing.of_duration(duration)?;
            Ok::<_, Refusal>((all.len(), all.last().map(|at| (at.number, at.time)), may_lack_last))
        };
        let millis = |period: u128| Timing { period: Some(period * NANOS / 1_000), ..TIMING };
        let offset = Timing { start_number: 0, presentation_time_offset: 7, ..TIMING };
        let last = Timing { start_number: 3, end_number: Some(4), period: None, ..TIMING };
        for (timing, duration, expected) in [
            (TIMING, 50, (2, Some((2, 50)), false)),
            (TIMING, 30, (4, Some((4, 90)), false)),
            (millis(10_001), 50, (3, Some((3, 100)), true)),
            (millis(10_101), 50, (3, Some((3, 100)), false)),
            (offset, 50, (2, Some((1, 57)), false)),
            (last, 50, (2, Some((4, 50)), false)),
            (TIMING, u64::MAX, (1, Some((1, 0)), false)),
        ] {
            assert_eq!(of(timing, duration), Ok(expected), "{timing:?} {duration}");
        }
        let fast = Timing { timescale: u64::MAX, period: Some(8_640_000 * NANOS), ..TIMING };
        let many = Timing { end_number: Some(u64::MAX - 1), ..TIMING };
        let zero = Timing { period: Some(0), ..TIMING };
        let before = Timing { start_number: 9, end_number: Some(8), ..TIMING };
        let overflowing = Timing { start_number: u64::MAX, ..TIMING };
        for (timing, duration, refusal) in [
            (TIMING, 0, Refusal::Duration("duration of segments")),
            (zero, 1, Refusal::Duration("duration")),
            (Timing { period: None, ..TIMING }, 1, Refusal::Duration("duration")),
            (fast, 1, Refusal::TooManySegments),
            (many, 1, Refusal::TooManySegments),
            (Timing { period: Some(2_001 * NANOS), ..TIMING }, 1, Refusal::TooManySegments),
            (before, 1, Refusal::Attribute("endNumber")),
            (overflowing, 50, Refusal::Overflow),
        ] {
            assert_eq!(of(timing, duration), Err(refusal), "{timing:?} {duration}");
        }
    }
}
