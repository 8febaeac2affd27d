//! Decodes the extended form of RFC 8187 and the continuations of RFC 2231.

use percent_encoding::percent_decode;

use crate::{FieldValue, latin_1};

/// The maximum number of continuations. Further ones are ignored.
const MAX_CONTINUATIONS: usize = 64;

/// Decodes `charset'language'percent-encoded`. Returns `None` for an unknown charset or invalid UTF-8, so that the plain form is
/// used.
pub(crate) fn decode(value: &[u8]) -> Option<String> {
    let (charset, encoded) = charset_and_text(value)?;
    in_charset(charset, percent_decode(encoded).collect())
}

/// Joins `name*0`, `name*1`, …. Those whose names end with an asterisk (`name*0*`) are percent-encoded.
pub(crate) fn continued(field: &FieldValue, wanted: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut charset: &[u8] = b"utf-8";
    for index in 0..MAX_CONTINUATIONS {
        if let Some(plain) = field.all(&format!("{wanted}*{index}")).next() {
            bytes.extend_from_slice(plain);
        } else if let Some(encoded) = field.all(&format!("{wanted}*{index}*")).next() {
            let mut encoded = encoded;
            if index == 0 {
                (charset, encoded) = charset_and_text(encoded)?;
            }
            bytes.extend(percent_decode(encoded));
        } else {
            break;
        }
    }
    in_charset(charset, bytes)
}

fn charset_and_text(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    Some((charset, encoded))
}

/// Decodes bytes in a charset. Returns `None` for an unknown charset, invalid bytes, and an empty text.
pub(crate) fn in_charset(charset: &[u8], bytes: Vec<u8>) -> Option<String> {
    let text = if charset.eq_ignore_ascii_case(b"UTF-8") || charset.eq_ignore_ascii_case(b"US-ASCII") {
        String::from_utf8(bytes).ok()?
    } else if charset.eq_ignore_ascii_case(b"ISO-8859-1") {
        latin_1(&bytes)
    } else {
        return None;
    };
    (!text.is_empty()).then_some(text)
}
