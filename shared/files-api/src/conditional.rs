use http::HeaderValue;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use lambda_http::{Body, Request, Response};

use crate::{ApiError, ApiResult, Reason, header};

/// Returns a file's entity tag (RFC 9110, section 8.8.3), which changes with every change of the file.
#[must_use]
pub fn etag(version: u64) -> String {
    format!("\"v{version}\"")
}

/// Checks that the client's `If-Match` allows a change of the file with this entity tag (RFC 9110, section 13.1.1). Without
/// the header every change is allowed; a weak tag matches nothing.
///
/// # Errors
/// [`Reason::PreconditionFailed`]. [`Reason::MalformedParameter`]: the header is not a list of entity tags.
pub fn check_if_match(request: &Request, etag: &str) -> Result<(), ApiError> {
    let Some(tags) = request.headers().get(IF_MATCH) else { return Ok(()) };
    let tags = tags.to_str().unwrap_or_default();
    let mut list = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).peekable();
    if list.peek().is_none() || !list.all(is_entity_tag) {
        let message =
            format!("If-Match must be the ETag of the file with its quotes, such as {}, or *", self::etag(1));
        return Err(ApiError::from(Reason::MalformedParameter).with_message(message));
    }
    let matches = tags.split(',').map(str::trim).any(|tag| tag == etag || tag == "*");
    if matches { Ok(()) } else { Err(Reason::PreconditionFailed.into()) }
}

/// Returns whether a member of a list is `*` or an entity tag. A comma in a tag is not supported, since no tag of a file has one.
fn is_entity_tag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text == "*" || inner.is_some_and(|inner| !inner.is_empty() && !inner.contains('"'))
}

/// Returns whether the client's `If-None-Match` names this entity tag (RFC 9110, section 13.1.2).
#[must_use]
pub fn is_fresh(request: &Request, etag: &str) -> bool {
    let Some(tags) = header(request, IF_NONE_MATCH.as_str()) else {
        return false;
    };
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

/// Adds an entity tag to a response.
///
/// # Errors
/// [`Reason::InternalError`]: the tag cannot be a header.
pub fn with_etag(mut response: Response<Body>, tag: &str) -> ApiResult {
    response.headers_mut().insert(ETAG, HeaderValue::from_str(tag).map_err(ApiError::internal)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_if_match_that_is_not_a_list_of_tags_is_refused() {
        let check = |tags: &str| {
            let request = http::Request::builder().header(IF_MATCH, tags).body(Body::Empty).unwrap();
            check_if_match(&request, "\"v3\"").map_err(|error| error.reason())
        };
        for tags in ["\"v3\"", "*", "\"v2\", \"v3\"", "\"v3\","] {
            assert_eq!(check(tags), Ok(()), "{tags}");
        }
        for tags in ["\"v2\"", "W/\"v3\"", "\"v1\",\"v2\""] {
            assert_eq!(check(tags), Err(Reason::PreconditionFailed), "{tags}");
        }
        for tags in ["", " ", "v3", "\"v3", "\"\"", ",", "W/v3"] {
            assert_eq!(check(tags), Err(Reason::MalformedParameter), "{tags}");
        }
    }
}
