use std::time::Duration;

use files_api::{ApiError, Reason, query_parameter};
use files_domain::{File, Timestamp, limits};
use files_objects::Disposition;
use lambda_http::Request;

/// The parsed query string of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DownloadQuery {
    pub(crate) redirect: bool,
    pub(crate) disposition: Disposition,
    seconds: u64,
}

impl DownloadQuery {
    pub(crate) fn read(request: &Request) -> Result<Self, ApiError> {
        let (shortest, longest, usual) = limits::DOWNLOAD_SECONDS;
        let redirect = match query_parameter(request, "redirect") {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(wrong("redirect", "redirect must be true or false")),
        };
        let disposition = match query_parameter(request, "disposition") {
            None | Some("attachment") => Disposition::Attachment,
            Some("inline") => Disposition::Inline,
            Some(_) => return Err(wrong("disposition", "disposition must be inline or attachment")),
        };
        let seconds = match query_parameter(request, "expires_in") {
            None => usual,
            Some(text) => {
                let seconds = text.parse().ok().filter(|seconds| (shortest..=longest).contains(seconds));
                seconds.ok_or_else(|| {
                    wrong("expires_in", "expires_in must be a number of seconds from 60 to 3600")
                })?
            }
        };
        Ok(Self { redirect, disposition, seconds })
    }

    /// Returns the lifetime of the URL, which does not exceed that of the file.
    pub(crate) fn lifetime(&self, file: &File, now: Timestamp) -> Duration {
        let left = file.expires_at.map_or(u64::MAX, |at| at.seconds().saturating_sub(now.seconds()));
        Duration::from_secs(self.seconds.min(left).max(1))
    }
}

fn wrong(field: &str, message: &str) -> ApiError {
    ApiError::from(Reason::MalformedParameter).with_message(message).on_field(field, Some(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use lambda_http::{Body, RequestExt};

    fn read(query: &str) -> Result<DownloadQuery, Reason> {
        let parameters: HashMap<String, Vec<String>> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), vec![value.into_owned()]))
            .collect();
        let request = Request::new(Body::Empty).with_query_string_parameters(parameters);
        DownloadQuery::read(&request).map_err(|error| error.reason())
    }

    #[test]
    fn the_bounds_of_a_lifetime_are_exact() {
        assert_eq!(read("").unwrap().seconds, 300);
        assert_eq!(read("expires_in=60").unwrap().seconds, 60);
        assert_eq!(read("expires_in=3600").unwrap().seconds, 3600);
        for wrong in ["expires_in=59", "expires_in=3601", "expires_in=x", "redirect=no", "disposition=x"] {
            assert_eq!(read(wrong), Err(Reason::MalformedParameter), "{wrong}");
        }
    }
}
