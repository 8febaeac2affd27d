//! Parses the grammar of playlists (RFC 8216, sections 4.1 and 4.2): lines, tags and attribute lists.
//!
//! The parser accepts deviations from the RFC that real packagers produce: a byte order mark, white space around names, values
//! and commas, quoted enumerated values, unquoted strings, and bytes that are not UTF-8.

use std::fmt::Write as _;

/// A line that is neither blank nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A tag (`#EXT…`): its name, and the text after the colon.
    Tag { name: &'a str, value: &'a str },
    /// A URI.
    Uri(&'a str),
}

/// Decodes a playlist. Bytes that are not UTF-8 are percent-encoded, as they would be in a request for the URI.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}"); // writing to a String cannot fail
        }
    }
    text
}

/// Splits a text into its lines, without blank lines and comments.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split(['\n', '\r']).map(str::trim).filter_map(|line| {
        if line.is_empty() {
            return None;
        }
        if !line.starts_with('#') {
            return Some(Line::Uri(line));
        }
        if !line.starts_with("#EXT") {
            return None;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        Some(Line::Tag { name: name.trim_end(), value: value.trim() })
    })
}

/// An attribute list (RFC 8216, section 4.2). Values are stored without their quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Parses a list. Returns `None` if it is malformed or has two different values for one name.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut all = Self::default();
        let mut rest = value;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(all);
            }
            let (name, after) = rest.split_once('=')?;
            let name = name.trim_end();
            if !is_name(name) {
                return None;
            }
            let (value, after) = attribute_value(after.trim_start())?;
            match all.get(name) {
                Some(before) if before != value => return None,
                Some(_) => {}
                None => all.0.push((name.to_ascii_uppercase(), value.to_owned())),
            }
            rest = after;
        }
    }

    /// Returns the value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns mutable references to all values.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}

/// Splits a text into its first value and the rest. An unquoted value ends at the comma before the next attribute name.
fn attribute_value(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, after) = quoted.split_once('"')?;
        let after = after.trim_start();
        return (after.is_empty() || after.starts_with(',')).then_some((value, after));
    }
    let is_end = |at: &usize| text.get(at + 1..).is_none_or(begins_attribute);
    let end = text.match_indices(',').map(|(at, _)| at).find(is_end).unwrap_or(text.len());
    let value = text[..end].trim_end_matches([' ', '\t', ',']);
    (!value.contains('"')).then_some((value, &text[end..]))
}

/// Returns whether the text begins with an attribute name and `=`, or is empty.
fn begins_attribute(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\t', ',']);
    text.is_empty() || text.split_once('=').is_some_and(|(name, _)| is_name(name.trim_end()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Parses `<length>[@<offset>]`, in bytes, with or without quotes and white space.
pub(crate) fn byte_range(value: &str) -> Option<(u64, Option<u64>)> {
    let value = value.trim().trim_matches('"');
    let (length, offset) = match value.split_once('@') {
        Some((length, offset)) => (length, Some(number(offset)?)),
        None => (value, None),
    };
    Some((number(length)?, offset))
}

/// Parses a decimal integer. A sign is not accepted.
pub(crate) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(value: &str) -> Option<Vec<(String, String)>> {
        Attributes::parse(value).map(|list| list.0)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn attribute_lists_are_parsed_with_any_quoting_and_spacing() {
        let expected = pairs(&[("TYPE", "AUDIO"), ("NAME", "a, b=c"), ("DEFAULT", "NO")]);
        for text in [
            "TYPE=AUDIO,NAME=\"a, b=c\",DEFAULT=NO",
            "TYPE=\"AUDIO\",NAME=\"a, b=c\",DEFAULT=\"NO\"",
            " TYPE = AUDIO , NAME = \"a, b=c\" ,\tDEFAULT=NO ,",
        ] {
            assert_eq!(list(text), expected, "{text}");
        }
        assert_eq!(
            list("CODECS=avc1.4d,mp4a.40.2,X=1"),
            pairs(&[("CODECS", "avc1.4d,mp4a.40.2"), ("X", "1")])
        );
        assert_eq!(list(""), pairs(&[]));
        assert_eq!(list("A=,B=2"), pairs(&[("A", ""), ("B", "2")]));
        assert_eq!(list("A=1,A=1"), pairs(&[("A", "1")]));
        for wrong in ["A", "A=\"x", "=x", "A=\"x\"y", "A B=1", "A=1,A=2", "A=x\"y\""] {
            assert_eq!(list(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn byte_ranges_are_parsed_with_spaces_and_quotes() {
        for (text, range) in [
            ("10@0", Some((10, Some(0)))),
            (" 10 @ 5 ", Some((10, Some(5)))),
            ("\"10@5\"", Some((10, Some(5)))),
            ("7", Some((7, None))),
            ("", None),
            ("@5", None),
            ("10@", None),
            ("+1@0", None),
            ("1.5", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(byte_range(text), range, "{text}");
        }
    }

    #[test]
    fn lines_end_in_cr_lf_or_both() {
        let text = decode(b"\xef\xbb\xbf#EXTM3U\r\n# comment\r\n\r\n#EXTINF : 2,one, two\ra\xfc.ts\n");
        let expected = [
            Line::Tag { name: "#EXTM3U", value: "" },
            Line::Tag { name: "#EXTINF", value: "2,one, two" },
            Line::Uri("a%FC.ts"),
        ];
        assert_eq!(lines(&text).collect::<Vec<_>>(), expected);
    }
}
