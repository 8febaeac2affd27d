//! What the routes that lead to a presigned GET have in common.

use std::time::Duration;

use files_domain::{File, Timestamp, limits};
use files_objects::Presigned;
use lambda_http::http::header::{CACHE_CONTROL, LOCATION};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};
use serde_json::json;

use crate::{ApiError, ApiResult, Reason, query_parameter, respond};

/// How a client wants a presigned URL: `redirect` and `expires_in` of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlQuery {
    /// Whether the response is a redirect; otherwise it has the URL in its body.
    pub redirect: bool,
    seconds: u64,
}

impl UrlQuery {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// [`Reason::MalformedParameter`].
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let redirect = match query_parameter(request, "redirect") {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(malformed_parameter("redirect", "redirect must be true or false")),
        };
        let (shortest, longest, usual) = limits::DOWNLOAD_SECONDS;
        let out_of_range =
            || malformed_parameter("expires_in", "expires_in must be a number of seconds from 60 to 3600");
        let seconds = match query_parameter(request, "expires_in") {
            None => usual,
            Some(text) => {
                let seconds = text.parse().ok().filter(|seconds| (shortest..=longest).contains(seconds));
                seconds.ok_or_else(out_of_range)?
            }
        };
        Ok(Self { redirect, seconds })
    }

    /// Returns the lifetime of the URL, which does not exceed the file's.
    #[must_use]
    pub fn lifetime(&self, file: &File, now: Timestamp) -> Duration {
        let left = file.expires_at.map_or(u64::MAX, |at| at.seconds().saturating_sub(now.seconds()));
        Duration::from_secs(self.seconds.min(left).max(1))
    }

    /// Returns the redirect to a URL, or the URL in a body, for players, web pages and SDKs: a `<video>` element can send no header.
    ///
    /// # Errors
    /// [`Reason::InternalError`]: the URL cannot be a header's value.
    pub fn respond(&self, presigned: &Presigned) -> ApiResult {
        let mut response = if self.redirect {
            redirect_to(presigned)?
        } else {
            let body = json!({"url": presigned.url, "expires_at": presigned.expires_at.to_string()});
            respond(StatusCode::OK, &body)
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        Ok(response)
    }
}

fn redirect_to(presigned: &Presigned) -> ApiResult {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_str(&presigned.url).map_err(ApiError::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Returns the error of a parameter in the query whose value is invalid.
#[must_use]
pub fn malformed_parameter(field: &str, message: &str) -> ApiError {
    ApiError::from(Reason::MalformedParameter).with_message(message).on_field(field, Some(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use lambda_http::RequestExt;

    fn read(name: &str, value: &str) -> Result<UrlQuery, Reason> {
        let parameters = HashMap::from([(name.to_owned(), vec![value.to_owned()])]);
        let request = Request::new(Body::Empty).with_query_string_parameters(parameters);
        UrlQuery::read(&request).map_err(|error| error.reason())
    }

    #[test]
    fn the_bounds_of_a_lifetime_are_exact() {
        assert_eq!(read("other", "x"), Ok(UrlQuery { redirect: true, seconds: 300 }));
        assert_eq!(read("redirect", "false"), Ok(UrlQuery { redirect: false, seconds: 300 }));
        assert_eq!(read("expires_in", "60").unwrap().seconds, 60);
        assert_eq!(read("expires_in", "3600").unwrap().seconds, 3600);
        for (name, value) in
            [("expires_in", "59"), ("expires_in", "3601"), ("expires_in", "x"), ("redirect", "no")]
        {
            assert_eq!(read(name, value), Err(Reason::MalformedParameter), "{name}={value}");
        }
    }
}
