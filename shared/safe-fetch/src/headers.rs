//! What the headers of an answer say about the file.

use crate::coding::{self, Coding};
use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, TRANSFER_ENCODING};
use percent_encoding::percent_decode_str;
use url::Url;

/// The essence of the content type (`video/mp4`), lower case, without parameters; `None` if it is no media type.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    (is_token(kind) && is_token(subtype)).then(|| essence.to_ascii_lowercase())
}

/// Returns the file name in `Content-Disposition`. Raw, not cleaned. A name that is percent-encoded as a whole is decoded, as
/// browsers do.
pub(crate) fn disposition_name(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(CONTENT_DISPOSITION);
    let name = all.iter().find_map(|value| header_params::file_name(value.as_bytes()))?;
    let decoded = percent_decode_str(&name).decode_utf8().ok().filter(|_| !name.contains(' '));
    Some(decoded.map(std::borrow::Cow::into_owned).unwrap_or(name))
}

/// Returns whether `Content-Disposition` is `attachment`.
pub(crate) fn is_attachment(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_DISPOSITION).map(|value| value.as_bytes().trim_ascii_start());
    said.and_then(|said| said.get(..10)).is_some_and(|kind| kind.eq_ignore_ascii_case(b"attachment"))
}

/// Returns the last segment of the path, decoded.
pub(crate) fn name_in_path(url: &Url) -> Option<String> {
    url.path_segments()?.rfind(|segment| !segment.is_empty()).map(decode_path)
}

/// Decodes a percent-encoded segment of a path.
#[must_use]
pub fn decode_path(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The content codings of a body. Apache calls a file that is compressed itself (`film.tar.gz`) encoded: there it is none.
pub(crate) fn codings(headers: &HeaderMap, path: &str) -> Vec<Coding> {
    let mut codings = coding::of(headers);
    let is_gzip = content_type(headers).is_some_and(|content_type| content_type.contains("gzip"))
        || [".gz", ".tgz", ".svgz"].iter().any(|end| path.to_ascii_lowercase().ends_with(end));
    if is_gzip {
        codings.retain(|coding| *coding != Coding::Gzip);
    }
    codings
}

/// Whether no transfer coding but chunks is used.
pub(crate) fn is_plain_transfer(headers: &HeaderMap) -> bool {
    lists_only(headers, &TRANSFER_ENCODING, &["chunked", "identity"])
}

fn lists_only(headers: &HeaderMap, name: &http::HeaderName, words: &[&str]) -> bool {
    headers.get_all(name).iter().all(|value| {
        let Ok(list) = value.to_str() else { return false };
        list.split(',')
            .map(str::trim)
            .all(|item| item.is_empty() || words.iter().any(|word| item.eq_ignore_ascii_case(word)))
    })
}

/// The size as HTTP/2 counts it (RFC 9113, 6.5.2), but without its 32 bytes per field.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// RFC 9110, 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
