//! Reads content codings (RFC 9110, section 8.4) and decodes texts of bounded length.

use crate::FetchError;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::{ErrorKind, Read};

/// A registered content coding. Other values that sources write into `Content-Encoding` (`UTF-8`, `base64`, `binary`,
/// `aws-chunked`, `identity`, `none`) are ignored, because they do not change the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    /// A coding that this crate cannot decode.
    Other(&'static str),
}

/// The maximum number of nested codings.
const MAX_LAYERS: usize = 3;
/// The registered codings that this crate cannot decode (IANA's HTTP Content Coding Registry).
const UNSUPPORTED: [&str; 7] = ["compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "lzma"];

impl Coding {
    fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        match word.as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => UNSUPPORTED.into_iter().find(|other| *other == word).map(Self::Other),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Other(name) => name,
        }
    }

    /// Returns whether a body in this coding may begin with these bytes: some sources name a coding that they have not applied.
    fn may_begin(self, head: &[u8]) -> bool {
        match self {
            Self::Gzip => head.starts_with(GZIP),
            Self::Zstd => {
                head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || head.get(1..4) == Some(&[0x2a, 0x4d, 0x18])
            }
            _ => true,
        }
    }
}

const GZIP: &[u8] = &[0x1f, 0x8b];

/// Returns the codings of a response, in the order in which they were applied.
pub(crate) fn of(headers: &HeaderMap) -> Vec<Coding> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).filter_map(Coding::parse).collect()
}

/// Returns the outermost coding of a body with this beginning, or `None` if it is not encoded.
pub(crate) fn outermost(codings: &[Coding], head: &[u8]) -> Option<Coding> {
    codings.last().copied().filter(|coding| coding.may_begin(head))
}

/// Decodes a text of at most `most` bytes. Also decodes gzip that `Content-Encoding` does not declare.
///
/// # Errors
/// [`FetchError::TooLong`] if a decoded layer is longer than `most`, [`FetchError::ContentEncoding`] if it cannot be decoded
/// completely.
pub(crate) fn decode(codings: &[Coding], body: Vec<u8>, most: usize) -> Result<Vec<u8>, FetchError> {
    let mut text = body;
    for coding in layers(codings, &text)? {
        let (decoded, end) = decode_one(coding, &text, most);
        match end {
            End::Whole => text = decoded,
            End::TooLong => return Err(FetchError::TooLong),
            End::Broken => return Err(FetchError::ContentEncoding(coding.name())),
        }
    }
    Ok(text)
}

/// Decodes the beginning of a text, at most `most` bytes. A decoding error ends the result early.
pub(crate) fn decode_head(codings: &[Coding], head: &[u8], most: usize) -> Vec<u8> {
    let all = layers(codings, head).unwrap_or_default();
    all.into_iter().fold(head.to_vec(), |text, coding| decode_one(coding, &text, most).0)
}

/// Returns the codings to decode, the outermost first.
fn layers(codings: &[Coding], body: &[u8]) -> Result<Vec<Coding>, FetchError> {
    if codings.len() > MAX_LAYERS {
        return Err(FetchError::ContentEncoding("many codings"));
    }
    let undeclared = (codings.is_empty() && body.starts_with(GZIP)).then_some(Coding::Gzip);
    let said = codings.iter().rev().copied().filter(|coding| !body.is_empty() && coding.may_begin(body));
    Ok(said.chain(undeclared).collect())
}

/// How decoding ended.
enum End {
    Whole,
    TooLong,
    Broken,
}

fn decode_one(coding: Coding, body: &[u8], most: usize) -> (Vec<u8>, End) {
    match coding {
        Coding::Gzip => read(flate2::read::MultiGzDecoder::new(body), most),
        // RFC 9110 defines deflate as the zlib format, but some servers send raw deflate data.
        Coding::Deflate => match read(flate2::read::ZlibDecoder::new(body), most) {
            (text, End::Broken) if text.is_empty() => read(flate2::read::DeflateDecoder::new(body), most),
            zlib => zlib,
        },
        Coding::Brotli => read(brotli_decompressor::Decompressor::new(body, 4096), most),
        Coding::Zstd => match ruzstd::decoding::StreamingDecoder::new(body) {
            Ok(decoder) => read(decoder, most),
            Err(_) => (Vec::new(), End::Broken),
        },
        Coding::Other(_) => (Vec::new(), End::Broken),
    }
}

/// Reads a decoder to its end, or up to a limit in bytes.
fn read(mut decoder: impl Read, most: usize) -> (Vec<u8>, End) {
    let mut text = Vec::new();
    let mut buffer = [0; 8 * 1024];
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => return (text, End::Whole),
            Ok(read) => text.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return (text, End::Broken),
        }
        if text.len() > most {
            text.truncate(most);
            return (text, End::TooLong);
        }
    }
}

#[cfg(test)]
#[path = "coding_tests.rs"]
mod tests;
