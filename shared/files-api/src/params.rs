use files_domain::{FileId, KeyHash};
use http::header::CONTENT_ENCODING;
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;

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

/// Reads the body as a JSON object, whatever its declared media type.
///
/// # Errors
/// [`Reason::MalformedRequest`], [`Reason::RepeatedField`], [`Reason::UnsupportedEncoding`].
pub fn json_object(request: &Request) -> Result<JsonObject, ApiError> {
    check_not_encoded(request)?;
    JsonObject::read(request.body())
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

/// Returns one query parameter.
#[must_use]
pub fn query_parameter<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query_string_parameters_ref()?.first(name)
}
