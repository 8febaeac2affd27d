//! Fills URL templates (ISO/IEC 23009-1, section 5.3.9.4.4).

use std::fmt::Write as _;

use crate::Refusal;

/// The largest width of a number. 64 bits have 20 digits.
const MAX_WIDTH: usize = 32;
/// The longest text of a template whose identifiers of the representation are filled: no URL may be longer.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// The longest identifier in an error text.
const MAX_SHOWN_CHARS: usize = 40;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Number { width: usize },
    Time { width: usize },
}

/// A URL template whose identifiers of the representation are filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// Parses a template, and fills `$RepresentationID$`, `$Bandwidth$` and `$$`.
    ///
    /// # Errors
    /// [`Refusal::Template`] for another identifier, a malformed width, or a `$` without its pair, [`Refusal::TooLong`] if the text
    /// exceeds 8 KiB.
    pub(crate) fn parse(text: &str, id: &str, bandwidth: Option<u64>) -> Result<Self, Refusal> {
        let mut parts = Vec::new();
        let (mut rest, mut size) = (text, text.len());
        while let Some((before, after)) = rest.split_once('$') {
            parts.push(Part::Text(before.to_owned()));
            let (tag, after) = after.split_once('$').ok_or_else(|| unknown("a single $"))?;
            let part = part(tag, id, bandwidth)?;
            size += if let Part::Text(text) = &part { text.len() } else { 0 };
            if size > MAX_TEXT_BYTES {
                return Err(Refusal::TooLong);
            }
            parts.push(part);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Returns whether the template has `$Number$` or `$Time$`.
    pub(crate) fn is_of_segments(&self) -> bool {
        self.0.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// Returns the URL of a segment.
    pub(crate) fn fill(&self, number: u64, time: u64) -> String {
        let mut url = String::new();
        for part in &self.0 {
            // Writing to a String cannot fail.
            let _ = match part {
                Part::Text(text) => url.write_str(text),
                Part::Number { width } => write!(url, "{number:0width$}"),
                Part::Time { width } => write!(url, "{time:0width$}"),
            };
        }
        url
    }
}

fn part(tag: &str, id: &str, bandwidth: Option<u64>) -> Result<Part, Refusal> {
    let (name, format) = match tag.find('%') {
        Some(at) => (&tag[..at], Some(&tag[at..])),
        None => (tag, None),
    };
    let width = format.map_or(Some(1), width).ok_or_else(|| unknown(&format!("${tag}$")))?;
    match (name, format) {
        ("", None) => Ok(Part::Text("$".to_owned())),
        ("RepresentationID", None) => Ok(Part::Text(id.to_owned())),
        ("Number", _) => Ok(Part::Number { width }),
        ("Time", _) => Ok(Part::Time { width }),
        ("Bandwidth", _) => {
            let bandwidth = bandwidth.ok_or(Refusal::Attribute("bandwidth"))?;
            Ok(Part::Text(format!("{bandwidth:0width$}")))
        }
        _ => Err(unknown(&format!("${tag}$"))),
    }
}

/// Parses `%0<width>d`.
fn width(format: &str) -> Option<usize> {
    let digits = format.strip_prefix("%0")?.strip_suffix('d')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|width| is_number && (1..=MAX_WIDTH).contains(width))
}

fn unknown(what: &str) -> Refusal {
    Refusal::Template(what.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> Result<String, Refusal> {
        Ok(Template::parse(text, "v 1$", Some(64_000))?.fill(7, 90_000))
    }

    #[test]
    fn templates_are_filled() {
        for (text, url) in [
            ("a.m4s", "a.m4s"),
            ("$Number$.m4s", "7.m4s"),
            ("s-$RepresentationID$-$Number%05d$.m4s", "s-v 1$-00007.m4s"),
            ("$Bandwidth$/$Time$", "64000/90000"),
            ("$Bandwidth%08d$/$Time%010d$", "00064000/0000090000"),
            ("$$$Number$$$", "$7$"),
            ("$Number%01d$$Number%032d$", "700000000000000000000000000000007"),
            ("ü$Number$", "ü7"),
            ("", ""),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn unknown_identifiers_are_refused_by_name() {
        for (text, shown) in [
            ("$SubNumber$", "$SubNumber$"),
            ("$number$", "$number$"),
            ("$Number", "a single $"),
            ("100$", "a single $"),
            ("$RepresentationID%02d$", "$RepresentationID%02d$"),
            ("$Number%5d$", "$Number%5d$"),
            ("$Number%0d$", "$Number%0d$"),
            ("$Number%00d$", "$Number%00d$"),
            ("$Number%05x$", "$Number%05x$"),
            ("$Number%0999999d$", "$Number%0999999d$"),
            ("$Number%033d$", "$Number%033d$"),
            ("$Number%0+5d$", "$Number%0+5d$"),
            ("$%05d$", "$%05d$"),
        ] {
            assert_eq!(fill(text), Err(Refusal::Template(shown.to_owned())), "{text}");
        }
        let long = Template::parse(&"$RepresentationID$".repeat(100), &"x".repeat(1_000_000), None);
        assert_eq!(long, Err(Refusal::TooLong));
        let without = Template::parse("$Bandwidth$", "v", None);
        assert_eq!(without, Err(Refusal::Attribute("bandwidth")));
    }
}
