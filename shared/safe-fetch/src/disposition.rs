//! File names in `Content-Disposition` (RFC 6266, 8187), read as leniently as they are written.

use crate::headers::is_token;
use percent_encoding::percent_decode;

/// The file name: `filename*` if it can be read, else `filename`. Raw text: it may hold paths and control characters.
pub(crate) fn file_name(header: &[u8]) -> Option<String> {
    let parameters = parameters(header);
    let find =
        |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
    find("filename*")
        .and_then(extended_value)
        .or_else(|| find("filename").map(text))
        .filter(|name| !name.is_empty())
}

/// All `name=value` pairs, names lower case, values without quotes. The disposition type is one without `=`.
fn parameters(header: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut parameters = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b';' | b'=')).unwrap_or(rest.len());
        let name = text(rest[..end].trim_ascii()).to_ascii_lowercase();
        let is_pair = rest.get(end) == Some(&b'=');
        rest = rest.get(end + 1..).unwrap_or_default();
        if is_pair {
            let (value, after) = value(rest.trim_ascii_start());
            rest = after;
            if is_token(&name) {
                parameters.push((name, value));
            }
        }
    }
    parameters
}

/// One value, and what follows the semicolon after it.
fn value(input: &[u8]) -> (Vec<u8>, &[u8]) {
    match input.strip_prefix(b"\"") {
        Some(quoted) => {
            let (value, rest) = quoted_string(quoted);
            (value, after_semicolon(rest))
        }
        None => {
            let end = input.iter().position(|byte| *byte == b';').unwrap_or(input.len());
            (input[..end].trim_ascii().to_vec(), after_semicolon(&input[end..]))
        }
    }
}

/// What follows the opening quote, unescaped up to the closing one, or to the end if it is missing.
fn quoted_string(input: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut position = 0;
    while let Some(&byte) = input.get(position) {
        position += 1;
        match byte {
            b'"' => break,
            b'\\' if position < input.len() => {
                value.push(input[position]);
                position += 1;
            }
            other => value.push(other),
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

/// `charset'language'percent-encoded` (RFC 8187). Unknown charsets and broken UTF-8 are no value, so `filename` counts.
fn extended_value(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes: Vec<u8> = percent_decode(encoded).collect();
    let name = if charset.eq_ignore_ascii_case(b"UTF-8") {
        String::from_utf8(bytes).ok()?
    } else if charset.eq_ignore_ascii_case(b"ISO-8859-1") {
        latin_1(&bytes)
    } else {
        return None;
    };
    (!name.is_empty()).then_some(name)
}

/// Header text is ISO-8859-1 by the letter and UTF-8 in practice.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| latin_1(bytes), str::to_owned)
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
#[path = "disposition_tests.rs"]
mod tests;
