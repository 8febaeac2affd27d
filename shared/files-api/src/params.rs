use files_domain::{FileId, KeyHash};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;

use crate::json_object::{BYTE_ORDER_MARK, printable};
use crate::{ApiError, JsonObject, Reason};

/// Returns a header field as text; `None` if it is missing or not text.
#[must_use]
pub fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Parses the id in the path.
///
/// # Errors
/// [`Reason::MalformedId`].
pub fn file_id(request: &Request) -> Result<FileId, ApiError> {
    let id = request.path_parameters_ref().and_then(|parameters| parameters.first("id")).unwrap_or_default();
    id.parse().map_err(|_| Reason::MalformedId.into())
}

/// Parses the id of an upload token in the path.
///
/// # Errors
/// [`Reason::NotFound`]: there is no such token, or the text is not an id.
pub fn upload_token_id(request: &Request) -> Result<KeyHash, ApiError> {
    let id = request.path_parameters_ref().and_then(|parameters| parameters.first("id")).unwrap_or_default();
    id.parse().map_err(|_| Reason::NotFound.into())
}

/// Returns the file name in the path, unchanged and percent-decoded, since gateways differ in whether they decode it.
#[must_use]
pub fn file_name(request: &Request) -> (String, String) {
    let name =
        request.path_parameters_ref().and_then(|parameters| parameters.first("filename")).unwrap_or_default();
    (name.to_owned(), percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// Reads the body as a JSON object. Text that looks like one may have any declared media type.
///
/// # Errors
/// [`Reason::MalformedRequest`], [`Reason::RepeatedField`], [`Reason::UnsupportedEncoding`], [`Reason::UnsupportedMediaType`].
pub fn json_object(request: &Request) -> Result<JsonObject, ApiError> {
    check_json(request)?;
    JsonObject::read(request.body())
}

/// Rejects a body that is not JSON, as far as its encoding and media type tell.
///
/// # Errors
/// [`Reason::UnsupportedEncoding`], [`Reason::UnsupportedMediaType`], [`Reason::MalformedRequest`].
pub(crate) fn check_json(request: &Request) -> Result<(), ApiError> {
    check_not_encoded(request)?;
    check_json_type(request)?;
    check_utf8(request)
}

/// Rejects a body of another declared media type, unless it looks like a JSON object: `curl -d` declares any text as a form.
fn check_json_type(request: &Request) -> Result<(), ApiError> {
    let body: &[u8] = request.body();
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    let declared = header(request, CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence.is_empty() || essence == "application/json" || essence.ends_with("+json");
    if is_json || text.is_empty() || text.starts_with(b"{") {
        return Ok(());
    }
    let message = "The body must be a JSON object: send it with Content-Type: application/json";
    Err(ApiError::from(Reason::UnsupportedMediaType).with_message(message))
}

/// Rejects JSON that is not UTF-8 (RFC 8259, section 8.1). API Gateway passes JSON as text and replaces each invalid byte with
/// U+FFFD, which has three bytes, so that the body is longer than the request's `Content-Length`.
pub(crate) fn check_utf8(request: &Request) -> Result<(), ApiError> {
    let body: &[u8] = request.body();
    let length: Option<usize> = header(request, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
    let is_longer = || length.is_some_and(|length| body.len() > length);
    match str::from_utf8(body) {
        Ok(text) if !(text.contains(char::REPLACEMENT_CHARACTER) && is_longer()) => Ok(()),
        _ => {
            let message = "The JSON body is not UTF-8";
            Err(ApiError::from(Reason::MalformedRequest).with_message(message))
        }
    }
}

/// Rejects a body with a content coding (RFC 9110, section 8.4), since none is supported.
pub(crate) fn check_not_encoded(request: &Request) -> Result<(), ApiError> {
    let codings = request.headers().get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = codings.flat_map(|list| list.split(',')).map(str::trim);
    if codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity")) {
        return Ok(());
    }
    let message = "Content-Encoding is not supported in requests: send the body as it is";
    Err(ApiError::from(Reason::UnsupportedEncoding).with_message(message))
}

/// Returns all query parameters, decoded. Reads them from the event, since a decoded `?` or `#` in the path of the request's URI would
/// begin or end the query.
#[must_use]
pub fn query_parameters(request: &Request) -> Vec<(&str, &str)> {
    request.query_string_parameters_ref().map(|parameters| parameters.iter().collect()).unwrap_or_default()
}

/// Rejects a query parameter that is given more than once, since clients differ in which one they mean.
///
/// # Errors
/// [`Reason::MalformedParameter`].
pub(crate) fn check_query(request: &Request) -> Result<(), ApiError> {
    let mut names: Vec<&str> = query_parameters(request).into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let Some(repeated) = names.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
    let name = printable(repeated[0]);
    let message = format!("The query parameter {name} is given more than once: give it once");
    Err(ApiError::from(Reason::MalformedParameter).with_message(&message).on_field(&name, Some(message)))
}

/// Returns one query parameter.
#[must_use]
pub fn query_parameter<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query_string_parameters_ref()?.first(name)
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
