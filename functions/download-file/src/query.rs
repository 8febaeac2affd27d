use files_api::{ApiError, UrlQuery, malformed_parameter, query_parameter};
use files_objects::Disposition;
use lambda_http::Request;

/// The parsed query string of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DownloadQuery {
    pub(crate) url: UrlQuery,
    pub(crate) disposition: Disposition,
}

impl DownloadQuery {
    pub(crate) fn read(request: &Request) -> Result<Self, ApiError> {
        let disposition = match query_parameter(request, "disposition") {
            None | Some("attachment") => Disposition::Attachment,
            Some("inline") => Disposition::Inline,
            Some(_) => {
                return Err(malformed_parameter("disposition", "disposition must be inline or attachment"));
            }
        };
        Ok(Self { url: UrlQuery::read(request)?, disposition })
    }
}
