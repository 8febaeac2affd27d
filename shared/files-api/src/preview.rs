use files_domain::SourceHeaders;
use lambda_http::Request;

use crate::create::check_headers;
use crate::{ApiError, Reason, json_object};

/// A request for a preview of a URL.
#[derive(Debug)]
pub struct PreviewRequest {
    /// The URL as the client wrote it.
    pub file_url: String,
    /// Headers for the requests to the source.
    pub headers: SourceHeaders,
}

impl PreviewRequest {
    /// Reads and checks the body.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`], [`Reason::InvalidUrl`], [`Reason::InvalidHeaders`], [`Reason::RepeatedField`],
    /// [`Reason::UnsupportedEncoding`].
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let mut json = json_object(request)?;
        let missing = || ApiError::from(Reason::InvalidUrl).on_field("file_url", Some("missing".into()));
        let file_url = json.string("file_url", Reason::InvalidUrl)?.ok_or_else(missing)?;
        let headers = json.strings("headers", Reason::InvalidHeaders)?;
        Ok(Self { file_url, headers: headers.map(check_headers).transpose()?.unwrap_or_default() })
    }
}
