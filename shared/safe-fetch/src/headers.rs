//! Reads metadata of the file from response headers.

use crate::coding::{self, Coding};
use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, TRANSFER_ENCODING};
use percent_encoding::percent_decode_str;
use url::Url;

/// Returns the essence of the content type (`video/mp4`), lower case, without parameters, or `None` if it is malformed.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    (is_token(kind) && is_token(subtype)).then(|| essence.to_ascii_lowercase())
}

/// Returns the file name in `Content-Disposition`, not sanitised. A percent-encoded name without spaces is decoded, as browsers
/// do.
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

/// Returns the last segment of the path that is not empty, percent-decoded.
pub(crate) fn name_in_path(url: &Url) -> Option<String> {
    url.path_segments()?.rfind(|segment| !segment.is_empty()).map(decode_path)
}

/// Decodes a percent-encoded segment of a path. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn decode_path(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Returns the content codings of a body. Ignores gzip for files that are gzip archives themselves (`film.tar.gz`), because
/// Apache declares it for them.
pub(crate) fn codings(headers: &HeaderMap, path: &str) -> Vec<Coding> {
    let mut codings = coding::of(headers);
    let is_gzip = content_type(headers).is_some_and(|content_type| content_type.contains("gzip"))
        || [".gz", ".tgz", ".svgz"].iter().any(|end| path.to_ascii_lowercase().ends_with(end));
    if is_gzip {
        codings.retain(|coding| *coding != Coding::Gzip);
    }
    codings
}

/// Returns whether the transfer codings are at most `chunked` and `identity`.
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

/// Returns the size of all names and values in bytes: the size of RFC 9113, section 6.5.2, without its 32 bytes per field.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Returns whether a text is a token (RFC 9110, section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
