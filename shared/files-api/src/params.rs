use files_domain::FileId;
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::{ApiError, Reason};

/// A header as text; one that is not text is as good as none.
#[must_use]
pub fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// The id in the path.
///
/// # Errors
/// [`Reason::MalformedId`].
pub fn file_id(request: &Request) -> Result<FileId, ApiError> {
    let id = request.path_parameters_ref().and_then(|parameters| parameters.first("id")).unwrap_or_default();
    id.parse().map_err(|_| Reason::MalformedId.into())
}

/// The file name in the path: as it came, and with its percent-encoding undone, since gateways differ in whether they
/// have done that already.
#[must_use]
pub fn file_name(request: &Request) -> (String, String) {
    let name =
        request.path_parameters_ref().and_then(|parameters| parameters.first("filename")).unwrap_or_default();
    (name.to_owned(), percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// The body as JSON, whatever type it is said to be of.
///
/// # Errors
/// [`Reason::MalformedRequest`].
pub fn json_body<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    serde_json::from_slice(request.body()).map_err(|error| {
        let message =
            format!("The JSON body cannot be read (line {}, column {})", error.line(), error.column());
        ApiError::from(Reason::MalformedRequest).with_message(message) // the error itself would quote the body
    })
}

/// All query parameters, decoded. They come from the event: in the request's URI, a `?` or `#` that was decoded in the path
/// would be taken for the beginning of the query, or for its end.
#[must_use]
pub fn query_parameters(request: &Request) -> Vec<(&str, &str)> {
    request.query_string_parameters_ref().map(|parameters| parameters.iter().collect()).unwrap_or_default()
}

/// One query parameter.
#[must_use]
pub fn query_parameter<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query_string_parameters_ref()?.first(name)
}
