//! Parses header fields with parameters, such as `form-data; name="file"; filename*=UTF-8''a%20b.mp4`.
//!
//! Follows RFC 9110, section 5.6.6 for the grammar, RFC 8187 for `name*`, RFC 6266 for file names, and RFC 2231 for continuations
//! (`filename*0`). Senders violate all four, so the parser accepts unambiguous errors: white space around `=`, a missing closing
//! quote, and unquoted values with characters that need quotes.

mod encoded_word;
mod extended;
mod file_name;

use std::fmt;

pub use file_name::file_name;

/// The value of a header field and its parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldValue {
    value: String,
    parameters: Vec<(String, Vec<u8>)>,
}

impl FieldValue {
    /// Parses a field. Accepts every input, and skips malformed parameters.
    #[must_use]
    pub fn parse(field: &[u8]) -> Self {
        Self::parse_with(field, |escaped| matches!(escaped, b'"' | b'\\'))
    }

    /// Parses a field like [`parse`](Self::parse), but with every quoted pair unescaped (RFC 9110, section 5.6.4): for parameters that
    /// are not file names.
    #[must_use]
    pub fn parse_strict(field: &[u8]) -> Self {
        Self::parse_with(field, |_| true)
    }

    /// Parses a field. A backslash escapes the characters for which `is_escapable` returns true.
    fn parse_with(field: &[u8], is_escapable: fn(u8) -> bool) -> Self {
        let mut parsed = Self { value: String::new(), parameters: Vec::new() };
        let mut rest = field;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| matches!(byte, b';' | b'=')).unwrap_or(rest.len());
            let name = text(rest[..end].trim_ascii()).to_ascii_lowercase();
            let is_pair = rest.get(end) == Some(&b'=');
            rest = rest.get(end + 1..).unwrap_or_default();
            if is_pair {
                let (value, after) = value(rest.trim_ascii_start(), is_escapable);
                rest = after;
                if is_token(&name) {
                    parsed.parameters.push((name, value));
                }
            } else if parsed.value.is_empty() && parsed.parameters.is_empty() {
                parsed.value = name;
            }
        }
        parsed
    }

    /// Returns the text before the parameters in lower case: `form-data`, `video/mp4`.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns every value of a parameter, without quotes, in order. `wanted` must be in lower case.
    pub fn all<'f>(&'f self, wanted: &str) -> impl Iterator<Item = &'f [u8]> {
        self.parameters.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_slice())
    }

    /// Returns the first value of a parameter as text, decoded as UTF-8 if it is valid, otherwise as ISO-8859-1.
    #[must_use]
    pub fn text(&self, wanted: &str) -> Option<String> {
        self.all(wanted).next().map(text)
    }

    /// Returns the value of a parameter in the first form that is present and valid: the extended form `name*`, the continuations
    /// `name*0`, `name*1`, …, or the plain form `name`.
    #[must_use]
    pub fn extended(&self, wanted: &str) -> Option<String> {
        self.all(&format!("{wanted}*"))
            .find_map(extended::decode)
            .or_else(|| extended::continued(self, wanted))
            .or_else(|| self.text(wanted))
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("FieldValue").field("value", &self.value).field("parameters", &names).finish()
    }
}

/// Returns the first value, and the input after the next semicolon.
fn value(input: &[u8], is_escapable: fn(u8) -> bool) -> (Vec<u8>, &[u8]) {
    match input.strip_prefix(b"\"") {
        Some(quoted) => {
            let (value, rest) = quoted_string(quoted, is_escapable);
            (value, after_semicolon(rest))
        }
        None => {
            let end = input.iter().position(|byte| *byte == b';').unwrap_or(input.len());
            (input[..end].trim_ascii().to_vec(), after_semicolon(&input[end..]))
        }
    }
}

/// Unescapes a quoted string whose opening quote has been removed. Returns the text up to the closing quote, or to the end if
/// there is none, and the rest of the input. In file names a backslash escapes only a quote or a backslash, because older browsers
/// send paths such as `C:\clips\a.mp4` unescaped.
fn quoted_string(input: &[u8], is_escapable: fn(u8) -> bool) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut position = 0;
    while let Some(&byte) = input.get(position) {
        position += 1;
        match (byte, input.get(position)) {
            (b'"', _) => break,
            (b'\\', Some(&next)) if is_escapable(next) => {
                value.push(next);
                position += 1;
            }
            _ => value.push(byte),
        }
    }
    (value, &input[position..])
}

fn after_semicolon(input: &[u8]) -> &[u8] {
    match input.iter().position(|byte| *byte == b';') {
        Some(position) => &input[position + 1..],
        None => &[],
    }
}

/// Returns whether a text is a token (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Decodes header text as UTF-8 if it is valid, as in practice, and otherwise as ISO-8859-1 (RFC 9110, section 5.5).
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| latin_1(bytes), str::to_owned)
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_parsed_in_any_order_case_and_quoting() {
        for field in [
            r#"form-data; name="file"; filename="a.mp4""#,
            r#"Form-Data; FILENAME="a.mp4"; NAME="file""#,
            "form-data;name=file;filename=a.mp4",
            "form-data ; name = file ; filename = \"a.mp4\"",
            "form-data; x=\"; name=other\"; name=file; filename=a.mp4",
            "form-data; name=\"file\"; filename=\"a.mp4",
        ] {
            let parsed = FieldValue::parse(field.as_bytes());
            assert_eq!(parsed.value(), "form-data", "{field}");
            assert_eq!(parsed.text("name").as_deref(), Some("file"), "{field}");
            assert_eq!(parsed.extended("filename").as_deref(), Some("a.mp4"), "{field}");
        }
    }

    #[test]
    fn an_unquoted_value_may_have_characters_that_need_quotes() {
        let parsed = FieldValue::parse(b"multipart/form-data; boundary=a/b=c:d?e");
        assert_eq!(
            (parsed.value(), parsed.text("boundary").as_deref()),
            ("multipart/form-data", Some("a/b=c:d?e"))
        );
    }

    #[test]
    fn repeated_parameters_are_all_returned() {
        let parsed = FieldValue::parse(b"multipart/form-data; boundary=a; Boundary=\"b\"");
        assert_eq!(parsed.all("boundary").collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn continuations_are_joined() {
        for field in [
            "form-data; filename*0=\"a long \"; filename*1=\"name.mp4\"",
            "form-data; filename*0*=UTF-8''a%20long%20; filename*1=name.mp4",
            "form-data; filename*1*=%20name.mp4; filename*0*=UTF-8''a%20long",
        ] {
            let parsed = FieldValue::parse(field.as_bytes());
            assert_eq!(parsed.extended("filename").as_deref(), Some("a long name.mp4"), "{field}");
        }
    }

    #[test]
    fn debug_output_has_no_parameter_values() {
        let shown = format!("{:?}", FieldValue::parse(b"form-data; filename=secret.mp4"));
        assert!(shown.contains("filename") && !shown.contains("secret"), "{shown}");
    }
}
