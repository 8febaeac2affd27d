use files_domain::{ApiKey, Authority, CheckKey, Scope, Timestamp};
use http::header::AUTHORIZATION;
use lambda_http::Request;

use crate::{ApiError, Reason, header, query_parameter};

/// The key that the request presents, for what it needs. Whether the key is good is for the records to say, in the same
/// read or transaction that does the work; garbage is refused here and costs no read.
///
/// # Errors
/// [`Reason::InvalidApiKey`].
pub fn authority(request: &Request, scope: Scope, now: Timestamp) -> Result<Authority, ApiError> {
    let text = presented(request).ok_or(Reason::InvalidApiKey)?;
    let key = ApiKey::parse(text.trim()).ok_or(Reason::InvalidApiKey)?;
    Ok(Authority { key, scope, now })
}

/// What was read of a request, or what is wrong with it. The latter is told only to the holder of a good key: to all
/// others the answer is 401, whatever they sent.
///
/// # Errors
/// The key's problem, else the request's.
pub async fn for_key_holder<T>(
    keys: &impl CheckKey,
    access: &Authority,
    parsed: Result<T, ApiError>,
) -> Result<T, ApiError> {
    match parsed {
        Ok(parsed) => Ok(parsed),
        Err(wrong) => {
            keys.check_key(access).await?;
            Err(wrong)
        }
    }
}

/// The header first, then `Authorization: Bearer` (RFC 6750), then the query.
fn presented(request: &Request) -> Option<String> {
    // Clients send an empty header where a variable is not set: it is as good as none.
    if let Some(key) = header(request, "x-api-key").filter(|key| !key.trim().is_empty()) {
        return Some(key.to_owned());
    }
    if let Some((scheme, key)) =
        header(request, AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(key.to_owned());
    }
    query_parameter(request, "key").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::OwnerId;
    use lambda_http::{Body, RequestExt};
    use std::collections::HashMap;

    fn ask(uri: &str, headers: &[(&str, &str)]) -> Result<Authority, ApiError> {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let query = uri.split_once("key=").map(|(_, key)| ("key".to_owned(), vec![key.to_owned()]));
        let parameters: HashMap<_, _> = query.into_iter().collect();
        let request = request.body(Body::Empty).unwrap().with_query_string_parameters(parameters);
        authority(&request, Scope::Read, Timestamp::from_millis(1))
    }

    #[test]
    fn a_key_may_come_in_three_ways() {
        let key = ApiKey::generate(OwnerId::named("press")).unwrap();
        let text = key.reveal();
        let bearer = format!("bearer {text}");
        let query = format!("/v1/files?key={text}");
        for (uri, headers) in [
            ("/", vec![("X-API-KEY", text)]),
            ("/", vec![("Authorization", bearer.as_str())]),
            ("/", vec![("X-API-KEY", ""), ("Authorization", bearer.as_str())]),
            ("/", vec![("X-API-KEY", " "), ("Authorization", bearer.as_str())]),
            (query.as_str(), vec![]),
        ] {
            assert_eq!(ask(uri, &headers).unwrap().key.hash(), key.hash());
        }
    }

    #[test]
    fn no_key_and_garbage_are_refused_alike() {
        for (uri, headers) in [
            ("/", vec![]),
            ("/?key=", vec![]),
            ("/", vec![("X-API-KEY", "fm_0123")]),
            ("/", vec![("Authorization", "Basic Zm06Zm0=")]),
        ] {
            assert_eq!(ask(uri, &headers).unwrap_err().reason(), Reason::InvalidApiKey);
        }
    }
}
