//! Decodes encoded words (RFC 2047), such as `=?utf-8?B?…?=`. .NET uses them in quoted file names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::extended::in_charset;

/// Decodes a text that consists of encoded words and white space between them. Returns any other text unchanged.
pub(crate) fn decode(text: String) -> String {
    words(&text).unwrap_or(text)
}

fn words(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let mut decoded = String::new();
    while !rest.is_empty() {
        let inner = rest.strip_prefix("=?")?;
        let (charset, inner) = inner.split_once('?')?;
        let (encoding, inner) = inner.split_once('?')?;
        let (encoded, after) = inner.split_once("?=")?;
        decoded.push_str(&word(charset, encoding, encoded)?);
        rest = after.trim_start();
    }
    (!decoded.is_empty()).then_some(decoded)
}

fn word(charset: &str, encoding: &str, encoded: &str) -> Option<String> {
    let charset = charset.split('*').next()?; // RFC 2231, section 5 allows a language after the charset
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        "Q" | "q" => quoted_printable(encoded)?,
        _ => return None,
    };
    in_charset(charset.as_bytes(), bytes)
}

/// Decodes the `Q` encoding: `_` is a space, `=41` a byte.
fn quoted_printable(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut input = encoded.bytes();
    while let Some(byte) = input.next() {
        match byte {
            b'_' => bytes.push(b' '),
            b'=' => {
                let digits = [input.next()?, input.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encoded_words_are_decoded() {
        for (text, expected) in [
            ("=?utf-8?B?Z3LDvG4ubXA0?=", "grün.mp4"),
            ("=?UTF-8?q?gr=C3=BCn_film.mp4?=", "grün film.mp4"),
            ("=?iso-8859-1?Q?gr=FCn.mp4?=", "grün.mp4"),
            ("=?utf-8?B?Z3LDvG4=?= =?utf-8?B?Lm1wNA==?=", "grün.mp4"),
            ("=?utf-8*de?B?Z3LDvG4ubXA0?=", "grün.mp4"),
            ("=?koi8-r?B?wQ==?=", "=?koi8-r?B?wQ==?="),
            ("=?utf-8?B?*?=", "=?utf-8?B?*?="),
            ("=?utf-8?Q?=C3?=", "=?utf-8?Q?=C3?="),
            ("why =?utf-8?B?Z3LDvG4=?=", "why =?utf-8?B?Z3LDvG4=?="),
            ("=?", "=?"),
            ("clip.mp4", "clip.mp4"),
        ] {
            assert_eq!(decode(text.to_owned()), expected, "{text}");
        }
    }
}
