use files_domain::SourceHeaders;
use lambda_http::Request;
use serde::Deserialize;
use serde_json::Value;

use crate::create::check_headers;
use crate::{ApiError, Reason, json_body};

/// A request to look at a URL.
#[derive(Debug)]
pub struct PreviewRequest {
    /// Where, as the client wrote it.
    pub file_url: String,
    /// What to send along to the source.
    pub headers: SourceHeaders,
}

#[derive(Debug, Deserialize)]
struct Fields {
    file_url: Option<String>,
    headers: Option<Value>,
}

impl PreviewRequest {
    /// Reads and checks the body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let Fields { file_url, headers } = json_body(request)?;
        let missing = || ApiError::from(Reason::InvalidUrl).on_field("file_url", Some("missing".into()));
        let file_url = file_url.ok_or_else(missing)?;
        Ok(Self { file_url, headers: headers.map(check_headers).transpose()?.unwrap_or_default() })
    }
}
